package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
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
		decode = ffmpeg
	}
	samples, err := decode(t.Context(), f, data)
	if errors.Is(err, exec.ErrNotFound) {
		t.Skipf("what the encoder makes is not decoded here: %v", err)
	}
	if err != nil {
		t.Fatalf("decode %d bytes of %s: %v", len(data), f, err)
	}
	return samples
}

// ffmpeg decodes through a pipe, as a player that cannot seek does. What it reports as an error fails the test.
func ffmpeg(ctx context.Context, f speech.Format, data []byte) ([]int16, error) {
	out, problems, err := runFFmpeg(ctx, "error", f, data)
	if err == nil && problems != "" {
		err = fmt.Errorf("ffmpeg: %s", problems)
	}
	return samplesOf(out), err
}

// runFFmpeg returns PCM, and what ffmpeg tells at a level.
func runFFmpeg(ctx context.Context, level string, f speech.Format, data []byte) (pcm []byte, says string, err error) {
	rate := strconv.Itoa(f.SampleRate)
	args := []string{"-hide_banner", "-nostats", "-v", level}
	if f.Encoding == speech.PCM {
		args = append(args, "-f", "s16le", "-ar", rate, "-ac", "1")
	}
	args = append(args, "-i", "pipe:0", "-f", "s16le", "-ar", rate, "-ac", "1", "pipe:1")
	cmd := exec.CommandContext(ctx, "ffmpeg", args...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, "", fmt.Errorf("ffmpeg: %w: %s", err, problems.String())
	}
	return out.Bytes(), problems.String(), nil
}

func samplesOf(pcm []byte) []int16 {
	out := make([]int16, len(pcm)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
	}
	return out
}

// bounds is how many samples may come back of so many: the lead and less than two frames more, or what the options allow.
func (s *suite) bounds(f speech.Format, samples int) (low, high int) {
	if s.opts.Lossless {
		return samples, samples
	}
	i := s.codec.Info()
	extra := max(int(s.opts.MaxExtra.Seconds()*float64(f.SampleRate)), i.Lead+2*i.Frame)
	return samples - int(s.opts.MaxLost.Seconds()*float64(f.SampleRate)), samples + extra
}

// checkLength decodes data and compares its length with the samples that went in.
func (s *suite) checkLength(t *testing.T, f speech.Format, data []byte, samples int) []int16 {
	t.Helper()
	got := s.decode(t, f, data)
	low, high := s.bounds(f, samples)
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
		if m := s.opts.MaxSampleError; m > 0 && len(got) == len(pcm)/2 {
			for i, want := range samplesOf(pcm) {
				if off := int(got[i]) - int(want); off > m || off < -m {
					t.Fatalf("%s: sample %d came back as %d, want %d", f, i, got[i], want)
				}
			}
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

// counts encodes lengths that fill no block of anything.
func (s *suite) counts(t *testing.T) {
	f := s.format(t, 0)
	for _, n := range []int{959, 4801} {
		s.checkLength(t, f, s.encode(t, f, tone(f.SampleRate, time.Second)[:2*n], 960), n)
	}
}
