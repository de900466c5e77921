package plot

import (
	"image/color"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"time"
)

func TestFourierIsTheTransform(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{4, 8, 64, 256} {
		x := make([]float32, n)
		for i := range x {
			x[i] = rng.Float32() - 0.5
		}
		got := make([]float64, n/2+1)
		newFourier(n).power(got, x)
		for k := range got {
			var sum complex128
			for i, v := range x {
				sum += complex(float64(v), 0) * cmplx.Exp(complex(0, -2*math.Pi*float64(k*i)/float64(n)))
			}
			if want := real(sum)*real(sum) + imag(sum)*imag(sum); math.Abs(got[k]-want) > 1e-9 {
				t.Errorf("%d points, bin %d: %g, want %g", n, k, got[k], want)
			}
		}
	}
}

func TestShadesGetLighterEvenly(t *testing.T) {
	all := shades()
	// The lightness of CIE L*, which is not the scale that made them.
	lightness := func(c color.RGBA) float64 {
		linear := func(v uint8) float64 {
			x := float64(v) / 255
			if x <= 0.04045 {
				return x / 12.92
			}
			return math.Pow((x+0.055)/1.055, 2.4)
		}
		y := 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
		if y <= 216.0/24389 {
			return y * 24389 / 27
		}
		return 116*math.Cbrt(y) - 16
	}
	for i := 16; i < len(all); i += 16 {
		if step := lightness(all[i]) - lightness(all[i-16]); step < 1 || step > 11 {
			t.Errorf("from shade %d to %d: %.1f, of about 6", i-16, i, step)
		}
	}
	if lightness(all[0]) > 5 || lightness(all[255]) < 90 {
		t.Errorf("from %v to %v", all[0], all[255])
	}
}

func TestTimeTicks(t *testing.T) {
	for _, c := range []struct {
		seconds float64
		want    []string // first ones
		unit    string
	}{
		{0.01, []string{"0.000", "0.001", "0.002"}, "seconds"},
		{1, []string{"0.0", "0.1", "0.2"}, "seconds"},
		{5.6, []string{"0.0", "0.5", "1.0"}, "seconds"},
		{30, []string{"0", "2", "4"}, "seconds"},
		{100, []string{"0:00", "0:10", "0:20"}, "minutes:seconds"},
		{600, []string{"0:00", "1:00", "2:00"}, "minutes:seconds"},
		{3600, []string{"0:00:00", "0:05:00", "0:10:00"}, "hours:minutes:seconds"},
		{1e9, []string{"0:00:00"}, "hours:minutes:seconds"},
	} {
		got, unit := timeTicks(c.seconds, 15)
		if len(got) > 16 || len(got) < 5 || unit != c.unit {
			t.Errorf("%g s: %d ticks of %s", c.seconds, len(got), unit)
		}
		for i, want := range c.want {
			if got[i].text != want {
				t.Errorf("%g s: tick %d is %q, want %q", c.seconds, i, got[i].text, want)
			}
		}
	}
}

func TestInSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0.000 s", 2345600 * time.Microsecond: "2.346 s", 59999600 * time.Microsecond: "1:00.000",
		61500 * time.Millisecond: "1:01.500", time.Hour: "1:00:00.000"} {
		if got := inSeconds(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestLevelLeavesPausesOut(t *testing.T) {
	l := newLevel(rate)
	l.write(tone(300, 0.5, rate))
	alone, _ := l.decibels()
	l.write(make([]float32, 3*rate))
	l.write(tone(300, 0.005, 3*rate))
	withPauses, ok := l.decibels()
	if !ok || math.Abs(alone-withPauses) > 0.05 || math.Abs(alone+9.03) > 0.05 {
		t.Errorf("%.2f dB alone, %.2f with pauses; want -9.03", alone, withPauses)
	}
	if db, ok := newLevel(rate).decibels(); ok || !math.IsInf(db, -1) {
		t.Errorf("silence has %.1f dB", db)
	}
}

func TestRoundUp(t *testing.T) {
	for x, want := range map[float64]float64{0.1: 0.1, 0.11: 0.2, 0.3: 0.5, 0.51: 1, 1: 1, 3: 5, 16: 20} {
		if got := roundUp(x); math.Abs(got-want) > 1e-12 {
			t.Errorf("%g becomes %g, want %g", x, got, want)
		}
	}
}
