// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"errors"
	"io"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
)

const benchText = "It was a bright cold day in April, and all the clocks of the town were striking thirteen; nobody looked up from the street below."

// BenchmarkSynthesize speaks a sentence over gRPC on a Unix socket, with all timings. Compare it with libespeak's BenchmarkSpeak.
func BenchmarkSynthesize(b *testing.B) {
	client := enginev1.NewEngineClient(dial(b))
	var samples int64
	b.ReportAllocs()
	for b.Loop() {
		n, err := count(b.Context(), client, &enginev1.SynthesizeRequest{Text: benchText, Voice: "en-us"})
		if err != nil {
			b.Fatal(err)
		}
		samples += n
	}
	b.ReportMetric(float64(samples)/float64(library.SampleRate())/b.Elapsed().Seconds(), "xRT")
}

// BenchmarkFirstAudio measures from the call to the first audio message; the rest of the sentence is cancelled outside the clock.
func BenchmarkFirstAudio(b *testing.B) {
	client := enginev1.NewEngineClient(dial(b))
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		stream, err := client.Synthesize(ctx, &enginev1.SynthesizeRequest{Text: benchText, Voice: "en-us"})
		for err == nil {
			var r *enginev1.SynthesizeResponse
			if r, err = stream.Recv(); err == nil && len(r.GetAudio()) > 0 {
				break
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		cancel()
		for err == nil {
			_, err = stream.Recv()
		}
		if errors.Is(err, io.EOF) {
			b.Log("spoken whole before the cancel")
		}
		b.StartTimer()
	}
}
