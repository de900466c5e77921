package inference

import (
	"fmt"
	"math"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/fault"
)

// effects bring one segment's PCM to the speed, pitch, sample rate and loudness of the utterance. Those that are not needed are left out,
// and what is kept from segment to segment is reset.
type effects struct {
	to         int  // Hz
	clean      bool // a constant offset is removed
	resamplers map[int]*audio.Resampler

	// of the segment at hand
	blocker   *audio.DCBlocker // nil: not wanted
	stretcher *audio.Stretcher // nil: speed is right
	resampler *audio.Resampler // nil: rate and pitch are right
	leveller  *audio.Leveller  // nil: loudness is left alone

	in, mid, out []float32
}

func newEffects(to int, clean bool) *effects {
	return &effects{to: to, clean: clean, resamplers: map[int]*audio.Resampler{}}
}

// begin prepares for a segment at from Hz, to be made speed times as fast, and raised by a factor of pitch.
func (e *effects) begin(from int, speed, pitch float64) error {
	e.blocker, e.stretcher, e.resampler = nil, nil, nil
	fail := func(err error) error {
		return fault.New(fault.Internal, "internal error").WithCause(fmt.Errorf("begin segment: %w", err))
	}
	var ok bool
	var err error
	if e.clean {
		if e.blocker, err = audio.NewDCBlocker(from); err != nil {
			return fail(err)
		}
	}
	// Audio that is stretched by the pitch, and then taken to be at a rate that is higher by as much, is as long as it was.
	if stretch := speed / pitch; math.Abs(stretch-1) > 1e-6 {
		if e.stretcher, err = audio.NewStretcher(from, stretch); err != nil {
			return fail(err)
		}
	}
	from = int(math.Round(float64(from) * pitch))
	if from == e.to {
		return nil
	}
	if e.resampler, ok = e.resamplers[from]; !ok {
		if e.resampler, err = audio.NewResampler(from, e.to); err != nil {
			return fail(err)
		}
		e.resamplers[from] = e.resampler
	}
	e.resampler.Reset()
	return nil
}

// process takes PCM and returns what is ready of it; valid until the next call.
func (e *effects) process(pcm []byte) []float32 {
	e.in = audio.DecodeS16(e.in[:0], pcm)
	x := e.in
	if e.blocker != nil {
		e.blocker.Process(x)
	}
	if e.stretcher != nil {
		e.mid = e.stretcher.Process(e.mid[:0], x)
		x = e.mid
	}
	if e.resampler != nil {
		e.out = e.resampler.Process(e.out[:0], x)
		x = e.out
	}
	if e.leveller != nil {
		e.leveller.Process(x)
	}
	return x
}

// flush returns what the effects still hold at the end of a segment; valid until the next call.
func (e *effects) flush() []float32 {
	var x []float32
	if e.stretcher != nil {
		e.mid = e.stretcher.Flush(e.mid[:0])
		x = e.mid
	}
	if e.resampler != nil {
		e.out = e.resampler.Process(e.out[:0], x)
		e.out = e.resampler.Flush(e.out)
		x = e.out
	}
	if e.leveller != nil {
		e.leveller.Process(x)
	}
	return x
}
