package codec

import (
	"context"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// PCM is the codec of bare samples: bytes pass as they are, without a copy.
type PCM struct{}

var _ Codec = PCM{}

// Info implements Codec.
func (PCM) Info() Info {
	return Info{Encoding: speech.PCM, MediaType: "audio/pcm", Extension: "pcm"}
}

// New implements Codec.
func (p PCM) New(ctx context.Context, f speech.Format, _ *speech.Label) (Encoder, error) {
	if err := p.Info().Check(f); err != nil {
		return nil, err
	}
	return &pcmEncoder{ctx: ctx}, nil
}

// pcmEncoder passes samples through.
type pcmEncoder struct {
	ctx  context.Context // of New: bounds the life of the encoder
	done bool
}

// Encode implements Encoder: it returns pcm itself.
func (e *pcmEncoder) Encode(ctx context.Context, pcm []byte) ([]byte, error) {
	if err := e.check(ctx, pcm); err != nil {
		return nil, err
	}
	return pcm, nil
}

// Finish implements Encoder: nothing is ever left.
func (e *pcmEncoder) Finish(ctx context.Context) ([]byte, error) {
	err := e.check(ctx, nil)
	e.done = true
	return nil, err
}

// Close implements Encoder.
func (e *pcmEncoder) Close() error {
	e.done = true
	return nil
}

// check tells why a call cannot go on, if so.
func (e *pcmEncoder) check(ctx context.Context, pcm []byte) error {
	return CheckCall(ctx, e.ctx, e.done, pcm)
}

// CheckCall tells why a call of an encoder cannot go on, if so: its context or that of New, life, has ended, the encoder is done, or pcm is
// not whole samples. Encoders begin each call with it.
func CheckCall(ctx, life context.Context, done bool, pcm []byte) error {
	switch {
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case life.Err() != nil:
		return fault.From(life.Err())
	case done:
		return ErrEnded
	case len(pcm)%2 != 0:
		return ErrHalfSample
	}
	return nil
}
