package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/engine/conformance"
	"github.com/orotund/orotund/internal/worker/childtest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestConformance(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.id, func(t *testing.T) {
			t.Parallel() // helps only where there are cores
			conn := dial(t, 2)
			conformance.Run(t, enginev1.NewEngineClient(conn), conformance.Options{Voice: p.id, Conn: conn})
		})
	}
}

// dial serves an engine whose models are not loaded and returns a connection to it.
func dial(t *testing.T, most int) *grpc.ClientConn {
	t.Helper()
	e := newEngine(most)
	t.Cleanup(func() { // after the server has ended
		for _, v := range e.voices {
			if err := v.unload(context.Background()); err != nil {
				t.Errorf("unload %s: %v", v.id, err)
			}
		}
	})
	return childtest.Serve(t, func(s *grpc.Server) { enginev1.RegisterEngineServer(s, e) }, conformance.DialOptions()...)
}

// TestTimings checks that each word's span of bytes is the word in the caller's own text, whatever was folded.
func TestTimings(t *testing.T) {
	client := serve(t, 1)
	text := "“Naïve” Dr. Müller—aged 42—spent £3.50 … on\u00a0cafe\u0301s & 你好 teas."
	want := "Naïve Dr Müller aged 42 spent £ 3.50 on cafe\u0301s & teas"
	for _, p := range profiles {
		s := must(t, client, &enginev1.SynthesizeRequest{Text: text, Voice: p.id, Timings: words})
		var words []string
		last := int64(-1)
		for _, m := range s.timings {
			words = append(words, text[m.TextOffset:m.TextOffset+m.TextLength])
			if m.Sample < last || m.Samples <= 0 || m.Sample+m.Samples > s.end {
				t.Errorf("%s: word %q is at %d for %d of %d samples, after one at %d", p.id, words[len(words)-1], m.Sample, m.Samples, s.end, last)
			}
			last = m.Sample
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%s: words\n got %s\nwant %s", p.id, got, want)
		}
		if len(s.warnings) != 1 || !strings.HasSuffix(s.warnings[0], "cannot say: 2") {
			t.Errorf("%s: warnings %q, want one about 2 characters", p.id, s.warnings)
		}
	}
}

// TestWordEnergy checks the timings against the audio: there must be sound where words are, and little before the first.
func TestWordEnergy(t *testing.T) {
	client := serve(t, 1)
	for _, p := range profiles {
		s := must(t, client, &enginev1.SynthesizeRequest{Text: "Seven boats sailed home before the storm.", Voice: p.id, Timings: words})
		if len(s.timings) != 7 {
			t.Fatalf("%s: %d words, want 7", p.id, len(s.timings))
		}
		silence := power(s.samples[:s.timings[0].Sample])
		for i, m := range s.timings {
			if e := power(s.samples[m.Sample : m.Sample+m.Samples]); e < 20*silence || e < 1e4 {
				t.Errorf("%s: word %d has power %.0f, the silence before the first %.0f", p.id, i, e, silence)
			}
		}
	}
}

func power(samples []int16) float64 {
	sum := 1.0 // so that digital silence has one
	for _, x := range samples {
		sum += float64(x) * float64(x)
	}
	return sum / float64(len(samples)+1)
}

func TestNothingToSay(t *testing.T) {
	client := serve(t, 1)
	for _, text := range []string{"...", "你好，世界。", " \t\n", "<>", "-- ' \"", "❤️", strings.Repeat("!", 4000)} {
		for _, p := range profiles {
			s := must(t, client, &enginev1.SynthesizeRequest{Text: text, Voice: p.id, Timings: words})
			if len(s.samples) != 0 || len(s.warnings) != 1 {
				t.Errorf("%s: %q gave %d samples and warnings %q; want none and one", p.id, text, len(s.samples), s.warnings)
			}
		}
	}
}

// TestPieces checks that text of several pieces is spoken whole: about as long as its parts, and each word once.
func TestPieces(t *testing.T) {
	client := serve(t, 1)
	for _, p := range profiles {
		one := must(t, client, &enginev1.SynthesizeRequest{Text: longText, Voice: p.id, Timings: words})
		three := must(t, client, &enginev1.SynthesizeRequest{Text: longText + " " + longText + " " + longText, Voice: p.id, Timings: words})
		if ratio := float64(three.end) / float64(one.end); ratio < 2.95 || ratio > 3.05 {
			t.Errorf("%s: three times the text is %.3f times as long", p.id, ratio)
		}
		if len(three.timings) != 3*len(one.timings) {
			t.Errorf("%s: %d words in three times the text, %d in one", p.id, len(three.timings), len(one.timings))
		}
	}
}

// TestSpeed checks that the audio's length follows the speed over the whole range that is promised.
func TestSpeed(t *testing.T) {
	client := serve(t, 1)
	for _, p := range profiles {
		base := must(t, client, &enginev1.SynthesizeRequest{Text: shortText, Voice: p.id, Timings: words})
		for _, speed := range []float64{speedMin, 0.8, 1.3, speedMax} {
			s := must(t, client, &enginev1.SynthesizeRequest{Text: shortText, Voice: p.id, Speed: speed})
			if got := float64(base.end) / float64(s.end); got < 0.97*speed || got > 1.03*speed {
				t.Errorf("%s: speed %g gave %.3f", p.id, speed, got)
			}
		}
	}
}

// TestTwoAtOnce checks that calls do not disturb each other: the lengths are those of a call alone, and so nearly is the power (the
// noise of the statistical voices is random).
func TestTwoAtOnce(t *testing.T) {
	client := serve(t, 2)
	type job struct{ voice, text string }
	jobs := []job{{"rms", shortText}, {"slt", shortText}, {"rms", "Another text, said by the same voice."}, {"kal16", shortText}}
	alone := map[job]*spoken{}
	for _, j := range jobs {
		alone[j] = must(t, client, &enginev1.SynthesizeRequest{Text: j.text, Voice: j.voice})
	}
	var all sync.WaitGroup
	for k := range 2 {
		all.Go(func() {
			for i := range 3 * len(jobs) {
				j := jobs[(i*(k+1))%len(jobs)]
				s, err := synthesize(context.Background(), client, &enginev1.SynthesizeRequest{Text: j.text, Voice: j.voice})
				if err != nil {
					t.Errorf("%v: %v", j, err)
					return
				}
				want := alone[j]
				if r := power(s.samples) / power(want.samples); s.end != want.end || r < 0.9 || r > 1.1 {
					t.Errorf("%v: %d samples and %.2f of the power beside another call, %d samples alone", j, s.end, r, want.end)
				}
			}
		})
	}
	all.Wait()
}

// TestUnloadInUse checks that unloading waits for the speaker, refuses newcomers, and that the voice can come back.
func TestUnloadInUse(t *testing.T) {
	client := serve(t, 2)
	ctx := t.Context()
	stream, err := client.Synthesize(ctx, &enginev1.SynthesizeRequest{Text: strings.Repeat(longText, 3), Voice: "rms"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil { // the format: it speaks now
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := client.Unload(short, &enginev1.UnloadRequest{Model: "rms"}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("unload of a voice that speaks: %v, want DEADLINE_EXCEEDED", err)
	}
	if _, err := synthesize(ctx, client, &enginev1.SynthesizeRequest{Text: "hi", Voice: "rms"}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a call while unloading: %v, want FAILED_PRECONDITION", err)
	}
	samples := int64(-1)
	for {
		m, err := stream.Recv()
		if err != nil {
			break
		}
		if m.GetEnd() != nil {
			samples = m.GetEnd().GetSamples()
		}
	}
	if samples <= 0 {
		t.Error("the speaker was not left to finish")
	}
	if _, err := client.Unload(ctx, &enginev1.UnloadRequest{Model: "rms"}); err != nil {
		t.Errorf("unload: %v", err)
	}
	if _, err := client.Load(ctx, &enginev1.LoadRequest{Model: "rms"}); err != nil {
		t.Errorf("load again: %v", err)
	}
	must(t, client, &enginev1.SynthesizeRequest{Text: "hi", Voice: "rms"})
}

func TestErrors(t *testing.T) {
	client := serve(t, 1)
	for _, tc := range []struct {
		name  string
		req   *enginev1.SynthesizeRequest
		code  codes.Code
		field string
	}{
		{"voice", &enginev1.SynthesizeRequest{Text: "secretword", Voice: "bob"}, codes.NotFound, "voice"},
		{"speed", &enginev1.SynthesizeRequest{Text: "secretword", Voice: "rms", Speed: 9}, codes.InvalidArgument, "speed"},
		{"length", &enginev1.SynthesizeRequest{Text: strings.Repeat("secretword", 501), Voice: "rms"}, codes.InvalidArgument, "text"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := synthesize(t.Context(), client, tc.req)
			if status.Code(err) != tc.code || !strings.Contains(fmt.Sprint(err), tc.field) || strings.Contains(fmt.Sprint(err), "secretword") {
				t.Errorf("got %v; want %v naming %s, without the text", err, tc.code, tc.field)
			}
		})
	}
}
