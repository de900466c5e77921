package main

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/workers/codec/internal/lame"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Bounds.
const (
	maxEncoders = 512     // streams at once; one takes 0.4 MB (24 kHz, measured)
	maxPCM      = 1 << 20 // bytes of one step, as the contract says
)

// service implements orotund.codec.v1.Encoder.
type service struct {
	codecv1.UnimplementedEncoderServer
	most   int64
	active atomic.Int64
	cores  chan struct{} // bounds the threads in native code
}

// newService returns a service with at most most streams at once, of which cores encode at the same moment.
func newService(most, cores int) *service {
	return &service{most: int64(most), cores: make(chan struct{}, max(cores, 1))}
}

type encodeStream = grpc.BidiStreamingServer[codecv1.EncodeRequest, codecv1.EncodeResponse]

// Describe implements codecv1.EncoderServer.
func (s *service) Describe(context.Context, *codecv1.DescribeRequest) (*codecv1.DescribeResponse, error) {
	return describe(), nil
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
	encoder, err := open(first.Settings)
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
func (s *service) step(ctx context.Context, encoder *lame.Encoder, request *codecv1.EncodeRequest, data []byte) (out []byte, done bool, err error) {
	select {
	case s.cores <- struct{}{}:
		defer func() { <-s.cores }()
	case <-ctx.Done():
		return data, false, status.FromContextError(ctx.Err()).Err()
	}
	switch step := request.GetStep().(type) {
	case *codecv1.EncodeRequest_Pcm:
		switch n := len(step.Pcm); {
		case n%2 != 0:
			return data, false, status.Errorf(codes.InvalidArgument, "pcm has %d bytes; a sample has 2", n)
		case n > maxPCM:
			return data, false, status.Errorf(codes.InvalidArgument, "pcm has %d bytes; a step has at most %d", n, maxPCM)
		}
		out, err = encoder.Encode(data, step.Pcm)
	case *codecv1.EncodeRequest_Finish:
		done = true
		out, err = encoder.Flush(data)
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
