package main

import (
	"errors"
	"io"
	"testing"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
)

// BenchmarkEncode encodes ten seconds of 24 kHz through the service in steps of 20, 40 and 100 ms, and reports seconds of audio a
// second, the lock-step round trips included.
func BenchmarkEncode(b *testing.B) {
	for _, bc := range []struct {
		name string
		step int // samples
	}{{"20ms", 480}, {"40ms", 960}, {"100ms", 2400}} {
		b.Run(bc.name, func(b *testing.B) {
			client := serve(b, 1)
			sound := hum(240_000)
			b.ReportAllocs()
			for b.Loop() {
				encodeAll(b, client, sound, bc.step*2)
			}
			b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "xRT")
		})
	}
}

func encodeAll(b *testing.B, client codecv1.EncoderClient, sound []byte, step int) {
	b.Helper()
	stream, err := client.Encode(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	say := func(request *codecv1.EncodeRequest) {
		if err := stream.Send(request); err != nil {
			b.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			b.Fatal(err)
		}
	}
	say(settings("mp3", 24000, 64000))
	for at := 0; at < len(sound); at += step {
		say(pcm(sound[at:min(at+step, len(sound))]))
	}
	say(finish())
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
}
