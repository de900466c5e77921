package audio

import (
	"fmt"
	"math"
	"testing"
)

// pitched is what an utterance does to raise x by semitones and make it speed times as fast.
func pitched(t testing.TB, from, to int, semitones, speed float64, x []float32) []float32 {
	t.Helper()
	f := math.Pow(2, semitones/12)
	y := stretched(t, from, speed/f, x)
	return resampled(t, int(math.Round(float64(from)*f)), to, y)
}

// TestPitch shows that a voice of 200 Hz comes out as high, as long and as loud as it should.
func TestPitch(t *testing.T) {
	const hz = 200
	for _, rates := range [][2]int{{8000, 24000}, {22050, 24000}, {48000, 16000}} {
		from, to := rates[0], rates[1]
		x := make([]float32, from)
		for h := 1.0; h <= 7; h++ { // up to 2.8 kHz when raised by an octave
			for i := range x {
				x[i] += float32(0.2 / h * math.Sin(2*math.Pi*h*hz*float64(i)/float64(from)+h*h))
			}
		}
		for _, semitones := range []float64{-12, -0.3, 5, 12} {
			for _, speed := range []float64{0.25, 1, 4} {
				name := fmt.Sprintf("%d Hz to %d Hz, %+g semitones, speed %g", from, to, semitones, speed)
				y := pitched(t, from, to, semitones, speed, x)
				if want := float64(len(x)) / float64(from) * float64(to) / speed; math.Abs(float64(len(y))-want) > 2+want*0.0001 {
					t.Errorf("%s: %d samples, want %.1f", name, len(y), want)
				}
				inner := y[len(y)/4 : len(y)*3/4]
				inner = inner[:min(len(inner), to/4)]
				want := hz * math.Pow(2, semitones/12)
				// Over ten periods, as the samples between are coarse. The seams are inside.
				if got := 10 * pitch(inner, to, want/10*0.97, want/10*1.03); math.Abs(got/want-1) > 0.005 {
					t.Errorf("%s: pitch is %.2f Hz, want %.2f", name, got, want)
				}
				if got := pitch(inner[:min(len(inner), to/12)], to, want*0.6, want*1.6); math.Abs(got/want-1) > 0.005 {
					t.Errorf("%s: a period is of %.2f Hz, want %.2f", name, got, want)
				}
				if d := levelDB(inner) - levelDB(x); math.Abs(d) > 0.5 {
					t.Errorf("%s: level is off by %.2f dB", name, d)
				}
			}
		}
	}
}

// BenchmarkPitch is one second of audio at the speed it has, in 20 ms frames.
func BenchmarkPitch(b *testing.B) {
	for _, semitones := range []float64{-12, 5, 12} {
		b.Run(fmt.Sprintf("22050-24000%+g", semitones), func(b *testing.B) {
			f := math.Pow(2, semitones/12)
			s, err := NewStretcher(22050, 1/f)
			if err != nil {
				b.Fatal(err)
			}
			r, err := NewResampler(int(math.Round(22050*f)), 24000)
			if err != nil {
				b.Fatal(err)
			}
			x, mid, dst := voiced(22050, 441), make([]float32, 0, 4096), make([]float32, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				for range 50 {
					mid = s.Process(mid[:0], x)
					dst = r.Process(dst[:0], mid)
				}
			}
			reportRate(b, 1)
		})
	}
}
