package remote

import (
	"context"
	"errors"
	"io"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/fault"
)

// maxPCM is what one request of orotund.codec.v1 may hold, in bytes. It is even, so samples stay whole.
const maxPCM = 1 << 20

// errExtraAnswer is a worker that goes on after its answer to finish.
var errExtraAnswer = errors.New("the encoder answered finish twice")

// encoder is one lock-step stream. It has no goroutine: each call sends one step and waits for its answer.
type encoder struct {
	life    context.Context // of New; the stream's context comes from it
	stream  codecv1.Encoder_EncodeClient
	cancel  context.CancelFunc
	release func()
	out     []byte // what the answer to the settings held, until the first call takes it
	tag     []byte // goes before the first bytes
	ended   bool   // after Finish or an error
	closed  bool
}

// Encode implements codec.Encoder.
func (e *encoder) Encode(ctx context.Context, pcm []byte) ([]byte, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	if len(pcm)%2 != 0 {
		return nil, codec.ErrHalfSample
	}
	out := e.out
	e.out = nil
	for len(pcm) > 0 {
		n := min(len(pcm), maxPCM)
		data, err := e.step(ctx, &codecv1.EncodeRequest{Step: &codecv1.EncodeRequest_Pcm{Pcm: pcm[:n]}})
		if err != nil {
			return nil, err
		}
		pcm = pcm[n:]
		if len(out) == 0 {
			out = data // the usual case: no copy
		} else {
			out = append(out, data...)
		}
	}
	return e.tagged(out), nil
}

// tagged returns data, with the tag before the first of the stream.
func (e *encoder) tagged(data []byte) []byte {
	if len(data) == 0 || e.tag == nil {
		return data
	}
	data = append(e.tag, data...)
	e.tag = nil
	return data
}

// Finish implements codec.Encoder. It also waits for the end of the stream, so that the worker's verdict is not lost.
func (e *encoder) Finish(ctx context.Context) ([]byte, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	data, err := e.step(ctx, &codecv1.EncodeRequest{Step: &codecv1.EncodeRequest_Finish{Finish: &codecv1.Finish{}}})
	if err != nil {
		return nil, err
	}
	e.ended = true
	defer e.watch(ctx)()
	if err := e.stream.CloseSend(); err != nil {
		return nil, e.explain(ctx, err)
	}
	switch _, err := e.stream.Recv(); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, e.explain(ctx, err)
	default:
		return nil, fault.New(fault.Internal, "the audio could not be encoded").WithCause(errExtraAnswer)
	}
	return e.tagged(append(e.out, data...)), nil
}

// Close implements codec.Encoder: it cancels the stream if that has not ended, and gives the worker back.
func (e *encoder) Close() error {
	if !e.closed {
		e.closed = true
		e.cancel()
		e.release()
	}
	return nil
}

// usable tells why no step may be taken, if so.
func (e *encoder) usable(ctx context.Context) error {
	if e.ended || e.closed {
		return codec.ErrEnded
	}
	if err := ctx.Err(); err != nil {
		return e.explain(ctx, err)
	}
	return nil
}

// step sends one request and returns the data of its answer.
func (e *encoder) step(ctx context.Context, req *codecv1.EncodeRequest) ([]byte, error) {
	defer e.watch(ctx)()
	// Send answers io.EOF when the stream has failed; Recv then tells why.
	if err := e.stream.Send(req); err != nil && !errors.Is(err, io.EOF) {
		return nil, e.explain(ctx, err)
	}
	resp, err := e.stream.Recv()
	if err != nil {
		return nil, e.explain(ctx, err)
	}
	return resp.GetData(), nil
}

// watch ends the stream when ctx does, until the returned function is called. The context that the stream already comes from
// needs no watching.
func (e *encoder) watch(ctx context.Context) func() bool {
	if ctx.Done() == nil || ctx.Done() == e.life.Done() {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, e.cancel)
}

// explain ends the encoder and turns the stream's error into one for the caller. A context that ended says more than the status
// it caused.
func (e *encoder) explain(ctx context.Context, err error) error {
	e.ended = true
	e.cancel()
	for _, c := range []context.Context{ctx, e.life} {
		if c.Err() != nil {
			return fault.From(c.Err())
		}
	}
	if errors.Is(err, io.EOF) { // the stream ended well before its time
		return fault.New(fault.Unavailable, "the encoder ended before the audio did").WithCause(io.ErrUnexpectedEOF)
	}
	return fault.FromGRPC(err)
}
