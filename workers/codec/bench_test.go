package main

import (
	"errors"
	"fmt"
	"io"
	"testing"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
)

// BenchmarkEncode encodes ten seconds of 24 kHz MP3 and 48 kHz AAC through the service in steps of 20, 40 and 100 ms, and reports
// seconds of audio a second, the lock-step round trips included.
func BenchmarkEncode(b *testing.B) {
	for _, first := range []*codecv1.EncodeRequest{settings("mp3", 24000, 64000), settings("aac", 48000, 96000)} {
		rate := int(first.GetSettings().GetSampleRate())
		for _, ms := range []int{20, 40, 100} {
			b.Run(fmt.Sprintf("%s/%dms", first.GetSettings().GetEncoding(), ms), func(b *testing.B) {
				client := serve(b, 1)
				sound := hum(10 * rate)
				b.ReportAllocs()
				for b.Loop() {
					encodeAll(b, client, first, sound, rate/1000*ms*2)
				}
				b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "xRT")
			})
		}
	}
}

func encodeAll(b *testing.B, client codecv1.EncoderClient, first *codecv1.EncodeRequest, sound []byte, step int) {
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
	say(first)
	for at := 0; at < len(sound); at += step {
		say(pcm(sound[at:min(at+step, len(sound))]))
	}
	say(finish())
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
}
