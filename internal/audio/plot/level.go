package plot

import "math"

// level finds the level of the speech in a signal: the mean power of its blocks of 20 ms, without silence and pauses (blocks under -70 dB of full
// scale, and then those more than 10 dB under the mean of the others, which are the gates of BS.1770). Blocks are counted by their
// level in steps of half a decibel, so memory does not grow.
type level struct {
	block  int // samples
	fill   int
	power  float64
	counts [levelSteps]int64
	powers [levelSteps]float64
}

const (
	levelFloor  = -70.0 // dB of full scale
	levelStride = 0.5
	levelSteps  = 200 // up to 30 dB over full scale
	levelGate   = -10.0
)

func newLevel(rate int) *level { return &level{block: max(rate/50, 1)} }

func (l *level) write(samples []float32) {
	for len(samples) > 0 {
		k := min(len(samples), l.block-l.fill)
		for _, x := range samples[:k] {
			l.power += float64(x) * float64(x)
		}
		l.fill += k
		samples = samples[k:]
		if l.fill == l.block {
			l.count()
		}
	}
}

// count counts the block, which may be a shorter one at the end.
func (l *level) count() {
	if l.fill > 0 {
		p := l.power / float64(l.fill)
		if at := (decibel(p) - levelFloor) / levelStride; at >= 0 {
			i := min(int(at), levelSteps-1)
			l.counts[i]++
			l.powers[i] += p
		}
	}
	l.fill, l.power = 0, 0
}

// decibels is the level of full scale, where a square wave of 1 has 0; false: all is silence.
func (l *level) decibels() (float64, bool) {
	mean, ok := l.mean(0)
	if !ok {
		return math.Inf(-1), false
	}
	gate := int(math.Ceil((decibel(mean) + levelGate - levelFloor) / levelStride))
	if gated, ok := l.mean(max(gate, 0)); ok {
		mean = gated
	}
	return decibel(mean), true
}

// mean is the mean power of the blocks from a step up.
func (l *level) mean(from int) (float64, bool) {
	var n int64
	var sum float64
	for i := min(from, levelSteps-1); i < levelSteps; i++ {
		n += l.counts[i]
		sum += l.powers[i]
	}
	return sum / float64(max(n, 1)), n > 0
}

// decibel is 10·log10 of a power ratio; -Inf of 0.
func decibel(power float64) float64 { return 10 * math.Log10(power) }

// amplitude is 20·log10 of an amplitude ratio; -Inf of 0.
func amplitude(a float64) float64 { return 20 * math.Log10(a) }
