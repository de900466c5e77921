package inference

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	rolev1 "github.com/orotund/orotund/api/gen/orotund/role/v1"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/speech"
)

// ServiceName is the role's full gRPC name.
const ServiceName = "orotund.role.v1.Inference"

// roleName is the role in errors.
const roleName = "inference"

// Register serves the role to other processes.
func Register(r grpc.ServiceRegistrar, s *Service) {
	rolev1.RegisterInferenceServer(r, &server{s: s})
}

type server struct {
	rolev1.UnimplementedInferenceServer
	s *Service
}

// Speak implements rolev1.InferenceServer.
func (x *server) Speak(m *rolev1.SpeakRequest, out grpc.ServerStreamingServer[rolev1.Event]) error {
	ctx := out.Context()
	st, err := x.s.Speak(ctx, requestFromProto(m))
	if err != nil {
		return err
	}
	defer st.Close()
	if err := out.Send(&rolev1.Event{Event: &rolev1.Event_Format{Format: formatToProto(st.Format())}}); err != nil {
		return err
	}
	for {
		ev, err := st.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := out.Send(eventToProto(ev)); err != nil {
			return err
		}
	}
}

// Voices implements rolev1.InferenceServer.
func (x *server) Voices(ctx context.Context, _ *rolev1.VoicesRequest) (*rolev1.VoicesResponse, error) {
	c, err := x.s.Catalogue(ctx)
	if err != nil {
		return nil, err
	}
	return catalogueToProto(c), nil
}

// Client is the role in another process.
type Client struct{ c rolev1.InferenceClient }

// NewClient returns a client over a connection of package rpc.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{c: rolev1.NewInferenceClient(conn)}
}

// Catalogue lists what can be asked for now.
func (c *Client) Catalogue(ctx context.Context) (speech.Catalogue, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := c.c.Voices(ctx, &rolev1.VoicesRequest{})
	if err != nil {
		return speech.Catalogue{}, rpc.FromRole(ctx, roleName, err)
	}
	return catalogueFromProto(m), nil
}

// Speak runs one request; see Service.Speak.
func (c *Client) Speak(ctx context.Context, req speech.Request) (speech.Stream, error) {
	callCtx, cancel := context.WithCancel(ctx)
	call, err := c.c.Speak(callCtx, requestToProto(req))
	if err != nil {
		err = rpc.FromRole(callCtx, roleName, err)
		cancel()
		return nil, err
	}
	m, err := call.Recv()
	if err != nil {
		err = rpc.FromRole(callCtx, roleName, err)
		cancel()
		return nil, err
	}
	f := m.GetFormat()
	if f == nil {
		cancel()
		return nil, fault.New(fault.Internal, "internal error").WithCause(errors.New("inference: the first event is not a format"))
	}
	return &clientStream{call: call, ctx: callCtx, cancel: cancel, parent: ctx, format: formatFromProto(f)}, nil
}

// clientStream is a speech.Stream over the network.
type clientStream struct {
	call   grpc.ServerStreamingClient[rolev1.Event]
	parent context.Context // Speak's
	ctx    context.Context // the call's, which ends with parent and by cancel
	cancel context.CancelFunc
	format speech.Format
	err    error
}

// Format implements speech.Stream.
func (s *clientStream) Format() speech.Format { return s.format }

// Next implements speech.Stream.
func (s *clientStream) Next(ctx context.Context) (speech.Event, error) {
	if s.err != nil {
		return speech.Event{}, s.err
	}
	if ctx != s.parent {
		stop := context.AfterFunc(ctx, s.cancel)
		defer stop()
	}
	for {
		m, err := s.call.Recv()
		if err != nil {
			if ctx.Err() != nil && !errors.Is(err, io.EOF) {
				err = ctx.Err()
			}
			s.err = rpc.FromRole(s.ctx, roleName, err)
			return speech.Event{}, s.err
		}
		if ev, ok := eventFromProto(m); ok {
			return ev, nil
		}
	}
}

// Close implements speech.Stream.
func (s *clientStream) Close() error {
	s.cancel()
	if s.err == nil {
		s.err = context.Canceled
	}
	return nil
}
