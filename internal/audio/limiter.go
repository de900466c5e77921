package audio

import (
	"fmt"
	"math"
)

const (
	limitAhead   = 500  // 1/s: a gain falls over 2 ms before a peak …
	limitRelease = 0.08 // s: … and comes back with this time constant
	unity        = 1 << 30
	limitBlock   = 1024 // samples taken in at a time
	minCeiling   = -60.0
)

// Limiter keeps the peaks of one stream at or under a ceiling. It looks 2 ms ahead, so the gain falls smoothly before a peak and is
// right when it comes. Output sample k is input sample k: the delay is made up for. While no peak is over the ceiling, and the gain
// has come back from the last one (1.5 s), samples leave as they came, bit for bit. Peaks are those of samples, not what lies between
// them. It is used by one goroutine at a time.
type Limiter struct {
	ceiling float32
	ahead   int     // samples
	decay   float64 // what a sample leaves of the distance to unity

	buf []float32 // input that has not left

	// Gains are in 1/unity, so that sums are exact and unity is.
	now   int64      // samples taken in
	last  int64      // when a gain below unity was last called for
	lows  []lowPoint // of the gains called for in the last ahead+1 samples: those below all later ones; a ring
	first int        // of lows in use …
	count int        // … and how many
	held  int64      // the gain of now, before it is smoothed
	box   []int64    // the last ahead+1 of these; a ring
	sum   int64      // of them …
	scale float64    // … times this is their mean
	at    int        // the oldest of them
}

// lowPoint is a gain that a sample calls for, and when.
type lowPoint struct{ when, gain int64 }

// NewLimiter returns a limiter for a stream at sampleRate Hz. ceiling is the highest peak in dBFS, from -60 to 0.
func NewLimiter(sampleRate int, ceiling float64) (*Limiter, error) {
	if err := checkRate("limit", sampleRate); err != nil {
		return nil, err
	}
	if !(ceiling >= minCeiling && ceiling <= 0) {
		return nil, fmt.Errorf("limit to %g dBFS: ceilings are from %g to 0", ceiling, minCeiling)
	}
	ahead := sampleRate / limitAhead
	l := &Limiter{
		ceiling: Decibels(ceiling),
		ahead:   ahead,
		decay:   math.Exp(-1 / (limitRelease * float64(sampleRate))),
		buf:     make([]float32, 0, ahead+limitBlock),
		lows:    make([]lowPoint, ahead+1),
		box:     make([]int64, ahead+1),
		scale:   1 / float64(unity*int64(ahead+1)),
	}
	l.Reset()
	return l, nil
}

// Delay returns how many samples must follow a sample before it leaves.
func (l *Limiter) Delay() int { return l.ahead }

// Process takes in src and appends to dst the samples that are ready.
func (l *Limiter) Process(dst, src []float32) []float32 {
	for len(src) > 0 {
		n := min(len(src), limitBlock)
		dst = l.block(dst, src[:n])
		src = src[n:]
	}
	return dst
}

// Flush tells that the input is whole and appends to dst what is left. The limiter is then as new.
func (l *Limiter) Flush(dst []float32) []float32 {
	end := len(dst) + len(l.buf)
	var silence [limitBlock]float32
	dst = l.Process(dst, silence[:l.ahead])[:end]
	l.Reset()
	return dst
}

// Reset forgets the stream.
func (l *Limiter) Reset() {
	l.buf = l.buf[:0]
	l.now, l.last = 0, -int64(l.ahead)-1
	l.first, l.count, l.at = 0, 0, 0
	l.held, l.sum = unity, int64(len(l.box))*unity
	for i := range l.box {
		l.box[i] = unity
	}
}

// block takes in at most limitBlock samples and appends as many that are ready.
func (l *Limiter) block(dst, src []float32) []float32 {
	before := len(l.buf)
	l.buf = append(l.buf, src...)
	left := 0 // of buf
	for i := 0; i < len(src); {
		if l.idle() {
			n := quietRun(src[i:], l.ceiling)
			i += n
			l.now += int64(n)
			if ready := before + i - l.ahead; ready > left {
				dst = append(dst, l.buf[left:ready]...)
				left = ready
			}
			if n > 0 {
				continue
			}
		}
		gain := l.step(src[i])
		i++
		if before+i > l.ahead {
			dst = append(dst, l.limit(l.buf[left], gain))
			left++
		}
	}
	l.buf = l.buf[:copy(l.buf, l.buf[left:])]
	return dst
}

// idle tells whether the gain is unity unless the next sample is too high.
func (l *Limiter) idle() bool {
	return l.now-l.last > int64(l.ahead) && l.sum == int64(len(l.box))*unity
}

// quietRun is how many samples of x are not above the ceiling, up to the first that is.
func quietRun(x []float32, ceiling float32) int {
	for i, v := range x {
		if v > ceiling || v < -ceiling {
			return i
		}
	}
	return len(x)
}

// step takes in one sample and returns the gain for the one that is ahead samples before it.
func (l *Limiter) step(v float32) float64 {
	size := len(l.lows)
	if l.count > 0 && l.lows[l.first].when < l.now-int64(l.ahead) {
		if l.first++; l.first == size {
			l.first = 0
		}
		l.count--
	}
	if v > l.ceiling || v < -l.ceiling {
		gain := int64(float64(l.ceiling) / math.Abs(float64(v)) * unity)
		for l.count > 0 && l.lows[(l.first+l.count-1)%size].gain >= gain {
			l.count--
		}
		l.lows[(l.first+l.count)%size] = lowPoint{l.now, gain}
		l.count++
		l.last = l.now
	}
	l.now++
	// Truncation brings the distance to 0 in the end.
	l.held = unity - int64(float64(unity-l.held)*l.decay)
	if l.count > 0 {
		l.held = min(l.held, l.lows[l.first].gain)
	}
	l.sum += l.held - l.box[l.at]
	l.box[l.at] = l.held
	if l.at++; l.at == len(l.box) {
		l.at = 0
	}
	return float64(l.sum) * l.scale
}

// limit applies the gain; rounding does not bring a sample over the ceiling.
func (l *Limiter) limit(v float32, gain float64) float32 {
	return max(-l.ceiling, min(l.ceiling, float32(float64(v)*gain)))
}
