// Package opus encodes PCM as Opus in Ogg (RFC 6716, RFC 7845), in pure Go and without a goroutine. The first page of sound leaves with 20 ms of
// audio and what the resampler waits for; decoders give back exactly as much audio as went in.
package opus

import (
	"context"
	"math/rand/v2"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/speech"
)

// library is what encodes.
const library = "gopus 0.1.1"

// Codec makes Opus streams of 8, 12, 16, 24 and 48 kHz, with constrained variable bit rate. The zero value is ready.
type Codec struct {
	serial func() uint32 // of a stream; nil: at random, since streams in one Ogg file must differ
}

var _ codec.Codec = Codec{}

// Info implements codec.Codec.
func (Codec) Info() codec.Info {
	i := codec.Opus()
	i.Library = library
	return i
}

// New implements codec.Codec. The label is written as Vorbis comments. Encoders are not pooled: gopus 0.1.1's Reset keeps the state of the
// filter that removes DC, so that a stream would depend on the one before; and a new one costs 0.2 ms and 0.4 MB in all.
func (c Codec) New(ctx context.Context, f speech.Format, label *speech.Label) (codec.Encoder, error) {
	if err := c.Info().Check(f); err != nil {
		return nil, err
	}
	frames, err := newFrameCoder(f)
	if err != nil {
		return nil, err
	}
	resampler, err := audio.NewResampler(f.SampleRate, clock)
	if err != nil {
		return nil, err
	}
	serial := rand.Uint32
	if c.serial != nil {
		serial = c.serial
	}
	e := &encoder{ctx: ctx, rate: f.SampleRate, resampler: resampler, frames: frames, preSkip: frames.lookahead()}
	if e.pages, err = newPager(serial(), e.preSkip, f.SampleRate, label); err != nil {
		return nil, err
	}
	return e, nil
}

// encoder makes packets of 20 ms and puts them into pages.
type encoder struct {
	ctx       context.Context // of New: bounds the life of the encoder
	rate      int             // Hz, of the input
	resampler *audio.Resampler
	frames    *frameCoder
	pages     *pager

	samples int       // taken in so far
	preSkip int       // samples of the clock that come out of a decoder before the first that went in
	in      []float32 // a piece of the input
	ready   []float32 // at the clock's rate, less than a frame between calls
	out     []byte    // what the last call returned
	done    bool
}

// Encode implements codec.Encoder. Headers leave with the first page of sound.
func (e *encoder) Encode(ctx context.Context, pcm []byte) ([]byte, error) {
	if err := codec.CheckCall(ctx, e.ctx, e.done, pcm); err != nil {
		return nil, err
	}
	e.out = e.out[:0]
	piece := 2 * e.rate / 50 // 20 ms at a time, so that the buffers stay small
	for len(pcm) > 0 {
		n := min(len(pcm), piece)
		e.in = audio.DecodeS16(e.in[:0], pcm[:n])
		pcm = pcm[n:]
		e.samples += len(e.in)
		e.ready = e.resampler.Process(e.ready, e.in)
		if err := e.encodeReady(); err != nil {
			e.done = true
			return nil, err
		}
	}
	return e.out, nil
}

// Finish implements codec.Encoder. A stream without a sample is headers and an empty page of sound: one packet, all of which is trimmed.
func (e *encoder) Finish(ctx context.Context) ([]byte, error) {
	if err := codec.CheckCall(ctx, e.ctx, e.done, nil); err != nil {
		return nil, err
	}
	e.done = true
	e.out = e.out[:0]
	e.ready = e.resampler.Flush(e.ready)
	if err := e.encodeReady(); err != nil {
		return nil, err
	}
	// The look-ahead has kept back the end of the audio, so at least one frame follows. Silence fills the last.
	end := uint64(e.preSkip) + uint64(e.samples)*uint64(clock/e.rate)
	for {
		e.ready = append(e.ready, make([]float32, frameSamples-len(e.ready))...)
		packet, err := e.frames.encode(e.ready)
		if err != nil {
			return nil, err
		}
		e.ready = e.ready[:0]
		if e.pages.position()+frameSamples >= end {
			e.out = e.pages.finish(e.out, packet, end)
			return e.out, nil
		}
		e.out = e.pages.add(e.out, packet)
	}
}

// Close implements codec.Encoder.
func (e *encoder) Close() error {
	e.done = true
	return nil
}

// encodeReady makes packets of the whole frames.
func (e *encoder) encodeReady() error {
	rest := e.ready
	for len(rest) >= frameSamples {
		packet, err := e.frames.encode(rest[:frameSamples])
		if err != nil {
			return err
		}
		e.out = e.pages.add(e.out, packet)
		rest = rest[frameSamples:]
	}
	e.ready = e.ready[:copy(e.ready, rest)]
	return nil
}
