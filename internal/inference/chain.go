package inference

import (
	"fmt"
	"math"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/fault"
)

// chain brings a segment's PCM to the speed and sample rate of the utterance. Segments that have both already pass untouched, bit
// for bit. Its effects are kept from segment to segment.
type chain struct {
	to         int // Hz
	resamplers map[int]*audio.Resampler

	// of the segment at hand
	from      int
	stretcher *audio.Stretcher // nil: speed is right
	resampler *audio.Resampler // nil: rate is right

	in, mid, out []float32
	pcm          []byte
}

func newChain(to int) *chain { return &chain{to: to, resamplers: map[int]*audio.Resampler{}} }

// begin prepares for a segment at from Hz that shall be stretch times as fast.
func (c *chain) begin(from int, stretch float64) error {
	c.from, c.stretcher, c.resampler = from, nil, nil
	if math.Abs(stretch-1) > 1e-6 {
		st, err := audio.NewStretcher(from, stretch)
		if err != nil {
			return fault.New(fault.Internal, "internal error").WithCause(fmt.Errorf("begin segment: %w", err))
		}
		c.stretcher = st
	}
	if from != c.to {
		r, ok := c.resamplers[from]
		if !ok {
			var err error
			if r, err = audio.NewResampler(from, c.to); err != nil {
				return fault.New(fault.Internal, "internal error").WithCause(fmt.Errorf("begin segment: %w", err))
			}
			c.resamplers[from] = r
		}
		r.Reset()
		c.resampler = r
	}
	return nil
}

// process takes PCM and returns what is ready of it; valid until the next call.
func (c *chain) process(pcm []byte) []byte {
	if c.stretcher == nil && c.resampler == nil {
		return pcm
	}
	c.in = audio.DecodeS16(c.in[:0], pcm)
	x := c.in
	if c.stretcher != nil {
		c.mid = c.stretcher.Process(c.mid[:0], x)
		x = c.mid
	}
	if c.resampler != nil {
		c.out = c.resampler.Process(c.out[:0], x)
		x = c.out
	}
	c.pcm = audio.EncodeS16(c.pcm[:0], x)
	return c.pcm
}

// flush returns what the effects still hold at the end of a segment; valid until the next call.
func (c *chain) flush() []byte {
	var x []float32
	if c.stretcher != nil {
		c.mid = c.stretcher.Flush(c.mid[:0])
		x = c.mid
	}
	if c.resampler != nil {
		c.out = c.resampler.Process(c.out[:0], x)
		c.out = c.resampler.Flush(c.out)
		x = c.out
	}
	c.pcm = audio.EncodeS16(c.pcm[:0], x)
	return c.pcm
}
