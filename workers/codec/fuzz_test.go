package main

import (
	"context"
	"log/slog"
	"testing"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// FuzzSteps sends arbitrary sequences of steps. Each byte of script is one: its low two bits choose settings, pcm, finish or none,
// the others a size or an index into settings. Whatever comes, the service must answer each step it takes, refuse the others with
// INVALID_ARGUMENT, and be idle afterwards.
func FuzzSteps(f *testing.F) {
	for _, script := range [][]byte{{0, 1, 2}, {0, 0}, {1}, {2}, {3}, {0, 1, 5, 9, 2, 1}, {0, 2, 2}, {0, 253, 253, 2}, {36, 1, 2}, {68, 253, 2}, {4, 2}, {}} {
		f.Add(script, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	}
	client := serve(f, 4)
	service := newService(encodings(), 1, 1, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, script, sound []byte) {
		if len(script) > 64 || len(sound) > 4096 {
			t.Skip()
		}
		steps := make([]*codecv1.EncodeRequest, 0, len(script))
		for _, b := range script {
			steps = append(steps, stepOf(b, sound))
		}
		answers, err := run(context.Background(), client, steps...)
		if err != nil && status.Code(err) != codes.InvalidArgument {
			t.Fatalf("after %d answers: %v", len(answers), err)
		}
		if want := wantAnswers(service, steps); len(answers) != want {
			t.Fatalf("%d answers, want %d (%v)", len(answers), want, err)
		}
		waitIdle(t, client)
	})
}

func stepOf(b byte, sound []byte) *codecv1.EncodeRequest {
	arg := int(b >> 2)
	switch b & 3 {
	case 0:
		rates := []int32{24000, 8000, 44100, 48000, 0, -1, 24001}
		return settings([]string{"mp3", "aac"}[arg&1], rates[arg%len(rates)], int32(arg/len(rates))*32000)
	case 1:
		return pcm(sound[:min(arg*64, len(sound))])
	case 2:
		return finish()
	default:
		return &codecv1.EncodeRequest{}
	}
}

// wantAnswers is how many steps the contract has answered: those up to finish, or before the first that is wrong. After finish the
// server reads no further.
func wantAnswers(service *service, steps []*codecv1.EncodeRequest) int {
	for i, step := range steps {
		switch s := step.GetStep().(type) {
		case *codecv1.EncodeRequest_Settings:
			e, err := service.open(s.Settings)
			if i > 0 || err != nil {
				if e != nil {
					e.Close()
				}
				return i
			}
			e.Close()
		case *codecv1.EncodeRequest_Pcm:
			if i == 0 || len(s.Pcm)%2 != 0 {
				return i
			}
		case *codecv1.EncodeRequest_Finish:
			if i == 0 {
				return 0
			}
			return i + 1
		default:
			return i
		}
	}
	return len(steps)
}
