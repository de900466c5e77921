package flac

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/speech"
)

const passage = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness. " +
	"She sells sea shells by the sea shore. In the year 1984, about 35 percent of all people lived in towns, and most of them walked to work. " +
	"When the sunlight strikes raindrops in the air, they act as a prism and form a rainbow."

// spoken returns the passage as espeak-ng speaks it and sox resamples it, as PCM; the synthetic voice where they are not installed.
func spoken(t testing.TB, rate int) (pcm []byte, source string) {
	t.Helper()
	_, err := exec.LookPath("sox")
	if err == nil {
		_, err = exec.LookPath("espeak-ng")
	}
	if err != nil {
		return pcmOf(voice(rate, 20*rate)), "synthetic voice"
	}
	wav, err := exec.CommandContext(t.Context(), "espeak-ng", "--stdout", passage).Output()
	if err != nil {
		t.Fatalf("espeak-ng: %v", err)
	}
	resample := exec.CommandContext(t.Context(), "sox", "-V1", "-R", "--ignore-length", "-t", "wav", "-", "-r", strconv.Itoa(rate), "-t", "raw", "-")
	resample.Stdin = bytes.NewReader(wav)
	if pcm, err = resample.Output(); err != nil {
		t.Fatalf("sox: %v", err)
	}
	return pcm, "espeak-ng"
}

// reference encodes with flac at a level of effort and returns the size of the stream and the processor time.
func reference(t testing.TB, level string, rate int, pcm []byte) (size int, used time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, "flac"), level, "-s", "-c", "--no-padding", "--no-seektable",
		"--force-raw-format", "--endian=little", "--sign=signed", "--channels=1", "--bps=16", "--sample-rate="+strconv.Itoa(rate), "-")
	cmd.Stdin = bytes.NewReader(pcm)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("flac: %v", err)
	}
	return len(out), cmd.ProcessState.UserTime()
}

// TestNoLargerThanTheReference compares with flac at its default effort, whose blocks are two to four times as long.
func TestNoLargerThanTheReference(t *testing.T) {
	program(t, "flac")
	const rate = 24000
	pcm, source := spoken(t, rate)
	got := len(encode(t, rate, samplesOf(pcm)))
	want, _ := reference(t, "-5", rate, pcm)
	t.Logf("%s: %d bytes of %d, %+.1f %% of flac -5", source, got, len(pcm), 100*(float64(got)/float64(want)-1))
	if float64(got) > 1.03*float64(want) {
		t.Errorf("%s: %d bytes, flac -5 makes %d", source, got, want)
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			pcm, _ := spoken(b, rate)
			ctx := context.Background()
			e, err := Codec{}.New(ctx, speech.Format{Encoding: speech.FLAC, SampleRate: rate}, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			step := 2 * (rate / 10) // frames of 100 ms
			if _, err := e.Encode(ctx, pcm); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			at, bytes := 0, 0
			for b.Loop() {
				if at+step > len(pcm) {
					at = 0
				}
				data, err := e.Encode(ctx, pcm[at:at+step])
				if err != nil {
					b.Fatal(err)
				}
				at += step
				bytes += len(data)
			}
			b.ReportMetric(0.1*float64(b.N)/b.Elapsed().Seconds(), "xRT")
			b.ReportMetric(float64(bytes)/float64(b.N*step), "bytes/byte")
		})
	}
}

// BenchmarkReference measures the processor time of flac for ten minutes of the same speech, its start and its reading of the pipe included.
func BenchmarkReference(b *testing.B) {
	for _, level := range []string{"-0", "-5"} {
		for _, rate := range []int{24000, 48000} {
			b.Run(fmt.Sprintf("flac%s/%d", level, rate), func(b *testing.B) {
				pcm, _ := spoken(b, rate)
				pcm = bytes.Repeat(pcm, 1+600*2*rate/len(pcm))
				var total time.Duration
				size := 0
				for b.Loop() {
					n, used := reference(b, level, rate, pcm)
					size, total = n, total+used
				}
				b.ReportMetric(float64(b.N)*float64(len(pcm))/float64(2*rate)/total.Seconds(), "xRT")
				b.ReportMetric(float64(size)/float64(len(pcm)), "bytes/byte")
			})
		}
	}
}

// BenchmarkParts shows where the time of a block goes.
func BenchmarkParts(b *testing.B) {
	pcm, _ := spoken(b, 24000)
	x := make([]int32, blockSize(24000))
	for i := range x {
		x[i] = int32(int16(binary.LittleEndian.Uint16(pcm[2*(24000+i):])))
	}
	a := newAnalyser(len(x))
	p, ok := a.find(x, bitsPerSample)
	if !ok {
		b.Fatal("no predictor")
	}
	dst := make([]uint32, len(x))
	var plan ricePlan
	var r [maxOrder + 1]float64
	var w bitWriter
	for _, part := range []struct {
		name string
		run  func()
	}{
		{"fixed order", func() { fixedOrder(x) }},
		{"fixed residual", func() { fixedResidual(dst, x, 2) }},
		{"find", func() { a.find(x, bitsPerSample) }},
		{"autocorrelate", func() { autocorrelate(&r, a.windowed) }},
		{"residual", func() { p.residual(dst, x) }},
		{"plan", func() { plan.plan(dst[:len(x)-p.order], len(x)) }},
		{"write", func() { w.buf = w.buf[:0]; plan.write(&w, dst[:len(x)-p.order], len(x)) }},
		{"checksum", func() { crc16(w.buf) }},
	} {
		b.Run(part.name, func(b *testing.B) {
			for b.Loop() {
				part.run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x)), "ns/sample")
		})
	}
}
