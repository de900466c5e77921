package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/testkit/tone"
)

// TestRealSpeech speaks Mandarin and English in one request, each by its own engine, in every format.
func TestRealSpeech(t *testing.T) {
	engines(t)
	each(t, "", func(t *testing.T, d *deployment) {
		text := "你好，世界。Hello, world. 我喜欢 Python 编程。"
		pcm := d.speak(t, map[string]any{"model": "tts-1", "voice": "alloy", "input": text, "response_format": "pcm"})
		if s := float64(len(pcm)/2) / 24000; s < 2 || s > 15 || level(pcm) < 0.01 {
			t.Fatalf("%.2f s at level %.4f", s, level(pcm))
		}
		wav := d.speak(t, map[string]any{"model": "tts-1", "voice": "alloy", "input": text, "response_format": "wav"})
		if f := inspect(t, wav); f.Container != "wav" || f.SampleRate != 24000 || f.Label == nil {
			t.Fatalf("%+v", f)
		}
		const block = 4096 // that a stream is filled to
		data := len(wav) - bytes.Index(wav, []byte("data")) - 8
		if diff := data - len(pcm); diff < -len(pcm)/20 || diff > len(pcm)/20+block { // espeak-ng is not repeatable to the sample
			t.Fatalf("wav has %d bytes of audio, pcm %d", data, len(pcm))
		}
		program(t, "orotund-worker-codec")
		mp3 := decode(t, d.speak(t, map[string]any{"model": "tts-1", "voice": "alloy", "input": text}))
		if diff := len(mp3) - len(pcm); diff < -len(pcm)/20 || diff > len(pcm)/20+2*2*1152 || level(mp3) < 0.01 {
			t.Fatalf("mp3 has %d bytes of audio, pcm %d", len(mp3), len(pcm))
		}
		for _, engine := range []string{"espeak", "flite"} {
			if n := d.gauge(t, `orotund_segments_total{engine="`+engine+`",outcome="ok"}`); n < 2 {
				t.Errorf("%s spoke %v segments", engine, n)
			}
		}
	})
}

// engines skips a test that needs the two engines.
func engines(t *testing.T) {
	t.Helper()
	program(t, "orotund-worker-espeak")
	program(t, "orotund-worker-flite")
}

// TestFirstByte is the gate: audio leaves before the first segment has been synthesised whole, shown with an engine at real time.
func TestFirstByte(t *testing.T) {
	each(t, "", func(t *testing.T, d *deployment) {
		for _, format := range encodings {
			if format == speech.MP3 || format == speech.AAC {
				program(t, "orotund-worker-codec")
			}
			text := strings.Repeat("a", 40) // one segment: 2 s
			began := time.Now()
			resp := d.post(t.Context(), t, map[string]any{"voice": "tone.paced", "input": text, "response_format": format})
			if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			first := time.Since(began)
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			whole := time.Since(began)
			t.Logf("%s: first byte after %v, last after %v", format, first.Round(time.Millisecond), whole.Round(time.Millisecond))
			if first > whole/4 {
				t.Errorf("%s: the first byte came after %v, the segment was whole after %v", format, first, whole)
			}
		}
	})
}

// asMade leaves audio as engines make it.
const asMade = "inference:\n  sound: {join: false, loudness: 0}\n"

// TestExactSamples: what the engine makes is what the client gets, to the sample, through both deployments.
func TestExactSamples(t *testing.T) {
	each(t, asMade, func(t *testing.T, d *deployment) {
		text := strings.Repeat("Some words here. ", 50)
		pcm := d.speak(t, map[string]any{"voice": "tone.plain", "input": text, "response_format": "pcm", "sample_rate": tone.Rate})
		// The blanks between sentences are not spoken.
		if want := tone.Samples(strings.Repeat("Some words here.", 50)); len(pcm)/2 != want {
			t.Fatalf("%d samples, want %d", len(pcm)/2, want)
		}
	})
}

func TestLists(t *testing.T) {
	each(t, "", func(t *testing.T, d *deployment) {
		for path, want := range map[string]string{
			"/v1/models": "gpt-4o-mini-tts", "/v1/audio/voices": "shimmer", "/api/v1/voices": "tone.plain",
		} {
			resp, err := http.Get(d.url + path)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 || !json.Valid(data) || !bytes.Contains(data, []byte(`"`+want+`"`)) {
				t.Errorf("%s: %s %v %.200s", path, resp.Status, err, data)
			}
		}
	})
}

// TestBadInput is the gate's table, over the network and through both deployments.
func TestBadInput(t *testing.T) {
	each(t, "", func(t *testing.T, d *deployment) {
		for _, tc := range []struct {
			name, body, contentType string
			status                  int
			param                   string
		}{
			{"empty", `{"input":"","voice":"alloy"}`, "", 400, "input"},
			{"punctuation only", `{"input":"?!…。"}`, "", 400, "input"},
			{"invalid UTF-8", "{\"input\":\"a\xff\xfeb\"}", "", 400, "input"},
			{"10 MB", `{"input":"` + strings.Repeat("word ", 2_000_000) + `"}`, "", 413, "input"},
			{"unknown voice", `{"input":"hi","voice":"nobody"}`, "", 404, "voice"},
			{"unknown format", `{"input":"hi","response_format":"midi"}`, "", 400, "response_format"},
			{"unknown model", `{"input":"hi","model":"gpt-9"}`, "", 404, "model"},
			{"speed 0", `{"input":"hi","speed":0}`, "", 400, "speed"},
			{"broken JSON", `{"input":"hi"`, "", 400, "body"},
			{"wrong content type", `input=hi`, "application/x-www-form-urlencoded", 415, "content-type"},
		} {
			ct := tc.contentType
			if ct == "" {
				ct = "application/json"
			}
			resp, err := http.Post(d.url+"/v1/audio/speech", ct, strings.NewReader(tc.body))
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
				continue
			}
			var e struct {
				Error struct{ Message, Type, Param, Code string }
			}
			err = json.NewDecoder(resp.Body).Decode(&e)
			resp.Body.Close()
			if err != nil || resp.StatusCode != tc.status || e.Error.Param != tc.param || e.Error.Message == "" || e.Error.Type != "invalid_request_error" {
				t.Errorf("%s: %s %+v %v", tc.name, resp.Status, e.Error, err)
			}
		}
	})
}
