package audio

import (
	"math"
	"slices"
	"testing"
)

func newLeveller(t testing.TB, rate int, target float64) *Leveller {
	t.Helper()
	l, err := NewLeveller(rate, target)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLevellerDeclared: a fixed gain, and nothing measured.
func TestLevellerDeclared(t *testing.T) {
	for _, c := range []struct{ target, loudness, gain float64 }{{-20, -30, 10}, {-20, -12, -8}, {-19, -19, 0}, {-10, -40, 24}, {-40, -5, -24}} {
		l := newLeveller(t, 24000, c.target)
		l.Begin(c.loudness, math.Inf(1))
		x := voiced(24000, 24000)
		want := slices.Clone(x)
		if c.gain != 0 {
			Gain(want, Decibels(c.gain))
		}
		pieces(x, []byte{9, 80}, l.Process)
		if !slices.Equal(x, want) {
			t.Errorf("%+v: not a fixed gain of %g dB", c, c.gain)
		}
		if loudness, seconds := l.Measured(); loudness != c.loudness || !math.IsInf(seconds, 1) {
			t.Errorf("%+v: measured %g LUFS, %g s", c, loudness, seconds)
		}
	}
}

// TestLevellerUnknown: the gain holds still until speech was heard, glides by 3 dB a second at most, comes where it should be, and begins
// there the next time.
func TestLevellerUnknown(t *testing.T) {
	const rate = 16000
	for _, level := range []float64{-35, -28, -19, -10} {
		x := tone(make([]float32, rate/2), rate, 997, level+3.0103, 9) // silence first
		in := slices.Clone(x)
		l := newLeveller(t, rate, -19)
		l.Begin(0, 0)
		pieces(x, []byte{5, 99, 30}, l.Process)
		gains, first := make([]float64, 0, len(x)), 0.0
		for i := range x {
			if math.Abs(float64(in[i])) > 0.5*math.Pow(10, level/20) {
				g := 20 * math.Log10(float64(x[i]/in[i]))
				if len(gains) == 0 {
					first = g
				}
				gains = append(gains, g)
				if at := float64(i) / rate; math.Abs(g-first) > max(0, at-0.9)*3+0.01 {
					t.Fatalf("%g LUFS: the gain has moved by %.2f dB after %.2f s", level, g-first, at)
				}
			}
		}
		if want := -19 - level; math.Abs(gains[len(gains)-1]-want) > 0.1 {
			t.Errorf("%g LUFS: gain of %.2f dB at the end, want %.2f", level, gains[len(gains)-1], want)
		}
		loudness, seconds := l.Measured()
		if math.Abs(loudness-level) > 0.1 || seconds < 8.5 || seconds > 9.5 {
			t.Errorf("%g LUFS: measured %.2f over %.2f s", level, loudness, seconds)
		}
		l.Begin(loudness, seconds)
		y := tone(nil, rate, 997, level+3.0103, 1)
		l.Process(y)
		if got := levelDB(y); math.Abs(got+19) > 0.2 {
			t.Errorf("%g LUFS: the next segment is at %.2f dB", level, got)
		}
	}
}

// TestLevellerKnowledge: what is known weighs as much as it was heard.
func TestLevellerKnowledge(t *testing.T) {
	l := newLeveller(t, 16000, -20)
	l.Begin(math.NaN(), 3)
	if _, seconds := l.Measured(); seconds != 0 {
		t.Error("what is no number is known")
	}
	l.Begin(-30, 4)
	l.Process(tone(nil, 16000, 997, -16.99, 0.3)) // too short to tell
	if loudness, seconds := l.Measured(); loudness != -30 || seconds != 4 {
		t.Errorf("%g LUFS, %g s after 300 ms", loudness, seconds)
	}
	l.Begin(-30, 4)
	l.Process(tone(nil, 16000, 997, -16.99, 4))
	want := 10 * math.Log10((4*math.Pow(10, -3)+3.7*math.Pow(10, -2))/7.7) // the first block ends after 400 ms
	if loudness, seconds := l.Measured(); math.Abs(loudness-want) > 0.05 || math.Abs(seconds-7.7) > 0.01 {
		t.Errorf("%g LUFS, %g s; want %g, 7.7", loudness, seconds, want)
	}
}

func newLimiter(t testing.TB, rate int, ceiling float64) *Limiter {
	t.Helper()
	l, err := NewLimiter(rate, ceiling)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLimiterPassesWhatFits bit for bit, in any pieces, and again some time after a peak.
func TestLimiterPassesWhatFits(t *testing.T) {
	l := newLimiter(t, 24000, -1)
	for _, n := range []int{0, 1, 40, 48, 49, 5000} {
		x := voiced(24000, n)
		var y []float32
		pieces(x, []byte{3, 0, 99}, func(p []float32) { y = l.Process(y, p) })
		if n > l.Delay() && len(y) != n-l.Delay() {
			t.Errorf("%d samples: %d came at once, with a delay of %d", n, len(y), l.Delay())
		}
		if y = l.Flush(y); !slices.Equal(x, y) {
			t.Errorf("%d samples are changed", n)
		}
	}
	x := voiced(24000, 3*24000)
	Gain(x, 0.5)
	x[1000] = 1.9
	y := l.Flush(l.Process(nil, x))
	if len(y) != len(x) || !slices.Equal(x[:1000-48], y[:1000-48]) || !slices.Equal(x[1000+36000:], y[1000+36000:]) {
		t.Error("changed before the look-ahead, or 1.5 s after a peak")
	}
}

// TestLimiterKeepsCeiling and does not distort: a tone of which only the envelope is too high keeps its shape, moment by moment.
func TestLimiterKeepsCeiling(t *testing.T) {
	for _, rate := range []int{8000, 22050, 48000} {
		for _, ceiling := range []float64{-1, 0, -6} {
			x := voiced(rate, rate)
			Gain(x, 6)
			for i := 0; i < len(x); i += 997 {
				x[i] += 2 // clicks
			}
			l := newLimiter(t, rate, ceiling)
			y := l.Flush(l.Process(nil, x))
			limit := Decibels(ceiling)
			for i, v := range y {
				if v > limit || v < -limit {
					t.Fatalf("%d Hz, %g dBFS: sample %d is %g", rate, ceiling, i, v)
				}
				if v*x[i] < 0 || math.Abs(float64(v)) > math.Abs(float64(x[i])) {
					t.Fatalf("%d Hz: sample %d went from %g to %g", rate, i, x[i], v)
				}
			}
		}
	}
	const rate = 24000
	x := tone(nil, rate, 440, 9, 0.5)
	l := newLimiter(t, rate, -1)
	y := l.Flush(l.Process(nil, x))
	if tone, rest := split(y[2400:], rate, 440); rest > tone-50 || tone < -4.1-3 {
		t.Errorf("a tone of 9 dBFS: level %.2f dB, distortion %.1f dB", tone, rest-tone)
	}
}

func TestEffectsInPieces(t *testing.T) {
	x := voiced(24000, 30000)
	Gain(x, 4)
	lim, lev, dc := newLimiter(t, 24000, -1), newLeveller(t, 24000, -19), newBlocker(t, 24000)
	run := func(cuts []byte) []float32 {
		var y []float32
		lev.Begin(0, 0)
		dc.Reset()
		pieces(slices.Clone(x), cuts, func(p []float32) {
			dc.Process(p)
			lev.Process(p)
			y = lim.Process(y, p)
		})
		return lim.Flush(y)
	}
	whole := run(nil)
	for _, cuts := range [][]byte{{0}, {1, 200, 7}, {255, 0}} {
		if !slices.Equal(run(cuts), whole) {
			t.Errorf("cut by %v: differs", cuts)
		}
	}
	dst := make([]float32, 0, 4000)
	if n := testing.AllocsPerRun(100, func() {
		frame := x[:480]
		dc.Process(frame)
		lev.Process(frame)
		dst = lim.Process(dst[:0], frame)
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func newBlocker(t testing.TB, rate int) *DCBlocker {
	t.Helper()
	b, err := NewDCBlocker(rate)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDCBlocker(t *testing.T) {
	for _, rate := range []int{8000, 24000, 48000} {
		for _, offset := range []float32{0, 0.05, -0.05} {
			b := newBlocker(t, rate)
			// Silence with a little noise, then a voice.
			x := make([]float32, rate/4, 2*rate)
			for i := range x {
				x[i] = float32(i%3-1) * 0.0003
			}
			x = append(x, voiced(rate, rate)...)
			want := slices.Clone(x)
			for i := range x {
				x[i] += offset
			}
			pieces(x, []byte{3, 50}, b.Process)
			for i, v := range x[:rate/4] {
				if math.Abs(float64(v)) > 0.0007 {
					t.Fatalf("%d Hz, offset %g: sample %d of the silence is %g", rate, offset, i, v)
				}
			}
			diff := make([]float32, rate)
			for i := range diff {
				diff[i] = x[rate/4+i] - want[rate/4+i]
			}
			if got := levelDB(diff) - levelDB(want[rate/4:]); got > -15 { // its phase turns by 6° at 150 Hz
				t.Errorf("%d Hz, offset %g: the voice has changed by %.1f dB", rate, offset, got)
			}
			if d := levelDB(x[rate/4:]) - levelDB(want[rate/4:]); math.Abs(d) > 0.1 {
				t.Errorf("%d Hz, offset %g: the voice's level has changed by %.2f dB", rate, offset, d)
			}
		}
		// A stream that is a voice with an offset from the start has no step there, and soon no offset.
		b := newBlocker(t, rate)
		x := sine(rate, 150, rate/5)
		for i := range x {
			x[i] += 0.05
		}
		b.Process(x)
		sum := 0.0
		for _, v := range x[rate/10:] {
			sum += float64(v)
		}
		if mean := sum / float64(rate/10); x[0] != 0 || math.Abs(mean) > 0.001 {
			t.Errorf("%d Hz: begins with %g, has a mean of %g", rate, x[0], mean)
		}
	}
}

func TestGain(t *testing.T) {
	x := []float32{0, 0.25, -1, 2}
	Gain(x, 0.5)
	if !slices.Equal(x, []float32{0, 0.125, -0.5, 1}) {
		t.Errorf("%v", x)
	}
	for db, want := range map[float64]float64{0: 1, 20: 10, -20: 0.1, 6.0206: 2} {
		if got := float64(Decibels(db)); math.Abs(got/want-1) > 1e-5 {
			t.Errorf("%g dB: %g", db, got)
		}
	}
}

// BenchmarkEffects is one second of audio in 20 ms frames through each effect.
func BenchmarkEffects(b *testing.B) {
	const rate = 24000
	x := voiced(rate, rate)
	Gain(x, 0.5)
	loud := slices.Clone(x)
	Gain(loud, 8)
	lev, dc, lim := newLeveller(b, rate, -19), newBlocker(b, rate), newLimiter(b, rate, -1)
	dst, work := make([]float32, 0, 4000), make([]float32, rate/50)
	run := func(name string, in []float32, begin func(), f func(x []float32)) {
		b.Run(name, func(b *testing.B) {
			begin()
			b.ReportAllocs()
			for b.Loop() {
				for i := 0; i < len(in); i += len(work) {
					copy(work, in[i:])
					f(work)
				}
			}
			reportRate(b, 1)
		})
	}
	limit := func(x []float32) { dst = lim.Process(dst[:0], x) }
	run("leveller-declared", x, func() { lev.Begin(-24, math.Inf(1)) }, lev.Process)
	run("leveller-measured", x, func() { lev.Begin(-24, 1) }, lev.Process)
	run("limiter-idle", x, lim.Reset, limit)
	run("limiter-busy", loud, lim.Reset, limit)
	run("dc", x, dc.Reset, dc.Process)
	run("gain", x, func() {}, func(x []float32) { Gain(x, 0.9) })
}
