package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/speech"
)

// decode turns a stream back into samples, and skips the test if nothing here can.
func (s *suite) decode(t *testing.T, f speech.Format, data []byte) []int16 {
	t.Helper()
	decode := s.opts.Decode
	if decode == nil {
		if _, err := exec.LookPath("ffmpeg"); err != nil {
			t.Skip("ffmpeg is not installed: what the encoder makes is not decoded here")
		}
		decode = ffmpeg
	}
	samples, err := decode(t.Context(), f, data)
	if err != nil {
		t.Fatalf("decode %d bytes of %s: %v", len(data), f, err)
	}
	return samples
}

// ffmpeg decodes through a pipe, as a player that cannot seek does. What it reports as an error fails the test.
func ffmpeg(ctx context.Context, f speech.Format, data []byte) ([]int16, error) {
	rate := strconv.Itoa(f.SampleRate)
	args := []string{"-hide_banner", "-nostats", "-v", "error"}
	if f.Encoding == speech.PCM {
		args = append(args, "-f", "s16le", "-ar", rate, "-ac", "1")
	}
	args = append(args, "-i", "pipe:0", "-f", "s16le", "-ar", rate, "-ac", "1", "pipe:1")
	cmd := exec.CommandContext(ctx, "ffmpeg", args...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ffmpeg: %w: %s", err, problems.String())
	}
	if problems.Len() > 0 {
		return nil, fmt.Errorf("ffmpeg: %s", problems.String())
	}
	return samplesOf(out.Bytes()), nil
}

func samplesOf(pcm []byte) []int16 {
	out := make([]int16, len(pcm)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
	}
	return out
}

// checkLength decodes data and compares its length with the samples that went in.
func (s *suite) checkLength(t *testing.T, f speech.Format, data []byte, samples int) []int16 {
	t.Helper()
	got := s.decode(t, f, data)
	low, high := samples, samples
	if !s.opts.Lossless {
		low -= int(s.opts.MaxLost.Seconds() * float64(f.SampleRate))
		high += int(s.opts.MaxExtra.Seconds() * float64(f.SampleRate))
	}
	if len(got) < low || len(got) > high {
		t.Errorf("%s: %d samples became %d, want from %d to %d", f, samples, len(got), low, high)
	}
	return got
}

// decodesBack compares what comes back with what went in.
func (s *suite) decodesBack(t *testing.T) {
	for _, rate := range s.opts.Rates {
		f := s.format(t, rate)
		pcm := tone(rate, time.Second)
		got := s.checkLength(t, f, s.encode(t, f, pcm, 960), len(pcm)/2)
		if s.opts.Lossless {
			if !slices.Equal(got, samplesOf(pcm)) {
				t.Errorf("%s: other samples came back", f)
			}
			continue
		}
		if len(got) < rate/2 {
			continue // checkLength has told
		}
		middle := got[len(got)/4 : len(got)*3/4] // clear of what the codec does at the ends
		sum := 0.0
		for _, v := range middle {
			sum += float64(v) * float64(v)
		}
		want := amplitude * 32767 / math.Sqrt2
		if off := 20 * math.Log10(math.Sqrt(sum/float64(len(middle)))/want); math.Abs(off) > s.opts.MaxLevelError {
			t.Errorf("%s: the level is off by %.2f dB", f, off)
		}
	}
}
