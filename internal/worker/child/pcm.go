package child

import (
	"encoding/binary"
	"unsafe"
)

// littleEndian is whether this machine stores samples in the order in which they travel.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// SampleBytes returns samples as little-endian bytes. On little-endian machines it is the same memory, not a copy: valid as long
// as samples is. Elsewhere it appends to scratch[:0], which may be nil.
func SampleBytes(samples []int16, scratch []byte) []byte {
	if len(samples) == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(&samples[0])), len(samples)*pcmSample)
	}
	out := scratch[:0]
	for _, s := range samples {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}
