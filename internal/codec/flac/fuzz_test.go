package flac

import (
	"bytes"
	"slices"
	"testing"

	"github.com/orotund/orotund/internal/speech"
)

// FuzzRoundTrip encodes any bytes as samples, at any rate and in any pieces, and wants them back.
func FuzzRoundTrip(f *testing.F) {
	for n, s := range signals() {
		f.Add(pcmOf(s.make(8000, 600+n)), uint16(n*2711), uint16(n*97))
	}
	f.Add([]byte{}, uint16(0), uint16(1))
	f.Add([]byte{1, 2}, uint16(40000), uint16(0))
	f.Fuzz(func(t *testing.T, pcm []byte, rateOver, piece uint16) {
		pcm = pcm[:len(pcm)&^1]
		rate := speech.MinSampleRate + int(rateOver)%(speech.MaxSampleRate-speech.MinSampleRate+1)
		e, err := Codec{}.New(t.Context(), speech.Format{Encoding: speech.FLAC, SampleRate: rate}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var stream []byte
		for part := range slices.Chunk(pcm, 2*(int(piece)+1)) {
			data, err := e.Encode(t.Context(), part)
			if err != nil {
				t.Fatal(err)
			}
			stream = append(stream, data...)
		}
		data, err := e.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, data...)
		x := samplesOf(pcm)
		if whole := encode(t, rate, x); !bytes.Equal(stream, whole) {
			t.Errorf("pieces of %d samples make another stream", int(piece)+1)
		}
		roundTrip(t, rate, x)
	})
}
