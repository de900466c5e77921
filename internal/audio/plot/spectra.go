package plot

import (
	"math"
	"math/bits"
)

// Shape of the analysis.
const (
	windowSeconds = 0.025 // of Hann's window: harmonics of a low voice are apart, and a click is still narrow
	hopSeconds    = 0.002
	maxEach       = 128 // windows averaged to a frame; in hours of audio they are then further apart than they are long
)

// spectra sums a signal up in frames of rows power values, from low frequencies to high ones, even on the mel scale. Like trace it makes
// one frame of each two when there are limit of them.
type spectra struct {
	rows, limit int
	hop         int64 // samples from one window to the next, even
	each        int   // windows a frame
	frames      [][]float32
	sum         []float64 // of the open frame
	windows     int       // in it

	buffer []float32 // of the signal, from sample base on
	base   int64
	next   int64 // sample in the middle of the next window
	n      int64 // samples so far

	window  []float32
	scale   float64 // makes a sine of amplitude 1 a peak of 1
	fourier *fourier
	padded  []float32
	power   []float64
	bands   []band
}

// band is the bins of a row: the largest of first..last, or where the row is narrower than a bin, a place between two of them.
type band struct {
	first, last int
	between     float64 // how far from first to first+1; used where last < first
}

func newSpectra(rate, rows, limit int) *spectra {
	half := max(int(float64(rate)*windowSeconds/2), 2)
	n := 1 << bits.Len(uint(2*half-1))
	s := &spectra{rows: rows, limit: limit, each: 1, hop: 2 * max(int64(float64(rate)*hopSeconds/2), 1),
		sum: make([]float64, rows), window: make([]float32, 2*half), fourier: newFourier(n),
		padded: make([]float32, n), power: make([]float64, n/2+1), bands: make([]band, rows)}
	total := 0.0
	for i := range s.window {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(2*half))
		s.window[i] = float32(w)
		total += w
	}
	s.scale = 4 / (total * total)
	for r := range s.bands {
		s.bands[r] = newBand(rowFrequency(float64(r), rows, rate), rowFrequency(float64(r+1), rows, rate), rate, n)
	}
	s.base = -int64(half)
	s.next = s.hop / 2
	s.buffer = make([]float32, half, 2*half+2*maxChunk)
	return s
}

func newBand(low, high float64, rate, n int) band {
	perHertz := float64(n) / float64(rate)
	b := band{first: int(math.Ceil(low * perHertz)), last: min(int(math.Ceil(high*perHertz))-1, n/2)}
	if b.last < b.first {
		at := (low + high) / 2 * perHertz
		b.first = min(int(at), n/2-1)
		b.last, b.between = b.first-1, at-float64(b.first)
	}
	return b
}

// rowFrequency is the frequency in Hz at a height in rows; its inverse is frequencyRow.
func rowFrequency(row float64, rows, rate int) float64 {
	return hertz(mel(float64(rate)/2) * row / float64(rows))
}

func frequencyRow(f float64, rows, rate int) float64 {
	return mel(f) / mel(float64(rate)/2) * float64(rows)
}

// mel and hertz are the mel scale in O'Shaughnessy's formula: steps that sound alike.
func mel(f float64) float64   { return 2595 * math.Log10(1+f/700) }
func hertz(m float64) float64 { return 700 * (math.Pow(10, m/2595) - 1) }

// write takes at most maxChunk samples.
func (s *spectra) write(samples []float32) {
	s.buffer = append(s.buffer, samples...)
	s.n += int64(len(samples))
	s.analyse(s.n - int64(len(s.window)/2))
	drop := min(s.next-int64(len(s.window)/2)-s.base, int64(len(s.buffer)))
	if drop > 0 {
		s.base += drop
		s.buffer = s.buffer[:copy(s.buffer, s.buffer[drop:])]
	}
}

// analyse takes the windows whose middle is no later than until.
func (s *spectra) analyse(until int64) {
	half := int64(len(s.window) / 2)
	for s.next <= until {
		from := s.next - half - s.base
		part := s.buffer[from : from+2*half]
		for i, w := range s.window {
			s.padded[i] = part[i] * w
		}
		s.fourier.power(s.power, s.padded)
		s.collect()
		s.next += s.hop
		if s.windows == s.each {
			s.push()
		}
	}
}

// collect adds the spectrum to the open frame.
func (s *spectra) collect() {
	for r, b := range s.bands {
		var p float64
		if b.last < b.first {
			p = s.power[b.first]*(1-b.between) + s.power[b.first+1]*b.between
		}
		for k := b.first; k <= b.last; k++ {
			p = max(p, s.power[k])
		}
		s.sum[r] += p * s.scale
	}
	s.windows++
}

func (s *spectra) push() {
	f := make([]float32, s.rows)
	for r, p := range s.sum {
		f[r] = float32(p / float64(s.windows))
		s.sum[r] = 0
	}
	s.windows = 0
	s.frames = append(s.frames, f)
	if len(s.frames) < s.limit {
		return
	}
	half := s.limit / 2
	for i := range half {
		a, b := s.frames[2*i], s.frames[2*i+1]
		for r := range a {
			a[r] = (a[r] + b[r]) / 2
		}
		s.frames[i] = a
	}
	clear(s.frames[half:])
	s.frames = s.frames[:half]
	// First the windows move apart, as long as they overlap by half, so that all of the signal is seen; then more of them make a frame.
	if 4*s.hop <= int64(len(s.window)) || s.each == maxEach {
		s.hop *= 2
	} else {
		s.each *= 2
	}
	s.next = int64(half)*s.span() + s.hop/2
}

// span is how many samples a frame stands for.
func (s *spectra) span() int64 { return s.hop * int64(s.each) }

// finish takes the windows that reach beyond the end, where silence is.
func (s *spectra) finish() {
	if s.n == 0 {
		return
	}
	until := s.n
	if len(s.frames) == 0 && s.windows == 0 {
		until = max(until, s.next) // a signal shorter than half a hop has one window too
	}
	s.buffer = append(s.buffer, make([]float32, len(s.window))...)
	s.analyse(until)
	if s.windows > 0 {
		s.push()
	}
}

// at is the mean power of a row over samples from..to.
func (s *spectra) at(row int, from, to int64) float64 {
	if len(s.frames) == 0 {
		return 0
	}
	end := int64(len(s.frames)) - 1
	first := min(from/s.span(), end)
	last := min(max((to-1)/s.span(), first), end)
	var sum float64
	for _, f := range s.frames[first : last+1] {
		sum += float64(f[row])
	}
	return sum / float64(last-first+1)
}

// top is the level of the strongest place, up to the next 10 dB; 0 of silence.
func (s *spectra) top() float64 {
	var most float32
	for _, f := range s.frames {
		for _, p := range f {
			most = max(most, p)
		}
	}
	if most == 0 {
		return 0
	}
	return 10 * math.Ceil(decibel(float64(most))/10)
}
