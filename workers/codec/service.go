package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Bounds.
const (
	maxEncoders = 512     // streams at once; one takes 0.4 MB (MP3 of 24 kHz, measured) to 0.9 MB (AAC)
	maxPCM      = 1 << 20 // bytes of one step, as the contract says
	maxStack    = 8 << 10 // bytes of a panic's stack in the log
)

// service implements orotund.codec.v1.Encoder.
type service struct {
	codecv1.UnimplementedEncoderServer
	encodings []encoding
	most      int64
	active    atomic.Int64
	cores     chan struct{} // bounds the steps that run at the same moment
	log       *slog.Logger
}

// newService returns a service with at most most streams at once, of which cores encode at the same moment. Panics of encoders go
// to log.
func newService(encodings []encoding, most, cores int, log *slog.Logger) *service {
	return &service{encodings: encodings, most: int64(most), cores: make(chan struct{}, max(cores, 1)), log: log}
}

type encodeStream = grpc.BidiStreamingServer[codecv1.EncodeRequest, codecv1.EncodeResponse]

// Describe implements codecv1.EncoderServer.
func (s *service) Describe(context.Context, *codecv1.DescribeRequest) (*codecv1.DescribeResponse, error) {
	return s.describe(), nil
}

// Health implements codecv1.EncoderServer.
func (s *service) Health(context.Context, *codecv1.HealthRequest) (*codecv1.HealthResponse, error) {
	return &codecv1.HealthResponse{Active: int32(s.active.Load())}, nil
}

// Encode implements codecv1.EncoderServer.
func (s *service) Encode(stream encodeStream) error {
	defer s.active.Add(-1)
	if s.active.Add(1) > s.most {
		return status.Errorf(codes.ResourceExhausted, "%d streams are being encoded already", s.most)
	}
	request, err := receive(stream)
	if err != nil {
		return err
	}
	first, ok := request.GetStep().(*codecv1.EncodeRequest_Settings)
	if !ok {
		return status.Error(codes.InvalidArgument, "settings must be the first step")
	}
	encoder, err := s.open(first.Settings)
	if err != nil {
		return err
	}
	defer encoder.Close()
	response := &codecv1.EncodeResponse{} // reused: gRPC serialises a message before Send returns
	if err := stream.Send(response); err != nil {
		return err
	}
	for done := false; !done; {
		if request, err = receive(stream); err != nil {
			return err
		}
		if response.Data, done, err = s.step(stream.Context(), encoder, request, response.Data[:0]); err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	return nil
}

// receive returns the next step. A stream that ends without finish is the caller's error.
func receive(stream encodeStream) (*codecv1.EncodeRequest, error) {
	request, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil, status.Error(codes.InvalidArgument, "the stream ended without finish")
	}
	return request, err
}

// step does what a request asks for and appends what comes out to data. done tells that it was finish.
func (s *service) step(ctx context.Context, to encoder, request *codecv1.EncodeRequest, data []byte) (out []byte, done bool, err error) {
	select {
	case s.cores <- struct{}{}:
		defer func() { <-s.cores }()
	case <-ctx.Done():
		return data, false, status.FromContextError(ctx.Err()).Err()
	}
	defer s.survive(&err)
	switch step := request.GetStep().(type) {
	case *codecv1.EncodeRequest_Pcm:
		switch n := len(step.Pcm); {
		case n%2 != 0:
			return data, false, status.Errorf(codes.InvalidArgument, "pcm has %d bytes; a sample has 2", n)
		case n > maxPCM:
			return data, false, status.Errorf(codes.InvalidArgument, "pcm has %d bytes; a step has at most %d", n, maxPCM)
		}
		out, err = to.Encode(data, step.Pcm)
	case *codecv1.EncodeRequest_Finish:
		done = true
		out, err = to.Flush(data)
	case *codecv1.EncodeRequest_Settings:
		return data, false, status.Error(codes.InvalidArgument, "settings came twice")
	default:
		return data, false, status.Error(codes.InvalidArgument, "step is not set")
	}
	if err != nil {
		return out, false, status.Error(codes.Internal, err.Error())
	}
	return out, done, nil
}

// survive turns a panic of an encoder into the error of its stream: what an encoder of Go has in its hands is that stream's alone, so
// the others go on. (Native code does not panic; where it fails it takes the program with it.) It must be deferred itself.
func (s *service) survive(err *error) {
	if p := recover(); p != nil {
		stack := debug.Stack()
		s.log.Error("an encoder panicked; its stream ends", "panic", p, "stack", string(stack[:min(len(stack), maxStack)]))
		*err = status.Errorf(codes.Internal, "the encoder failed: %v", p)
	}
}
