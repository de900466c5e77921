package audio

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

var speeds = []float64{0.125, 0.25, 0.5, 0.7, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4, 8} // those below 0.25 and above 4 serve pitch

func stretched(t testing.TB, rate int, speed float64, x []float32) []float32 {
	t.Helper()
	s, err := NewStretcher(rate, speed)
	if err != nil {
		t.Fatal(err)
	}
	return s.Flush(s.Process(nil, x))
}

func TestStretcherRefuses(t *testing.T) {
	for _, c := range []struct {
		rate  int
		speed float64
	}{{7999, 1}, {48001, 1}, {24000, 0.124}, {24000, 8.1}, {24000, 0}, {24000, -1}, {24000, math.NaN()}, {24000, math.Inf(1)}} {
		if _, err := NewStretcher(c.rate, c.speed); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

func TestStretcherLength(t *testing.T) {
	for _, rate := range []int{8000, 22050, 48000} {
		x := voiced(rate, 10000)
		for _, speed := range speeds {
			for _, n := range []int{0, 1, 2, 100, 239, 240, 241, 10000} {
				want := int(math.Round(float64(n) / speed))
				if got := len(stretched(t, rate, speed, x[:n])); got != want {
					t.Errorf("%d Hz, speed %g: %d samples became %d, want %d", rate, speed, n, got, want)
				}
			}
		}
	}
}

// TestStretcherSine shows that a tone stays that tone: as loud, as high, and without a step that it has not itself.
func TestStretcherSine(t *testing.T) {
	for _, rate := range []int{8000, 24000} {
		for _, hz := range []float64{75, 110.7, 220.5, 440, 1234} { // some end in the middle of a swing
			x := sine(rate, hz, rate/2)
			for _, speed := range speeds {
				y := stretched(t, rate, speed, x)
				name := fmt.Sprintf("%d Hz, tone %g Hz, speed %g", rate, hz, speed)
				inner := y[len(y)/10 : len(y)*9/10]
				if d := math.Abs(levelDB(inner) - levelDB(x)); d > 0.2 {
					t.Errorf("%s: level is off by %.2f dB", name, d)
				}
				if step, limit := maxStep(y), maxStep(x); step > 1.02*limit {
					t.Errorf("%s: step of %.4f, the tone's are at most %.4f", name, step, limit)
				}
				if got := pitch(inner[:min(len(inner), rate/12)], rate, hz/1.3, hz*1.3); math.Abs(got/hz-1) > 0.01 {
					t.Errorf("%s: pitch is %.1f Hz", name, got)
				}
			}
		}
	}
}

// TestStretcherVoice shows the same of a signal like a voice, moment by moment.
func TestStretcherVoice(t *testing.T) {
	const rate = 24000
	x := voiced(rate, 3*rate)
	for _, speed := range speeds {
		y := stretched(t, rate, speed, x)
		if step, limit := maxStep(y), maxStep(x); step > 1.05*limit {
			t.Errorf("speed %g: step of %.4f, the voice's are at most %.4f", speed, step, limit)
		}
		if d := math.Abs(levelDB(y) - levelDB(x)); d > 0.5 {
			t.Errorf("speed %g: level is off by %.2f dB", speed, d)
		}
		if speed > 4 {
			continue // too much of the glide is in as much as can be measured
		}
		for at := 0.5; at < 2.5; at += 1.0 / 3 { // where the voice is loud
			moment := math.Floor(at*3)/3 + 1.0/6
			want := 120 + 30*math.Sin(2*math.Pi*0.7*moment)
			i := int(moment / speed * rate)
			if got := pitch(y[i-600:i+600], rate, want/1.6, want*1.6); math.Abs(got/want-1) > 0.05 {
				t.Errorf("speed %g at %.2f s: pitch is %.1f Hz, want %.1f", speed, moment, got, want)
			}
		}
	}
}

// TestStretcherInTime shows that what is said stays where it belongs: the loudness of the output follows that of the input.
func TestStretcherInTime(t *testing.T) {
	const rate = 24000
	x := make([]float32, 2*rate)
	copy(x[rate:], sine(rate, 300, rate/2)) // a tone from 1.0 s to 1.5 s
	for _, speed := range speeds {
		y := stretched(t, rate, speed, x)
		first, last := -1, 0
		for i, v := range y {
			if math.Abs(float64(v)) > 0.25 {
				if first < 0 {
					first = i
				}
				last = i
			}
		}
		for what, d := range map[string]float64{"begins": float64(first)/rate*speed - 1, "ends": float64(last)/rate*speed - 1.5} {
			if math.Abs(d) > 0.02*max(1, speed) {
				t.Errorf("speed %g: the tone %s %.1f ms off", speed, what, d*1000)
			}
		}
	}
}

func TestStretcherPassesAtSpeedOne(t *testing.T) {
	x := voiced(24000, 5000)
	if y := stretched(t, 24000, 1, x); !slices.Equal(x, y) {
		t.Error("speed 1 changed samples")
	}
}

func TestStretcherReuseAndAllocations(t *testing.T) {
	x := voiced(24000, 12000)
	for _, speed := range speeds {
		s, err := NewStretcher(24000, speed)
		if err != nil {
			t.Fatal(err)
		}
		first := s.Flush(s.Process(nil, x))
		s.Process(nil, x[:999])
		s.Reset()
		if second := s.Flush(s.Process(nil, x)); !slices.Equal(first, second) {
			t.Errorf("speed %g: differs after Reset", speed)
		}
		dst := make([]float32, 0, 8000)
		if n := testing.AllocsPerRun(100, func() { dst = s.Process(dst[:0], x[:480]) }); n != 0 {
			t.Errorf("speed %g: %v allocations a frame", speed, n)
		}
	}
}

func FuzzStretcherPieces(f *testing.F) {
	f.Add(uint16(24000), uint8(40), uint16(3000), []byte{0, 1, 200, 7})
	f.Add(uint16(8001), uint8(0), uint16(500), []byte{255, 0})
	f.Add(uint16(48000), uint8(255), uint16(7000), []byte{3})
	f.Fuzz(func(t *testing.T, rate uint16, speed uint8, n uint16, cuts []byte) {
		s, err := NewStretcher(int(rate), minStretch+float64(speed)*(maxStretch-minStretch)/255)
		if err != nil {
			t.Skip()
		}
		x := voiced(int(rate), int(n)%8192)
		whole := s.Flush(s.Process(nil, x))
		var got []float32
		pieces(x, cuts, func(p []float32) { got = s.Process(got, p) })
		if got = s.Flush(got); !slices.Equal(got, whole) {
			t.Fatalf("%d Hz, speed %d: pieces differ from one piece", rate, speed)
		}
	})
}

// BenchmarkStretcher is one second of input in 20 ms frames.
func BenchmarkStretcher(b *testing.B) {
	for _, speed := range []float64{0.25, 0.5, 0.9, 1.5, 2, 4} {
		b.Run(fmt.Sprintf("24000Hz-x%g", speed), func(b *testing.B) {
			s, err := NewStretcher(24000, speed)
			if err != nil {
				b.Fatal(err)
			}
			x, dst := voiced(24000, 480), make([]float32, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				for range 50 {
					dst = s.Process(dst[:0], x)
				}
			}
			reportRate(b, 1/speed)
		})
	}
}
