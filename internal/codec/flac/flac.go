// Package flac encodes PCM as native FLAC (RFC 9639), in pure Go and without a goroutine. It writes the streamable subset, mono and 16 bits a
// sample: each frame says all that is needed to decode it. A block holds back at most 64 ms of audio, and 48 ms from 11 kHz up.
package flac

import (
	"context"
	"encoding/binary"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// Codec makes FLAC streams at every rate from speech.MinSampleRate to speech.MaxSampleRate Hz. The samples come back exactly.
type Codec struct{}

var _ codec.Codec = Codec{}

// Info implements codec.Codec.
func (Codec) Info() codec.Info { return codec.FLAC() }

// New implements codec.Codec. The label is written as Vorbis comments.
func (c Codec) New(ctx context.Context, f speech.Format, label *speech.Label) (codec.Encoder, error) {
	if err := c.Info().Check(f); err != nil {
		return nil, err
	}
	block := blockSize(f.SampleRate)
	header, err := appendStreamHeader(nil, f.SampleRate, block, metadata.VorbisComment(label))
	if err != nil {
		return nil, err
	}
	return &encoder{
		ctx: ctx, header: header, block: make([]int32, 0, block), frames: newFrameCoder(f.SampleRate, block),
		out: make([]byte, 0, len(header)+block*bitsPerSample/8+maxFrameExtra),
	}, nil
}

// encoder gathers samples into blocks and makes a frame of each.
type encoder struct {
	ctx    context.Context // of New: bounds the life of the encoder
	header []byte          // not sent yet; nil afterwards
	block  []int32         // samples of the frame to come; its capacity is the block size
	frames *frameCoder
	out    []byte // what the last call returned
	done   bool
}

// Encode implements codec.Encoder. The stream's header leaves with the first samples, and a frame with the last sample of its block.
func (e *encoder) Encode(ctx context.Context, pcm []byte) ([]byte, error) {
	if err := codec.CheckCall(ctx, e.ctx, e.done, pcm); err != nil {
		return nil, err
	}
	e.out = e.out[:0]
	if len(pcm) > 0 {
		e.start()
	}
	for len(pcm) > 0 {
		n := min(len(pcm)/2, cap(e.block)-len(e.block))
		for i := 0; i < 2*n; i += 2 {
			e.block = append(e.block, int32(int16(binary.LittleEndian.Uint16(pcm[i:]))))
		}
		pcm = pcm[2*n:]
		if len(e.block) < cap(e.block) {
			break
		}
		if err := e.flush(); err != nil {
			e.done = true
			return nil, err
		}
	}
	return e.out, nil
}

// Finish implements codec.Encoder. The last frame has the samples that are left; a stream without a sample is a header alone.
func (e *encoder) Finish(ctx context.Context) ([]byte, error) {
	if err := codec.CheckCall(ctx, e.ctx, e.done, nil); err != nil {
		return nil, err
	}
	e.done = true
	e.out = e.out[:0]
	e.start()
	if len(e.block) > 0 {
		if err := e.flush(); err != nil {
			return nil, err
		}
	}
	return e.out, nil
}

// Close implements codec.Encoder.
func (e *encoder) Close() error {
	e.done = true
	return nil
}

// start sends the stream's header, once.
func (e *encoder) start() {
	e.out = append(e.out, e.header...)
	e.header = nil
}

// flush makes a frame of the block.
func (e *encoder) flush() (err error) {
	e.out, err = e.frames.appendFrame(e.out, e.block)
	e.block = e.block[:0]
	return err
}
