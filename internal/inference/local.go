package inference

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/speech"
)

// Local is the service as another role of the same process calls it: with the spans that a network call would have.
type Local struct {
	Service *Service
	Link    rpc.Link
}

// Catalogue implements the caller's interface.
func (l Local) Catalogue(ctx context.Context) (speech.Catalogue, error) {
	ctx, end := l.Link.Begin(ctx, "Voices")
	c, err := l.Service.Catalogue(ctx)
	end(err)
	return c, err
}

// Speak implements the caller's interface. The spans end with the stream.
func (l Local) Speak(ctx context.Context, req speech.Request) (speech.Stream, error) {
	ctx, end := l.Link.Begin(ctx, "Speak")
	st, err := l.Service.Speak(ctx, req)
	if err != nil {
		end(err)
		return nil, err
	}
	return &localStream{Stream: st, end: end, err: context.Canceled}, nil
}

// localStream closes the spans when the stream is closed.
type localStream struct {
	speech.Stream
	end  func(error)
	once sync.Once
	err  error // how it ended; as long as it has not, a close cancels it
}

// Next implements speech.Stream.
func (s *localStream) Next(ctx context.Context) (speech.Event, error) {
	ev, err := s.Stream.Next(ctx)
	if errors.Is(err, io.EOF) {
		s.err = nil
	} else if err != nil {
		s.err = err
	}
	return ev, err
}

// Close implements speech.Stream.
func (s *localStream) Close() error {
	err := s.Stream.Close()
	s.once.Do(func() { s.end(s.err) })
	return err
}
