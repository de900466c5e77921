package style

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	rolev1 "github.com/orotund/orotund/api/gen/orotund/role/v1"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/speech"
)

// ServiceName is the role's full gRPC name.
const ServiceName = "orotund.role.v1.Style"

// roleName is the role in errors.
const roleName = "style"

// Local is the service as another role of the same process calls it: with the spans that a network call would have.
type Local struct {
	Service *Service
	Link    rpc.Link
}

// Segments implements the caller's interface. The spans end when the first segment can be asked for; the rest is found lazily.
func (l Local) Segments(ctx context.Context, text, language string) (speech.SegmentStream, error) {
	ctx, end := l.Link.Begin(ctx, "Segments")
	st, err := l.Service.Segments(ctx, text, language)
	end(err)
	return st, err
}

// Register serves the role to other processes.
func Register(r grpc.ServiceRegistrar, s *Service) {
	rolev1.RegisterStyleServer(r, &server{s: s})
}

type server struct {
	rolev1.UnimplementedStyleServer
	s *Service
}

// Segments implements rolev1.StyleServer. What is read ahead of the caller is bounded by gRPC's window.
func (x *server) Segments(m *rolev1.SegmentsRequest, out grpc.ServerStreamingServer[rolev1.Segment]) error {
	st, err := x.s.Segments(out.Context(), m.GetText(), m.GetLanguage())
	if err != nil {
		return err
	}
	defer st.Close()
	for {
		seg, err := st.Next(out.Context())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := out.Send(&rolev1.Segment{Index: int32(seg.Index), Text: seg.Text, TextOffset: int64(seg.Offset),
			TextLength: int64(seg.Length), Language: seg.Language, Boundary: int32(seg.Boundary)}); err != nil {
			return err
		}
	}
}

// Client is the role in another process.
type Client struct{ c rolev1.StyleClient }

// NewClient returns a client over a connection of package rpc.
func NewClient(conn grpc.ClientConnInterface) *Client { return &Client{c: rolev1.NewStyleClient(conn)} }

// Segments cuts a text; see Service.Segments.
func (c *Client) Segments(ctx context.Context, text, language string) (speech.SegmentStream, error) {
	ctx, cancel := context.WithCancel(ctx)
	call, err := c.c.Segments(ctx, &rolev1.SegmentsRequest{Text: text, Language: language})
	if err != nil {
		err = rpc.FromRole(ctx, roleName, err)
		cancel()
		return nil, err
	}
	return &clientStream{call: call, ctx: ctx, cancel: cancel}, nil
}

// clientStream is a speech.SegmentStream over the network.
type clientStream struct {
	call   grpc.ServerStreamingClient[rolev1.Segment]
	ctx    context.Context // the call's, which cancel ends
	cancel context.CancelFunc
	err    error // final
}

// Next implements speech.SegmentStream.
func (s *clientStream) Next(ctx context.Context) (speech.Segment, error) {
	if s.err != nil {
		return speech.Segment{}, s.err
	}
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	m, err := s.call.Recv()
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, io.EOF) {
			err = ctx.Err()
		}
		s.err = rpc.FromRole(s.ctx, roleName, err)
		return speech.Segment{}, s.err
	}
	return speech.Segment{Index: int(m.GetIndex()), Text: m.GetText(), Offset: int(m.GetTextOffset()), Length: int(m.GetTextLength()),
		Language: m.GetLanguage(), Boundary: speech.Boundary(m.GetBoundary())}, nil
}

// Close implements speech.SegmentStream.
func (s *clientStream) Close() error {
	s.cancel()
	if s.err == nil {
		s.err = io.EOF
	}
	return nil
}
