package audio

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// sine returns n samples of a sine of amplitude 0.5.
func sine(rate int, hz float64, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

// voices keeps what makeVoiced has made, by rate.
var voices struct {
	sync.Mutex
	made map[int][]float32
}

// voiced returns n samples that are like a voice: a gliding pulse train of harmonics under formants, with pauses and hiss.
func voiced(rate int, n int) []float32 {
	voices.Lock()
	defer voices.Unlock()
	if len(voices.made[rate]) < n {
		if voices.made == nil {
			voices.made = map[int][]float32{}
		}
		voices.made[rate] = makeVoiced(rate, n)
	}
	return slices.Clone(voices.made[rate][:n])
}

func makeVoiced(rate, n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]float32, n)
	phase := 0.0
	var levels []float64 // of the harmonics
	for i := range out {
		t := float64(i) / float64(rate)
		f0 := 120 + 30*math.Sin(2*math.Pi*0.7*t)
		phase += f0 / float64(rate)
		if i%128 == 0 {
			levels = levels[:0]
			for f := f0; f < 3500 && f < 0.45*float64(rate); f += f0 {
				levels = append(levels, 1/(1+math.Pow((f-600)/200, 2))+0.6/(1+math.Pow((f-1200)/250, 2))+0.3/(1+math.Pow((f-2500)/300, 2)))
			}
		}
		v := 0.0
		for h, level := range levels {
			v += level * math.Sin(2*math.Pi*float64(h+1)*phase)
		}
		envelope := 0.5 - 0.5*math.Cos(2*math.Pi*3*t)
		hiss := 0.02 * (rng.Float64()*2 - 1)
		out[i] = float32(0.12*envelope*v + hiss*(1-envelope))
	}
	return out
}

// levelDB is the root mean square in dB of full scale.
func levelDB(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(x))+1e-30)
}

// split fits a sine of hz to x by least squares and returns its level and that of everything else, in dB.
func split(x []float32, rate int, hz float64) (tone, rest float64) {
	var cc, ss, cs, xc, xs float64
	w := 2 * math.Pi * hz / float64(rate)
	for i, v := range x {
		s, c := math.Sincos(w * float64(i))
		cc += c * c
		ss += s * s
		cs += c * s
		xc += float64(v) * c
		xs += float64(v) * s
	}
	det := cc*ss - cs*cs
	a, b := (xc*ss-xs*cs)/det, (xs*cc-xc*cs)/det
	var e float64
	for i, v := range x {
		s, c := math.Sincos(w * float64(i))
		d := float64(v) - a*c - b*s
		e += d * d
	}
	return 10 * math.Log10((a*a+b*b)/2+1e-30), 10 * math.Log10(e/float64(len(x))+1e-30)
}

// maxStep is the largest difference between neighbours.
func maxStep(x []float32) float64 {
	step := 0.0
	for i := 1; i < len(x); i++ {
		step = max(step, math.Abs(float64(x[i]-x[i-1])))
	}
	return step
}

// pitch finds the fundamental of x in Hz by autocorrelation, between low and high.
func pitch(x []float32, rate int, low, high float64) float64 {
	best, bestLag := 0.0, 0
	corr := func(lag int) float64 {
		sum, ea, eb := 0.0, 1e-12, 1e-12
		for i := 0; i+lag < len(x); i++ {
			a, b := float64(x[i]), float64(x[i+lag])
			sum += a * b
			ea += a * a
			eb += b * b
		}
		return sum / math.Sqrt(ea*eb)
	}
	for lag := int(float64(rate) / high); lag <= int(float64(rate)/low); lag++ {
		if c := corr(lag); c > best {
			best, bestLag = c, lag
		}
	}
	if bestLag == 0 {
		return 0
	}
	// A parabola through the neighbours places the peak between samples.
	l, r := corr(bestLag-1), corr(bestLag+1)
	shift := 0.0
	if d := l - 2*best + r; d != 0 {
		shift = 0.5 * (l - r) / d
	}
	return float64(rate) / (float64(bestLag) + shift)
}
