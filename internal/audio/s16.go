package audio

import (
	"encoding/binary"
	"math"
	"slices"
)

// DecodeS16 appends the samples of src, signed 16-bit little-endian PCM, to dst and returns it. -32768 becomes -1. A last odd
// byte is ignored.
func DecodeS16(dst []float32, src []byte) []float32 {
	n := len(src) / 2
	dst = slices.Grow(dst, n)
	at := len(dst)
	dst = dst[:at+n]
	out := dst[at:]
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(src[2*i:2*i+2]))) * (1.0 / 32768)
	}
	return dst
}

// EncodeS16 appends src to dst as signed 16-bit little-endian PCM and returns it. A sample is rounded to the nearest step (halves
// away from zero), and clipped if it is out of range; NaN becomes 0. It is the inverse of DecodeS16.
func EncodeS16(dst []byte, src []float32) []byte {
	dst = slices.Grow(dst, 2*len(src))
	at := len(dst)
	dst = dst[:at+2*len(src)]
	out := dst[at:]
	for i, v := range src {
		binary.LittleEndian.PutUint16(out[2*i:2*i+2], uint16(toS16(v)))
	}
	return dst
}

// toS16 has one branch, which is never taken for audio in range: signs of samples cannot be predicted.
func toS16(v float32) int16 {
	v *= 32768
	half := math.Float32frombits(math.Float32bits(v)&(1<<31) | math.Float32bits(0.5)) // with the sign of v
	n := int32(v + half)
	if uint32(n+32768) > math.MaxUint16 || v != v {
		return outOfRange(v)
	}
	return int16(n)
}

// outOfRange clips, and makes NaN 0.
func outOfRange(v float32) int16 {
	switch {
	case v > 0:
		return math.MaxInt16
	case v < 0:
		return math.MinInt16
	}
	return 0
}
