package audio

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

func TestEncodeS16(t *testing.T) {
	const step = 1.0 / 32768
	for _, c := range []struct {
		in   float32
		want int16
	}{
		{0, 0}, {step, 1}, {-step, -1}, {0.49 * step, 0}, {0.51 * step, 1}, {-0.49 * step, 0}, {-0.51 * step, -1},
		{0.5 * step, 1}, {-0.5 * step, -1}, {1.5 * step, 2}, {0.5, 16384}, {-0.5, -16384}, {32767 * step, 32767}, {1, 32767},
		{-1, -32768}, {2, 32767}, {-2, -32768}, {float32(math.Inf(1)), 32767}, {float32(math.Inf(-1)), -32768},
		{float32(math.NaN()), 0}, {math.MaxFloat32, 32767}, {-math.MaxFloat32, -32768}, {32766.6 * step, 32767}, {-32767.6 * step, -32768},
	} {
		got := EncodeS16(nil, []float32{c.in})
		if v := int16(uint16(got[0]) | uint16(got[1])<<8); v != c.want {
			t.Errorf("%g: %d, want %d", c.in, v, c.want)
		}
	}
}

func TestS16RoundTrip(t *testing.T) {
	all := make([]byte, 0, 2<<16)
	for v := range 1 << 16 {
		all = append(all, byte(v), byte(v>>8))
	}
	samples := DecodeS16(nil, all)
	if lo, hi := slices.Min(samples), slices.Max(samples); lo != -1 || hi >= 1 {
		t.Errorf("samples from %g to %g", lo, hi)
	}
	if got := EncodeS16(nil, samples); !bytes.Equal(got, all) {
		t.Error("not every sample came back")
	}
}

func TestS16Append(t *testing.T) {
	if got := DecodeS16([]float32{9}, []byte{0, 0x40, 0xff}); !slices.Equal(got, []float32{9, 0.5}) {
		t.Errorf("decoded %v", got)
	}
	if got := EncodeS16([]byte{9}, []float32{0.5}); !bytes.Equal(got, []byte{9, 0, 0x40}) {
		t.Errorf("encoded %v", got)
	}
}

func BenchmarkDecodeS16(b *testing.B) {
	pcm, dst := make([]byte, 48000), make([]float32, 0, 24000)
	for b.Loop() {
		dst = DecodeS16(dst[:0], pcm)
	}
	reportRate(b, 1)
}

func BenchmarkEncodeS16(b *testing.B) {
	x, dst := voiced(24000, 24000), make([]byte, 0, 48000)
	for b.Loop() {
		dst = EncodeS16(dst[:0], x)
	}
	reportRate(b, 1)
}
