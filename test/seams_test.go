package test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/audio"
)

// heardSegment is a segment as the events of a stream tell of it.
type heardSegment struct {
	Type       string  `json:"type"`
	Audio      string  `json:"audio"`
	Kind       string  `json:"kind"`
	Offset     int     `json:"offset"`
	Length     int     `json:"length"`
	StartMS    float64 `json:"start_ms"`
	DurationMS float64 `json:"duration_ms"`
	Estimated  bool    `json:"estimated"`
}

// events speaks a request and returns its samples at 24 kHz, its words and its segments.
func (d *deployment) events(t *testing.T, fields map[string]any) (pcm []float32, words, segments []heardSegment) {
	t.Helper()
	fields["stream_format"], fields["response_format"], fields["timings"] = "sse", "pcm", []string{"word"}
	resp := d.post(t.Context(), t, fields)
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e heardSegment
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case "speech.audio.delta":
			raw, err := base64.StdEncoding.DecodeString(e.Audio)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i+1 < len(raw); i += 2 {
				pcm = append(pcm, float32(int16(binary.LittleEndian.Uint16(raw[i:])))/32768)
			}
		case "orotund.timing":
			words = append(words, e)
		case "orotund.segment":
			segments = append(segments, e)
		case "speech.audio.done":
			return pcm, words, segments
		}
	}
	t.Fatalf("no done event: %v", lines.Err())
	return nil, nil, nil
}

// step is the largest difference between neighbouring samples.
func step(x []float32) (most float64) {
	for i := 1; i < len(x); i++ {
		most = max(most, math.Abs(float64(x[i]-x[i-1])))
	}
	return most
}

// TestSeams: where two engines of other sample rates and levels meet, there is no click, the pause is what it should be, and both are as
// loud.
func TestSeams(t *testing.T) {
	engines(t)
	const rate = 24000
	each(t, "", func(t *testing.T, d *deployment) {
		text := strings.Repeat("The first of some sentences in English is spoken by one engine. 然后另一个引擎用中文说一句比较长的话。", 6)
		pcm, words, segments := d.events(t, map[string]any{"input": text, "voice": "alloy"})
		if len(segments) != 12 || len(words) < 12*10 {
			t.Fatalf("%d segments, %d words", len(segments), len(words))
		}
		cut := func(fromMS, toMS float64) []float32 {
			return pcm[max(0, int(fromMS*rate/1000)):min(len(pcm), int(toMS*rate/1000))]
		}
		var loud [2][]float32
		var worstStep, worstGap float64
		for i, s := range segments {
			speech := cut(s.StartMS, s.StartMS+s.DurationMS)
			loud[i%2] = append(loud[i%2], speech...)
			if i == 0 {
				continue
			}
			before := segments[i-1]
			end := before.StartMS + before.DurationMS
			most := max(step(speech), step(cut(before.StartMS, end)))
			worstStep = max(worstStep, step(cut(end-20, s.StartMS+20))/most)
			from, to := silence(cut(end-30, s.StartMS+30), rate)
			worstGap = max(worstGap, math.Abs(to-from-400))
		}
		for _, w := range words {
			if w.Estimated || w.Offset+w.Length > len(text) || w.StartMS+w.DurationMS > float64(len(pcm))*1000/rate+1 {
				t.Errorf("word %+v", w)
			}
		}
		a, b := integrated(t, loud[0], rate), integrated(t, loud[1], rate)
		t.Logf("largest step at a seam %.2f of the engines' own, pauses off by %.1f ms at most, English at %.1f LUFS, Mandarin at %.1f", worstStep, worstGap, a, b)
		if worstStep > 1 || worstGap > 5 || math.Abs(a-b) > 2 {
			t.Error("the seams can be heard")
		}
	})
}

// silence returns where, in ms, the longest stretch begins and ends in which nothing is audible: no ms that reaches audio.EdgeLevel, within
// ten that reach it together.
func silence(x []float32, rate int) (from, to float64) {
	const window = 10
	block := rate / 1000
	edge := math.Pow(10, audio.EdgeLevel/10)
	power := make([]float64, len(x)/block)
	for i := range power {
		for _, v := range x[i*block : (i+1)*block] {
			power[i] += float64(v) * float64(v) / float64(block)
		}
	}
	audible := make([]bool, len(power)+1)
	audible[len(power)] = true
	for i := range power {
		lo, hi := i, min(i+window, len(power))
		var sum float64
		for _, p := range power[lo:hi] {
			sum += p
		}
		for j := lo; sum >= edge*window && j < hi; j++ {
			audible[j] = audible[j] || power[j] >= edge
		}
	}
	begin := 0
	for i, sounds := range audible {
		if !sounds {
			continue
		}
		if float64(i-begin) > to-from {
			from, to = float64(begin), float64(i)
		}
		begin = i + 1
	}
	return from, to
}

func integrated(t *testing.T, x []float32, rate int) float64 {
	t.Helper()
	m, err := audio.NewLoudness(rate)
	if err != nil {
		t.Fatal(err)
	}
	m.Write(x)
	lufs, ok := m.Integrated()
	if !ok {
		t.Fatal("nothing to measure")
	}
	return lufs
}
