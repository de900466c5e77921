// Package codectest holds what the tests of encoders share: sound to encode, ffmpeg to decode it, and a comparison of the two.
package codectest

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"
)

// VoiceLike returns seconds of a tone with harmonics whose pitch and loudness move as a voice's do: its place in time is
// unambiguous. It is signed 16-bit little-endian mono, with peaks of a third of full scale.
func VoiceLike(sampleRate int, seconds float64) []byte {
	n := int(float64(sampleRate) * seconds)
	pcm := make([]byte, 0, 2*n)
	phase := 0.0
	for i := range n {
		t := float64(i) / float64(sampleRate)
		phase += 2 * math.Pi * (140 + 40*math.Sin(2*math.Pi*0.7*t)) / float64(sampleRate)
		v := 0.0
		for h := 1.0; h <= 8; h++ {
			v += math.Sin(h*phase) / h
		}
		loud := 0.5 + 0.5*math.Sin(2*math.Pi*2.3*t*t)
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(5000*v*loud)))
	}
	return pcm
}

// Decode turns a stream of an encoding, as ffmpeg names it, into samples with ffmpeg, by pipe; full scale is 32768, and a decoder
// may go beyond it. What ffmpeg warns of fails the test; where there is no ffmpeg the test is skipped.
func Decode(tb testing.TB, encoding string, data []byte) []float64 {
	tb.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		tb.Skip("ffmpeg is not installed: what was encoded is not decoded")
	}
	cmd := exec.CommandContext(tb.Context(), path, "-hide_banner", "-v", "warning", "-f", encoding, "-i", "pipe:0", "-f", "f32le", "pipe:1")
	cmd.Stdin = bytes.NewReader(data)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		tb.Fatalf("ffmpeg: %v: %s", err, complaints.String())
	}
	x := make([]float64, out.Len()/4)
	for i := range x {
		x[i] = 32768 * float64(math.Float32frombits(binary.LittleEndian.Uint32(out.Bytes()[4*i:])))
	}
	return x
}

// Samples returns PCM as numbers; full scale is 32768.
func Samples(pcm []byte) []float64 {
	x := make([]float64, len(pcm)/2)
	for i := range x {
		x[i] = float64(int16(binary.LittleEndian.Uint16(pcm[2*i:])))
	}
	return x
}

// Compare finds where x begins in y, at most most samples in, how alike they are there (1: the same but for the level), and the
// level of y as a factor of that of x.
func Compare(x, y []float64, most int) (lag int, correlation, level float64) {
	best := -1.0
	window := min(len(x)/2, 4000)
	for l := range most {
		dot := 0.0
		for i := range window {
			if k := i + window/2 + l; k < len(y) {
				dot += x[i+window/2] * y[k]
			}
		}
		if dot > best {
			best, lag = dot, l
		}
	}
	var xx, yy, xy float64
	for i := range x {
		if i+lag >= len(y) {
			break
		}
		a, b := x[i], y[i+lag]
		xx += a * a
		yy += b * b
		xy += a * b
	}
	return lag, xy / math.Sqrt(xx*yy), math.Sqrt(yy / xx)
}

// Encoder is what the encoders here have in common.
type Encoder interface {
	// Encode takes 16-bit PCM and appends to dst what is ready.
	Encode(dst, pcm []byte) ([]byte, error)
	// Flush appends what is left after the last sample.
	Flush(dst []byte) ([]byte, error)
}

// Encode runs a stream whole, step bytes of PCM at a time, and returns what e makes of it.
func Encode(tb testing.TB, e Encoder, pcm []byte, step int) (out []byte) {
	tb.Helper()
	var err error
	for len(pcm) > 0 {
		n := min(step, len(pcm))
		if out, err = e.Encode(out, pcm[:n]); err != nil {
			tb.Fatal(err)
		}
		pcm = pcm[n:]
	}
	if out, err = e.Flush(out); err != nil {
		tb.Fatal(err)
	}
	return out
}
