// Package remote is the codec whose encoders run in a worker that serves orotund.codec.v1: native libraries (LAME) stay out of
// the main process.
package remote

import (
	"context"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Dial returns a client of a worker that is ready, and release, which is called exactly once when the encoder no longer needs
// it. It returns promptly when ctx is done.
type Dial func(ctx context.Context) (client codecv1.EncoderClient, release func(), err error)

// Codec makes encoders in a worker.
type Codec struct {
	info codec.Info
	dial Dial
}

var _ codec.Codec = (*Codec)(nil)

// New returns the codec that info describes (see Describe of orotund.codec.v1), which dials a worker for each encoder.
func New(info codec.Info, dial Dial) *Codec {
	return &Codec{info: info, dial: dial}
}

// Info implements codec.Codec.
func (c *Codec) Info() codec.Info { return c.info }

// New implements codec.Codec: it dials a worker, opens the stream and waits until the worker has taken the settings, so what the
// worker refuses is known before the first sample. The label stands as an ID3v2.4 tag before the first bytes of MP3 and AAC.
func (c *Codec) New(ctx context.Context, f speech.Format, label *speech.Label) (codec.Encoder, error) {
	if err := c.info.Check(f); err != nil {
		return nil, err
	}
	client, release, err := c.dial(ctx)
	if err != nil {
		return nil, fault.FromGRPC(err)
	}
	streamCtx, cancel := context.WithCancel(ctx)
	e := &encoder{life: ctx, cancel: cancel, release: release, tag: tag(f, label)}
	if e.stream, err = client.Encode(streamCtx); err != nil {
		_ = e.Close()
		return nil, e.explain(ctx, err)
	}
	settings := &codecv1.EncodeSettings{
		Encoding:   string(f.Encoding),
		SampleRate: int32(f.SampleRate),
		BitRate:    int32(f.BitRate),
	}
	e.out, err = e.step(ctx, &codecv1.EncodeRequest{Step: &codecv1.EncodeRequest_Settings{Settings: settings}})
	if err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// tag is what goes before the first bytes of a stream: the label, for the encodings of which the worker makes bare frames.
func tag(f speech.Format, label *speech.Label) []byte {
	switch f.Encoding {
	case speech.MP3, speech.AAC:
		return metadata.ID3(label, codec.SealRoom(f))
	default:
		return nil
	}
}
