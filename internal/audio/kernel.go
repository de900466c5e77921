package audio

import (
	"math"
	"slices"
	"sync"
)

// The low-pass of the resampler. A Kaiser window over taps samples falls by stopband dB within
// (stopband-7.95)/(14.36·taps) of the sample rate. The stop band begins exactly at the lower of the two Nyquist frequencies, so
// nothing aliases wherever it lies; the pass band ends where the fall begins, at 1-2·transition of that frequency (0.85).
const (
	taps       = 80   // samples of the slower rate under the window; more widen the pass band and cost time in proportion
	stopband   = 97.0 // dB
	transition = (stopband - 7.95) / (14.36 * taps)
	gridSteps  = 256 // of the sampled kernel between two zero crossings
)

// kernelGrid is the right half of the kernel sampled on a fine grid: value i is at i/gridSteps zero crossings, from 0 to past the
// window's end. The filters of all ratios are read from it, which is much cheaper than Bessel functions for each.
var kernelGrid = sync.OnceValue(func() []float64 {
	const beta = 0.1102 * (stopband - 8.7)
	const cut = 1 - transition // centre of the fall; the rest of its width lies on both sides
	const half = taps / 2
	grid := make([]float64, half*gridSteps+4)
	norm := 1 / besselI0(beta)
	for i := range half * gridSteps {
		t := float64(i) / gridSteps
		u := t / half
		v := cut * besselI0(beta*math.Sqrt(1-u*u)) * norm
		if i > 0 {
			v *= math.Sin(math.Pi*cut*t) / (math.Pi * cut * t)
		}
		grid[i] = v
	}
	return grid
})

// besselI0 is the modified Bessel function of the first kind and order 0.
func besselI0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

// kernelAt reads the kernel at t zero crossings from its middle, with cubic interpolation (errors below -180 dB).
func kernelAt(grid []float64, t float64) float64 {
	t = math.Abs(t) * gridSteps
	i := int(t)
	if i >= len(grid)-4 {
		return 0
	}
	before := grid[1] // the kernel is even
	if i > 0 {
		before = grid[i-1]
	}
	f := t - float64(i)
	a, b, c := grid[i], grid[i+1], grid[i+2]
	// Catmull-Rom.
	return a + 0.5*f*((b-before)+f*((2*before-5*a+4*b-c)+f*(3*(a-b)+c-before)))
}

// polyphase is the filter of one ratio, cut into rows: row p yields the sample that lies p/phases of an input sample after an
// input sample. It never changes.
type polyphase struct {
	phases int       // rows; there is one more for interpolation, which repeats row 0 an input sample later
	width  int       // samples in a row, a multiple of dotBlock
	before int       // input samples of a row before the one it lies at, that one included
	rows   []float32 // (phases+1)·width
}

// tables keeps the filters between the usual rates. It is a memo of a pure function, of at most one entry for each pair of
// usualRates (5 MB for all of them).
var tables sync.Map // of ratio to *polyphase

// usualRates are those that engines speak at and callers ask for. Other filters are made anew each time, so that callers with
// odd rates do not fill the memory.
var usualRates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

// ratio names a filter.
type ratio struct{ from, to int }

// filterFor returns the filter from one rate to another in a number of phases.
func filterFor(from, to, phases int) *polyphase {
	usual := slices.Contains(usualRates, from) && slices.Contains(usualRates, to)
	key := ratio{from, to}
	if usual {
		if p, ok := tables.Load(key); ok {
			return p.(*polyphase)
		}
	}
	p := newPolyphase(from, to, phases)
	if usual {
		tables.Store(key, p)
	}
	return p
}

func newPolyphase(from, to, phases int) *polyphase {
	grid := kernelGrid()
	scale := min(1, float64(to)/float64(from)) // zero crossings to an input sample
	half := int(math.Ceil(taps / 2 / scale))
	p := &polyphase{phases: phases, width: (2*half + dotBlock - 1) / dotBlock * dotBlock, before: half}
	p.rows = make([]float32, (phases+1)*p.width)
	row := make([]float64, p.width)
	for ph := range phases + 1 {
		sum := 0.0
		for j := range row {
			at := float64(j-half+1) - float64(ph)/float64(phases)
			row[j] = kernelAt(grid, at*scale)
			sum += row[j]
		}
		// Each row passes DC with gain 1 exactly, so a constant stays constant.
		for j, v := range row {
			p.rows[ph*p.width+j] = float32(v / sum)
		}
	}
	return p
}
