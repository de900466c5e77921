// Package aac makes AAC-LC in ADTS, mono, with github.com/tphakala/go-aac, a port of FFmpeg's encoder to Go. The library is under the
// LGPL, so it is linked into this worker alone.
//
// Measured on one core of 2026 with speech of flite and espeak-ng at 48 kHz: 35 times real time, no allocation a frame. At 64 kbit/s
// the decoded spectrum is 0.7 to 1.4 dB off (root mean square over bands of a sixth of an octave up to 7.6 kHz), where ffmpeg 5.1's
// own encoder is 1.9 to 2.8 dB off; at 96 kbit/s 0.2 to 0.6 against 1.4 to 2.0. The rate is kept within 2 %.
package aac

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	goaac "github.com/tphakala/go-aac"
)

// Figures of every stream, in samples.
const (
	// FrameSamples is what a frame holds.
	FrameSamples = goaac.FrameSize
	// Lead is what a decoder gives before the first sample that was encoded.
	Lead = goaac.EncoderDelay
)

// leastFrames is how many frames a stream needs so that ffmpeg, and so mpv and Chromium, see without being told that it is AAC.
const leastFrames = 3

// maxUnit is what the standard allows one channel's frame, in bytes: 6144 bits.
const maxUnit = 6144 / 8

// fullScale is what a sample of 16 bits is divided by to be from -1 to 1.
const fullScale = 1 << 15

// Settings of a stream.
type Settings struct {
	SampleRate int // Hz, one of SampleRates
	BitRate    int // bit/s on average, without the 7 bytes of each frame's header; one of BitRates
}

// SampleRates are the rates that the library takes in Hz, ascending.
func SampleRates() []int { return []int{44100, 48000} }

// BitRates are the rates in bit/s that a stream may have, ascending. The library takes any; below these speech is no longer clear, and
// above them there is nothing to gain: at 128 kbit/s the noise is 43 to 52 dB below the voice.
func BitRates() []int {
	return []int{32000, 48000, 64000, 80000, 96000, 112000, 128000, 160000, 192000}
}

// Version is the library's; go.mod has the same.
const Version = "0.4.0"

// ErrClosed is what an Encoder returns after Flush, Close, an error or a panic.
var ErrClosed = errors.New("the encoder is closed")

// Pool opens streams and keeps the encoders of those that have ended for the next: one is 0.85 MB, and 0.6 ms of work to make. The
// zero value is ready. It is safe for concurrent use.
type Pool struct {
	idle sync.Pool // of *goaac.Encoder
}

// Open opens a stream. Settings outside the tables above are an error.
func (p *Pool) Open(s Settings) (*Encoder, error) {
	if !slices.Contains(SampleRates(), s.SampleRate) || !slices.Contains(BitRates(), s.BitRate) {
		return nil, fmt.Errorf("aac does not take %+v", s)
	}
	config := goaac.EncoderConfig{SampleRate: s.SampleRate, Channels: 1, Bitrate: s.BitRate}
	encoder, ok := p.idle.Get().(*goaac.Encoder)
	if !ok {
		encoder = new(goaac.Encoder)
	}
	if err := encoder.Reset(config); err != nil {
		return nil, fmt.Errorf("open aac: %w", err)
	}
	e := &Encoder{pool: p, encoder: encoder, rate: s.SampleRate, unit: make([]byte, 0, maxUnit)}
	e.channels[0] = e.frame[:]
	return e, nil
}

// Encoder is one stream. It is used by one goroutine.
type Encoder struct {
	pool     *Pool
	encoder  *goaac.Encoder // nil: closed
	rate     int
	given    int // frames that the library has got; it makes one more of them
	filled   int // samples in frame
	frame    [FrameSamples]float32
	channels [1][]float32 // frame, as the library wants it
	unit     []byte       // what the library made of a frame, without its header
}

// Encode appends to dst the frames that can be made with pcm, signed 16-bit little-endian mono, and returns the longer slice. The
// encoder looks one frame ahead, so the first frame comes with sample 2048. Encode does not allocate where dst has room.
func (e *Encoder) Encode(dst, pcm []byte) ([]byte, error) {
	switch {
	case e.encoder == nil:
		return dst, ErrClosed
	case len(pcm)%2 != 0:
		return dst, fmt.Errorf("aac takes whole samples, not %d bytes", len(pcm))
	}
	for len(pcm) > 0 {
		n := min(len(pcm)/2, FrameSamples-e.filled)
		for i, to := 0, e.frame[e.filled:e.filled+n]; i < n; i++ {
			to[i] = float32(int16(binary.LittleEndian.Uint16(pcm[2*i:]))) / fullScale
		}
		pcm = pcm[2*n:]
		if e.filled += n; e.filled < FrameSamples {
			break
		}
		e.filled = 0
		var err error
		if dst, err = e.next(dst, e.channels[:]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// Flush appends what is left to dst, and ends the stream. What is missing in the last frame is silence. A stream of less than two
// frames, also one without a sample, is filled up to them: what is shorter is not recognised.
func (e *Encoder) Flush(dst []byte) ([]byte, error) {
	if e.encoder == nil {
		return dst, ErrClosed
	}
	defer e.Close()
	var err error
	for e.filled > 0 || e.given+1 < leastFrames {
		clear(e.frame[e.filled:])
		e.filled = 0
		if dst, err = e.next(dst, e.channels[:]); err != nil {
			return dst, err
		}
	}
	for !e.encoder.Drained() {
		if dst, err = e.next(dst, nil); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// next gives the library a frame, nil to get what it still holds, and appends what comes out, if anything does.
func (e *Encoder) next(dst []byte, frame [][]float32) (out []byte, err error) {
	encoder := e.encoder
	e.encoder = nil // what fails, or panics, is used no more
	e.given++
	if e.unit, err = encoder.EncodeFrame(e.unit[:0], frame); err != nil {
		return dst, fmt.Errorf("encode aac: %w", err)
	}
	if len(e.unit) > 0 {
		if dst, err = goaac.AppendADTSHeader(dst, e.rate, len(e.channels), len(e.unit)); err != nil {
			return dst, fmt.Errorf("encode aac: %w", err)
		}
		dst = append(dst, e.unit...)
	}
	e.encoder = encoder
	return dst, nil
}

// Close ends the stream. It may be called more than once.
func (e *Encoder) Close() {
	if e.encoder != nil {
		e.pool.idle.Put(e.encoder)
		e.encoder = nil
	}
}
