package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
)

// Texts of the benchmarks: a sentence as people write them, and a long one of 318 characters without a place to cut it.
const (
	shortText = "Hello, this is a short sentence to speak."
	longText  = "When the long meeting in the old town hall had finally come to an end, the tired members of the committee walked " +
		"slowly through the narrow streets, past the closed shops and the quiet square, and talked about the many things that they " +
		"would have liked to say, but for which, as so often, there had been no time at all."
)

// BenchmarkSynthesize reports for each voice the time to the first audio message over gRPC, and seconds of audio per second.
func BenchmarkSynthesize(b *testing.B) {
	for _, text := range []struct{ name, text string }{{"short", shortText}, {"long", longText}} {
		for _, p := range profiles {
			b.Run(text.name+"/"+p.id, func(b *testing.B) {
				client := serve(b, 1)
				var first, all, audio time.Duration
				b.ReportAllocs()
				for b.Loop() {
					begin := time.Now()
					f, samples := firstAndAll(b, client, &enginev1.SynthesizeRequest{Text: text.text, Voice: p.id}, begin)
					first += f
					all += time.Since(begin)
					audio += time.Duration(samples) * time.Second / time.Duration(p.rate)
				}
				b.ReportMetric(float64(first.Microseconds())/float64(b.N)/1000, "ms-to-first")
				b.ReportMetric(audio.Seconds()/all.Seconds(), "xRT")
			})
		}
	}
}

// firstAndAll runs a call to its end; it returns the time from begin to the first audio, and the samples.
func firstAndAll(b *testing.B, client enginev1.EngineClient, req *enginev1.SynthesizeRequest, begin time.Time) (first time.Duration, samples int64) {
	b.Helper()
	stream, err := client.Synthesize(context.Background(), req)
	if err != nil {
		b.Fatal(err)
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return first, samples
		}
		if err != nil {
			b.Fatal(err)
		}
		if m.GetAudio() != nil && first == 0 {
			first = time.Since(begin)
		}
		if m.GetEnd() != nil {
			samples = m.GetEnd().GetSamples()
		}
	}
}

// BenchmarkCancel reports how long after a cancel the engine is free again, seen from a client: cancelled 2, 10, 30 and 60 ms
// after the call began (analysis) and after the first audio (synthesis).
func BenchmarkCancel(b *testing.B) {
	for _, tc := range []struct {
		name  string
		after time.Duration // 0: after the first audio
	}{{"2ms", 2 * time.Millisecond}, {"10ms", 10 * time.Millisecond}, {"30ms", 30 * time.Millisecond}, {"60ms", 60 * time.Millisecond}, {"audio", 0}} {
		b.Run(tc.name, func(b *testing.B) {
			client := serve(b, 1)
			var total, worst time.Duration
			for b.Loop() {
				free := cancelOnce(b, client, tc.after)
				total += free
				worst = max(worst, free)
			}
			b.ReportMetric(float64(total.Microseconds())/float64(b.N)/1000, "ms-mean")
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst")
		})
	}
}

// cancelOnce cancels a call of the long text and returns how long it then took until no call was active.
func cancelOnce(b *testing.B, client enginev1.EngineClient, after time.Duration) time.Duration {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := client.Synthesize(ctx, &enginev1.SynthesizeRequest{Text: longText, Voice: "rms"})
	if err != nil {
		b.Fatal(err)
	}
	if after > 0 {
		time.Sleep(after) // the point in the analysis at which to cancel
	} else {
		for {
			m, err := stream.Recv()
			if err != nil {
				b.Fatal(err)
			}
			if m.GetAudio() != nil {
				break
			}
		}
	}
	cancel()
	begin := time.Now()
	for {
		h, err := client.Health(context.Background(), &enginev1.HealthRequest{})
		if err != nil {
			b.Fatal(err)
		}
		if h.GetActive() == 0 {
			return time.Since(begin)
		}
		time.Sleep(500 * time.Microsecond) // leave the cores to the engine
	}
}
