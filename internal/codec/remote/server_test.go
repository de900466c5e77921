package remote_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/fault"
)

// frame is how many samples the server encodes at a time: like MP3, it holds back what does not fill a frame.
const frame = 576

// worker serves orotund.codec.v1 with G.711 µ-law, a byte a sample, in frames.
type worker struct {
	codecv1.UnimplementedEncoderServer
	active   atomic.Int32
	settings atomic.Pointer[codecv1.EncodeSettings]
	largest  atomic.Int64 // bytes of PCM in one step
	// misbehave, if set, takes the place of the answer to step n, counted from 0 for the settings.
	misbehave func(n int, stream grpc.BidiStreamingServer[codecv1.EncodeRequest, codecv1.EncodeResponse]) (handled bool, err error)
}

// Encode implements the contract.
func (w *worker) Encode(stream grpc.BidiStreamingServer[codecv1.EncodeRequest, codecv1.EncodeResponse]) error {
	w.active.Add(1)
	defer w.active.Add(-1)
	var held []byte
	for n := 0; ; n++ {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return fault.ToGRPC(fault.InvalidField("finish", "the stream ended without it"))
		}
		if err != nil {
			return err
		}
		if w.misbehave != nil {
			if handled, err := w.misbehave(n, stream); handled {
				return err
			}
		}
		resp := &codecv1.EncodeResponse{}
		switch step := req.Step.(type) {
		case *codecv1.EncodeRequest_Settings:
			w.settings.Store(step.Settings)
		case *codecv1.EncodeRequest_Pcm:
			w.largest.Store(max(w.largest.Load(), int64(len(step.Pcm))))
			for i := 0; i < len(step.Pcm); i += 2 {
				held = append(held, muLaw(int16(uint16(step.Pcm[i])|uint16(step.Pcm[i+1])<<8)))
			}
			whole := len(held) / frame * frame
			resp.Data, held = held[:whole:whole], held[whole:]
		case *codecv1.EncodeRequest_Finish:
			resp.Data = held
			return stream.Send(resp)
		}
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
}

// muLaw is the encoder of ITU-T G.711.
func muLaw(v int16) byte {
	const bias, clip = 0x84, 32635
	sign, m := byte(0), int(v)
	if m < 0 {
		sign, m = 0x80, -m
	}
	m = min(m, clip) + bias
	exponent := 7
	for bit := 0x4000; exponent > 0 && m&bit == 0; bit >>= 1 {
		exponent--
	}
	return ^(sign | byte(exponent<<4) | byte(m>>(exponent+3)&0xF))
}

// serve starts the worker and returns a dial function, and a count of encoders that have not been released.
func serve(t testing.TB, w *worker) (dial func(context.Context) (codecv1.EncoderClient, func(), error), held *atomic.Int32) {
	t.Helper()
	lis := bufconn.Listen(1 << 16)
	srv := grpc.NewServer()
	codecv1.RegisterEncoderServer(srv, w)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(lis) }()
	conn, err := grpc.NewClient("passthrough:///worker", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	held = new(atomic.Int32)
	t.Cleanup(func() {
		_ = conn.Close()
		srv.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if n := held.Load(); n != 0 {
			t.Errorf("%d encoders were not released, or released twice", n)
		}
	})
	return func(context.Context) (codecv1.EncoderClient, func(), error) {
		held.Add(1)
		return codecv1.NewEncoderClient(conn), func() { held.Add(-1) }, nil
	}, held
}
