// Package lame binds libmp3lame (3.100, package libmp3lame-dev in Debian), the reference MP3 encoder, for mono speech at a constant
// bit rate. The library is LGPL and linked dynamically.
package lame

/*
#cgo LDFLAGS: -lmp3lame
#include "lame.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"unsafe"
)

// Settings of a stream.
type Settings struct {
	SampleRate int  // Hz, one of SampleRates
	BitRate    int  // bit/s, one of BitRates(SampleRate)
	Quality    int  // LAME's: 0 is best and slowest, 9 the fastest
	Reservoir  bool // whether frames may borrow bits from each other, and wait for each other
}

// SampleRates are the rates of MPEG-2.5, MPEG-2 and MPEG-1 layer III in Hz, ascending.
func SampleRates() []int {
	return []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
}

// BitRates returns the rates in bit/s that a stream of sampleRate may have, ascending; nil for an unknown sample rate.
func BitRates(sampleRate int) []int {
	switch {
	case !slices.Contains(SampleRates(), sampleRate):
		return nil
	case sampleRate <= 12000: // MPEG-2.5: LAME stops where most decoders do
		return []int{8000, 16000, 24000, 32000, 40000, 48000, 56000, 64000}
	case sampleRate <= 24000: // MPEG-2
		return []int{8000, 16000, 24000, 32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000, 144000, 160000}
	default: // MPEG-1
		return []int{32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000, 160000, 192000, 224000, 256000, 320000}
	}
}

// FrameSamples is how many samples a frame of a stream of sampleRate holds.
func FrameSamples(sampleRate int) int {
	if sampleRate <= 24000 {
		return 576
	}
	return 1152
}

// Version is the library's, for example "3.100".
func Version() string { return C.GoString(C.orotund_mp3_version()) }

// initialise guards LAME's static tables, which the first streams fill.
var initialise sync.Mutex

// ErrClosed is what a closed Encoder returns.
var ErrClosed = errors.New("the encoder is closed")

// Encoder is one stream. It is used by one goroutine.
type Encoder struct {
	handle *C.struct_orotund_mp3
}

// New opens a stream. Settings outside the tables above are an error.
func New(s Settings) (*Encoder, error) {
	if !slices.Contains(BitRates(s.SampleRate), s.BitRate) || s.Quality < 0 || s.Quality > 9 {
		return nil, fmt.Errorf("lame does not take %+v", s)
	}
	reservoir := 0
	if s.Reservoir {
		reservoir = 1
	}
	initialise.Lock()
	defer initialise.Unlock()
	handle := C.orotund_mp3_open(C.int(s.SampleRate), C.int(s.BitRate/1000), C.int(s.Quality), C.int(reservoir))
	if handle == nil {
		return nil, fmt.Errorf("lame refuses %+v, or memory is short", s)
	}
	return &Encoder{handle: handle}, nil
}

// MaxSamples is the most samples that Encode takes at once.
const MaxSamples = 1 << 20

// Encode appends to dst the frames that pcm completes, signed 16-bit little-endian mono, and returns the longer slice. It does not
// allocate where dst has room for 1.25 bytes a sample and 7200 more.
func (e *Encoder) Encode(dst, pcm []byte) ([]byte, error) {
	samples := len(pcm) / 2
	switch {
	case e.handle == nil:
		return dst, ErrClosed
	case samples*2 != len(pcm) || samples > MaxSamples:
		return dst, fmt.Errorf("lame takes at most %d whole samples, not %d bytes", MaxSamples, len(pcm))
	case samples == 0:
		return dst, nil
	}
	room := int(C.orotund_mp3_bound(C.int(samples)))
	dst = slices.Grow(dst, room)
	out := dst[len(dst) : len(dst)+room]
	n := C.orotund_mp3_encode(e.handle, (*C.uchar)(unsafe.Pointer(&pcm[0])), C.int(samples), (*C.uchar)(unsafe.Pointer(&out[0])), C.int(room))
	return appended(dst, int(n), "encode")
}

// Flush appends what is left to dst. The stream is over then.
func (e *Encoder) Flush(dst []byte) ([]byte, error) {
	if e.handle == nil {
		return dst, ErrClosed
	}
	room := int(C.orotund_mp3_bound(0))
	dst = slices.Grow(dst, room)
	out := dst[len(dst) : len(dst)+room]
	return appended(dst, int(C.orotund_mp3_flush(e.handle, (*C.uchar)(unsafe.Pointer(&out[0])), C.int(room))), "flush")
}

func appended(dst []byte, n int, step string) ([]byte, error) {
	if n < 0 {
		return dst, fmt.Errorf("lame: %s failed with %d", step, n)
	}
	return dst[:len(dst)+n], nil
}

// Close frees the stream. It may be called more than once.
func (e *Encoder) Close() {
	if e.handle != nil {
		C.orotund_mp3_close(e.handle)
		e.handle = nil
	}
}
