package audio

import "math"

const (
	dcCorner = 15    // Hz: a voice of 60 Hz loses 0.3 dB, one of 100 Hz 0.1 dB
	dcQuiet  = 0.004 // how far silence lies from its offset at most (-48 dBFS)
	dcGone   = 1e-20 // an offset below which there is none: numbers that come nearer to 0 are slow to calculate with
	dcBlock  = 1024  // samples after which that is looked at
)

// DCBlocker removes a constant offset from one stream: a high-pass of the first order with its corner at 15 Hz. The offset is
// taken to be the first sample, then, as long as the stream stays silent, the mean of all, so that a stream with an offset does not
// begin with a step that decays. From the first sound on it follows slowly, and leaves speech as it is. It is used by one
// goroutine at a time.
type DCBlocker struct {
	follow float64 // share of the difference by which the offset follows
	offset float64
	quiet  float64 // samples of silence at the start; -1: there has been sound
}

// NewDCBlocker returns a blocker for a stream at sampleRate Hz.
func NewDCBlocker(sampleRate int) (*DCBlocker, error) {
	if err := checkRate("remove an offset", sampleRate); err != nil {
		return nil, err
	}
	return &DCBlocker{follow: 1 - math.Exp(-2*math.Pi*dcCorner/float64(sampleRate))}, nil
}

// Process removes the offset of the samples in x, in place. There is no delay.
func (b *DCBlocker) Process(x []float32) {
	i := 0
	for ; i < len(x) && b.quiet >= 0; i++ {
		v := float64(x[i])
		if b.quiet > 0 && math.Abs(v-b.offset) > dcQuiet {
			b.quiet = -1
			break
		}
		b.quiet++
		b.offset += (v - b.offset) * max(1/b.quiet, b.follow)
		x[i] = float32(v - b.offset)
	}
	// Of a sample to the next only one product and one sum wait for each other.
	offset, follow, keep := b.offset, b.follow, 1-b.follow
	for rest := x[i:]; len(rest) > 0; {
		n := min(len(rest), dcBlock)
		for i, s := range rest[:n] {
			v := float64(s)
			offset = offset*keep + v*follow
			rest[i] = float32(v - offset)
		}
		if offset < dcGone && offset > -dcGone {
			offset = 0
		}
		rest = rest[n:]
	}
	b.offset = offset
}

// Reset forgets the stream.
func (b *DCBlocker) Reset() { b.offset, b.quiet = 0, 0 }
