package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/childtest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs an engine behind gRPC on a Unix socket, as in real life, all its voices loaded, and returns a client.
func serve(tb testing.TB, most int) enginev1.EngineClient {
	tb.Helper()
	client := enginev1.NewEngineClient(childtest.Serve(tb, func(s *grpc.Server) { enginev1.RegisterEngineServer(s, newEngine(most)) }))
	ctx := context.Background()
	for _, p := range profiles {
		if _, err := client.Load(ctx, &enginev1.LoadRequest{Model: p.id}); err != nil {
			tb.Fatalf("load %s: %v", p.id, err)
		}
	}
	tb.Cleanup(func() {
		for _, p := range profiles {
			if _, err := client.Unload(ctx, &enginev1.UnloadRequest{Model: p.id}); err != nil {
				tb.Errorf("unload %s: %v", p.id, err)
			}
		}
	})
	return client
}

// spoken is all that a Synthesize call brought.
type spoken struct {
	rate     int
	samples  []int16
	timings  []*enginev1.Timing
	warnings []string
	end      int64
	messages []int // samples of each audio message
}

// synthesize runs a call to its end.
func synthesize(ctx context.Context, client enginev1.EngineClient, req *enginev1.SynthesizeRequest) (*spoken, error) {
	stream, err := client.Synthesize(ctx, req)
	if err != nil {
		return nil, err
	}
	s := &spoken{end: -1}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		switch e := m.GetEvent().(type) {
		case *enginev1.SynthesizeResponse_Format:
			s.rate = int(e.Format.GetSampleRate())
		case *enginev1.SynthesizeResponse_Audio:
			s.messages = append(s.messages, len(e.Audio)/2)
			for i := 0; i+1 < len(e.Audio); i += 2 {
				s.samples = append(s.samples, int16(binary.LittleEndian.Uint16(e.Audio[i:])))
			}
		case *enginev1.SynthesizeResponse_Timing:
			s.timings = append(s.timings, e.Timing)
		case *enginev1.SynthesizeResponse_Warning:
			s.warnings = append(s.warnings, e.Warning)
		case *enginev1.SynthesizeResponse_End:
			s.end = e.End.GetSamples()
		}
	}
}

// must is synthesize where no error is expected.
func must(tb testing.TB, client enginev1.EngineClient, req *enginev1.SynthesizeRequest) *spoken {
	tb.Helper()
	s, err := synthesize(context.Background(), client, req)
	if err != nil {
		tb.Fatalf("synthesize with %s: %v", req.GetVoice(), err)
	}
	if s.end != int64(len(s.samples)) {
		tb.Fatalf("the end tells %d samples, %d came", s.end, len(s.samples))
	}
	return s
}

// words asks for word timings.
var words = []enginev1.TimingKind{enginev1.TimingKind_TIMING_KIND_WORD}
