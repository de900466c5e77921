package inference_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/inference"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/style"
	"github.com/orotund/orotund/internal/testkit/tone"
)

// listen speaks a request and returns its samples, timings and segments.
func listen(t *testing.T, s system, req speech.Request) (pcm []int16, timings []speech.Timing, ends []speech.SegmentEnd) {
	t.Helper()
	_, all, raw := events(t, s, req)
	for i := 0; i+1 < len(raw); i += 2 {
		pcm = append(pcm, int16(binary.LittleEndian.Uint16(raw[i:])))
	}
	for _, ev := range all {
		switch ev.Kind {
		case speech.EventTiming:
			timings = append(timings, ev.Timing)
		case speech.EventSegmentEnd:
			ends = append(ends, ev.SegmentEnd)
		}
	}
	return pcm, timings, ends
}

// sounds returns when sound begins and ends, by the level (RMS, full scale 32768) of any 1 ms; silence of less than gap is inside.
func sounds(pcm []int16, rate int, level float64, gap time.Duration) (spans [][2]time.Duration) {
	block := rate / 1000
	for i := 0; i+block <= len(pcm); i += block / 4 {
		var sum float64
		for _, v := range pcm[i : i+block] {
			sum += float64(v) * float64(v)
		}
		if math.Sqrt(sum/float64(block)) < level {
			continue
		}
		from, to := time.Duration(i)*time.Second/time.Duration(rate), time.Duration(i+block)*time.Second/time.Duration(rate)
		if n := len(spans); n > 0 && from-spans[n-1][1] < gap {
			spans[n-1][1] = to
		} else {
			spans = append(spans, [2]time.Duration{from, to})
		}
	}
	return spans
}

const (
	audible = 73   // audio.EdgeLevel
	loud    = 2200 // half of the tone: where a word begins to be heard
)

func near(a, b, most time.Duration) bool { return (a - b).Abs() <= most }

// TestTimings is the gate: words are told within 30 ms of where they are heard, at every speed, pitch and sample rate, after trims, pauses
// and joins.
func TestTimings(t *testing.T) {
	s := start(t, nil)
	text := "  first   second, 再说 third. Fourth   fifth!\n\nThe   sixth 又 seventh. Eighth"
	for _, tc := range []struct {
		speed, pitch float64
		rate         int
	}{{1, 0, 16000}, {0.5, 0, 24000}, {2, 0, 8000}, {0.25, 0, 16000}, {4, 0, 48000}, {1, 7, 24000}, {1.3, -5, 16000}} {
		req := request(tone.Words, text)
		req.Speed, req.Pitch, req.Format.SampleRate = tc.speed, tc.pitch, tc.rate
		req.Timings = []speech.TimingKind{speech.TimingWord}
		pcm, timings, ends := listen(t, s, req)
		heard := sounds(pcm, tc.rate, loud, time.Duration(20/tc.speed)*time.Millisecond)
		if len(timings) != 11 || len(heard) != len(timings) {
			t.Errorf("%+v: %d timings, %d sounds: %v", tc, len(timings), len(heard), heard)
			continue
		}
		var worst time.Duration
		for i, x := range timings {
			worst = max(worst, (x.Start - heard[i][0]).Abs(), (x.Start + x.Duration - heard[i][1]).Abs())
			if word := text[x.Offset : x.Offset+x.Length]; x.Estimated || strings.ContainsAny(word, " \n") {
				t.Errorf("%+v: %q, estimated %v", tc, word, x.Estimated)
			}
		}
		t.Logf("%+v: off by %v at most", tc, worst)
		if worst > 30*time.Millisecond {
			t.Errorf("%+v: a word is told %v from where it is heard", tc, worst)
		}
		heard = sounds(pcm, tc.rate, audible, time.Millisecond)
		for _, e := range ends {
			for _, x := range timings {
				if inside := x.Offset >= e.Offset && x.Offset < e.Offset+e.Length; inside && (x.Start < e.Start-30*time.Millisecond || x.Start+x.Duration > e.Start+e.Duration) {
					t.Errorf("%+v: word %+v is outside of its segment %+v", tc, x, e)
				}
			}
			if !near(e.Start, nearest(heard, e.Start, 0), 5*time.Millisecond) || !near(e.Start+e.Duration, nearest(heard, e.Start+e.Duration, 1), 5*time.Millisecond) {
				t.Errorf("%+v: segment %+v is not where it is heard", tc, e)
			}
		}
	}
}

func nearest(spans [][2]time.Duration, d time.Duration, side int) time.Duration {
	best := spans[0][side]
	for _, s := range spans {
		if (s[side] - d).Abs() < (best - d).Abs() {
			best = s[side]
		}
	}
	return best
}

// TestEstimatedTimings: an engine that tells no times has its words told in order, within their segments, and marked.
func TestEstimatedTimings(t *testing.T) {
	s := start(t, nil)
	req := request(tone.Untimed, "one two three. 四五六。 last")
	req.Timings = []speech.TimingKind{speech.TimingWord}
	_, timings, ends := listen(t, s, req)
	if len(timings) != 7 || len(ends) != 3 {
		t.Fatalf("%+v %+v", timings, ends)
	}
	at := time.Duration(0)
	for _, x := range timings {
		if !x.Estimated || x.Start < at || x.Duration <= 0 {
			t.Errorf("%+v after %v", x, at)
		}
		at = x.Start + x.Duration
	}
	if end := ends[2].Start + ends[2].Duration; !near(at, end, time.Millisecond) {
		t.Errorf("the last word ends at %v, the last segment at %v", at, end)
	}
	if _, timings, _ := listen(t, s, request(tone.Words, "not asked for")); len(timings) != 0 {
		t.Errorf("%d timings that nobody asked for", len(timings))
	}
}

// TestPauses: between segments is the silence that is configured for the punctuation, and none before the first or long after the last.
func TestPauses(t *testing.T) {
	const ms = time.Millisecond
	s := start(t, func(c *inference.Config) {
		c.Sound.Pauses = inference.PauseConfig{None: 61 * ms, Comma: 150 * ms, FullStop: 333 * ms, Question: 444 * ms, Exclamation: 222 * ms, Paragraph: 1111 * ms}
	})
	for _, tc := range []struct {
		text  string
		speed float64
		want  []time.Duration
	}{
		{"Stop. Really? Yes! End", 1, []time.Duration{333 * ms, 444 * ms, 222 * ms}},
		{"停。真的？是！完", 2, []time.Duration{166 * ms, 222 * ms, 111 * ms}},
		{"one\n\ntwo", 1, []time.Duration{1111 * ms}},
		{"abc中文def", 1, []time.Duration{61 * ms, 61 * ms}},
		{"“Well.” He went.", 1, []time.Duration{333 * ms}},
	} {
		req := request(tone.Words, tc.text)
		req.Speed = tc.speed
		pcm, _, _ := listen(t, s, req)
		heard := sounds(pcm, tone.Rate, audible, 55*ms) // a blank between words is 50 ms
		if len(heard) != len(tc.want)+1 {
			t.Errorf("%q: sounds at %v", tc.text, heard)
			continue
		}
		for i, want := range tc.want {
			if gap := heard[i+1][0] - heard[i][1]; !near(gap, want, 7*ms) {
				t.Errorf("%q: pause %d is %v, want %v", tc.text, i, gap, want)
			}
		}
		whole := time.Duration(len(pcm)) * time.Second / tone.Rate
		if heard[0][0] > 35*ms || whole-heard[len(heard)-1][1] > 130*ms {
			t.Errorf("%q: %v of silence before, %v after", tc.text, heard[0][0], whole-heard[len(heard)-1][1])
		}
	}
}

// TestLoudness: voices come out at the loudness that was asked for, and volume changes it by as much as it says.
func TestLoudness(t *testing.T) {
	s := start(t, nil)
	text := strings.Repeat("A sentence to be measured. ", 12)
	for _, tc := range []struct {
		voice                  string
		loudness, volume, want float64
	}{{tone.Plain, 0, 0, -19}, {tone.Plain, -30, 0, -30}, {tone.Plain, -14, 0, -14}, {tone.Plain, -30, 6, -24}, {tone.Plain, -30, -10, -40}, {tone.Untimed, -30, 0, -30}} {
		req := request(tc.voice, text)
		req.Loudness, req.Volume, req.Format.SampleRate = tc.loudness, tc.volume, 24000
		pcm, _, _ := listen(t, s, req)
		if got := loudness(t, pcm, 24000); math.Abs(got-tc.want) > 1 {
			t.Errorf("%+v: %.1f LUFS", tc, got)
		}
	}
}

// loudness is by BS.1770.
func loudness(t *testing.T, pcm []int16, rate int) float64 {
	t.Helper()
	m, err := audio.NewLoudness(rate)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(pcm))
	for i, v := range pcm {
		x[i] = float32(v) / 32768
	}
	m.Write(x)
	lufs, ok := m.Integrated()
	if !ok {
		t.Fatal("nothing to measure")
	}
	return lufs
}

// TestSegmentTooLongForItsEngine: what an engine does not take in one go is cut once more.
func TestSegmentTooLongForItsEngine(t *testing.T) {
	sc := style.DefaultConfig()
	sc.MaxCharacters, sc.FirstCharacters = style.MaxMaxCharacters, 0
	s := startWith(t, sc, nil)
	text := strings.Repeat("word ", tone.MaxCharacters/5+50) + "end."
	_, _, ends := listen(t, s, request(tone.Plain, text))
	at := 0
	for i, e := range ends {
		if e.Index != i || e.Offset < at || e.Length > tone.MaxCharacters {
			t.Errorf("segment %d: %+v after byte %d", i, e, at)
		}
		at = e.Offset + e.Length
	}
	if len(ends) < 2 || at != len(text) {
		t.Errorf("%d segments to byte %d of %d", len(ends), at, len(text))
	}
}
