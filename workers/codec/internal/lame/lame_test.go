package lame

import (
	"fmt"
	"testing"

	"github.com/orotund/orotund/workers/codec/internal/codectest"
)

// TestRoundTrip encodes at every sample rate and at the least, the greatest and a middle bit rate, in steps of 20 ms, and compares
// what ffmpeg decodes with what went in. Measured at all of them: 1105 samples of lead (576 of LAME's, 529 of the decoder's), a
// tail of less than two frames, the level that LAME gives CBR streams (0.95, so that a loud voice does not clip).
func TestRoundTrip(t *testing.T) {
	for _, rate := range SampleRates() {
		rates := BitRates(rate)
		for _, bits := range []int{rates[0], rates[len(rates)/2], rates[len(rates)-1]} {
			t.Run(fmt.Sprintf("%d Hz %d bit/s", rate, bits), func(t *testing.T) {
				pcm := codectest.VoiceLike(rate, 1.5)
				mp3 := encode(t, Settings{SampleRate: rate, BitRate: bits, Quality: 5}, pcm, rate/50*2)
				x, y := codectest.Samples(pcm), codectest.Decode(t, "mp3", mp3)
				lag, correlation, level := codectest.Compare(x, y, 1500)
				tail := len(y) - lag - len(x)
				if lag != 1105 || tail < 0 || tail >= 2*FrameSamples(rate) {
					t.Errorf("lead %d samples, tail %d; want 1105 and less than %d", lag, tail, 2*FrameSamples(rate))
				}
				least := 0.98
				if bits < 16000 || bits < 2*rate/3 { // little is left of the harmonics
					least = 0.7
				}
				if correlation < least || level < 0.6 || level > 1.05 || least > 0.9 && level < 0.9 {
					t.Errorf("correlation %.4f, level %.3f", correlation, level)
				}
			})
		}
	}
}

// encode runs a stream whole, step bytes at a time.
func encode(tb testing.TB, s Settings, pcm []byte, step int) []byte {
	tb.Helper()
	e, err := New(s)
	if err != nil {
		tb.Fatal(err)
	}
	defer e.Close()
	return codectest.Encode(tb, e, pcm, step)
}

// TestSteps checks that it does not matter in which steps the samples come.
func TestSteps(t *testing.T) {
	s := Settings{SampleRate: 24000, BitRate: 64000, Quality: 5}
	pcm := codectest.VoiceLike(24000, 1)
	want := encode(t, s, pcm, len(pcm))
	for _, step := range []int{2, 958, 4096, 30000} {
		if got := encode(t, s, pcm, step); string(got) != string(want) {
			t.Errorf("in steps of %d bytes: another stream, of %d instead of %d bytes", step, len(got), len(want))
		}
	}
}

// TestFrames checks that the stream is whole frames of one size from the first byte to the last, each with its header and none an
// info frame, and that they come early: the first after less than 3 frames of audio.
func TestFrames(t *testing.T) {
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		bits := 64000
		e, err := New(Settings{SampleRate: rate, BitRate: bits, Quality: 5})
		if err != nil {
			t.Fatal(err)
		}
		pcm := codectest.VoiceLike(rate, 1)
		step := rate / 100 * 2
		var out []byte
		firstAt := 0
		for at := 0; at+step <= len(pcm); at += step {
			if out, err = e.Encode(out, pcm[at:at+step]); err != nil {
				t.Fatal(err)
			}
			if firstAt == 0 && len(out) > 0 {
				firstAt = (at + step) / 2
			}
		}
		if out, err = e.Flush(out); err != nil {
			t.Fatal(err)
		}
		e.Close()
		t.Logf("%d Hz: first bytes after %d ms", rate, firstAt*1000/rate)
		if firstAt > 3*FrameSamples(rate) {
			t.Errorf("%d Hz: first bytes after %d samples", rate, firstAt)
		}
		frames := 0
		for at := 0; at < len(out); frames++ {
			if at+4 > len(out) || out[at] != 0xff || out[at+1]&0xe0 != 0xe0 {
				t.Fatalf("%d Hz: no frame header at byte %d of %d", rate, at, len(out))
			}
			padding := int(out[at+2] >> 1 & 1)
			at += FrameSamples(rate)/8*bits/rate + padding
		}
		if least := len(pcm) / 2 / FrameSamples(rate); frames < least {
			t.Errorf("%d Hz: %d frames for %d samples", rate, frames, len(pcm)/2)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, s := range []Settings{
		{SampleRate: 44000, BitRate: 64000}, {SampleRate: 24000, BitRate: 64001}, {SampleRate: 48000, BitRate: 8000},
		{SampleRate: 8000, BitRate: 128000}, {SampleRate: 24000, BitRate: 64000, Quality: 10}, {},
	} {
		if e, err := New(s); err == nil {
			e.Close()
			t.Errorf("%+v was taken", s)
		}
	}
	e, err := New(Settings{SampleRate: 24000, BitRate: 64000, Quality: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(nil, []byte{1, 2, 3}); err == nil {
		t.Error("half a sample was taken")
	}
	e.Close()
	e.Close()
	if _, err := e.Encode(nil, []byte{1, 2}); err == nil {
		t.Error("a closed encoder encodes")
	}
	if _, err := e.Flush(nil); err == nil {
		t.Error("a closed encoder flushes")
	}
}

// BenchmarkQuality shows what LAME's quality levels cost: seconds of audio a second.
func BenchmarkQuality(b *testing.B) {
	pcm := codectest.VoiceLike(24000, 10)
	for _, quality := range []int{0, 2, 3, 5, 7, 9} {
		b.Run(fmt.Sprint(quality), func(b *testing.B) {
			for b.Loop() {
				encode(b, Settings{SampleRate: 24000, BitRate: 64000, Quality: quality}, pcm, 4800)
			}
			b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "xRT")
		})
	}
}
