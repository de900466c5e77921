package opus

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/speech"
)

// opusenc encodes with libopus and returns the stream and the processor time. way is --speech or --music.
func opusenc(t testing.TB, f speech.Format, pcm []byte, way string, complexity int) (data []byte, used time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, "opusenc"), "--quiet", "--cvbr", "--raw", "--raw-chan", "1", "--raw-rate",
		strconv.Itoa(f.SampleRate), "--bitrate", strconv.FormatFloat(float64(f.BitRate)/1000, 'f', -1, 64), "--comp", strconv.Itoa(complexity), way, "-", "-")
	cmd.Stdin = bytes.NewReader(pcm)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("opusenc: %v", err)
	}
	return out, cmd.ProcessState.UserTime()
}

// distance is the root mean square of the difference of two spectra in dB: of third octaves from 100 Hz to 10 kHz, in steps of 20 ms, where
// the first is over -80 dB.
func distance(a, b []float32) float64 {
	const step = clock / 50
	energies := func(x []float32) [][]float64 {
		var all [][]float64
		for hz := 100.0; hz < 10000; hz *= math.Cbrt(2) {
			// A resonator of a third octave, of second order.
			r := math.Exp(-math.Pi * hz * 0.23 / clock)
			c1, c2, gain := 2*r*math.Cos(2*math.Pi*hz/clock), -r*r, (1-r*r)/2
			y1, y2, x1, x2, sum := 0.0, 0.0, 0.0, 0.0, 0.0
			var band []float64
			for i, v := range x {
				y := gain*(float64(v)-x2) + c1*y1 + c2*y2
				x2, x1, y2, y1 = x1, float64(v), y1, y
				if sum += y * y; i%step == step-1 {
					band, sum = append(band, 10*math.Log10(sum/step+1e-12)), 0
				}
			}
			all = append(all, band)
		}
		return all
	}
	ea, eb := energies(a), energies(b)
	sum, n := 0.0, 0
	for band := range ea {
		for i := range min(len(ea[band]), len(eb[band])) {
			if ea[band][i] > -80 {
				d := ea[band][i] - eb[band][i]
				sum += d * d
				n++
			}
		}
	}
	return math.Sqrt(sum / float64(n))
}

// TestAsGoodAsLibopus compares the spectra of decoded speech: that of libopus, at the same bit rate, effort and way of coding, is no nearer to the
// original by more than 0.2 dB.
func TestAsGoodAsLibopus(t *testing.T) {
	program(t, "opusenc")
	program(t, "ffmpeg")
	const rate = 24000
	pcm, source := spoken(t, rate)
	pcm = pcm[:min(len(pcm), 2*2*rate)]
	r, err := audio.NewResampler(rate, clock)
	if err != nil {
		t.Fatal(err)
	}
	want := r.Flush(r.Process(nil, audio.DecodeS16(nil, pcm)))
	for _, bits := range []int{24000, 64000} {
		f := format(rate, bits)
		way, complexity := "--speech", predictionComplexity
		if bits >= transformFrom {
			way, complexity = "--music", transformComplexity
		}
		reference, _ := opusenc(t, f, pcm, way, complexity)
		ours := encode(t, f, pcm)
		var off [2]float64
		for n, data := range [][]byte{ours, reference} {
			got, err := decode(t.Context(), data, clock)
			if err != nil {
				t.Fatal(err)
			}
			off[n] = distance(want, got)
		}
		t.Logf("%s of %s: ours %d bytes, %.2f dB off; libopus %d bytes, %.2f dB", f, source, len(ours), off[0], len(reference), off[1])
		if off[0] > off[1]+0.2 || len(ours) > len(reference)*11/10 {
			t.Errorf("%s: %d bytes that are %.2f dB off; libopus makes %d bytes, %.2f dB", f, len(ours), off[0], len(reference), off[1])
		}
	}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano())
}

// BenchmarkEncode measures whole streams. xRT is seconds of audio a second of processor time.
func BenchmarkEncode(b *testing.B) {
	for _, f := range []speech.Format{
		format(8000, 12000), format(16000, 24000), format(24000, 24000), format(24000, 32000), format(24000, 40000), format(24000, 64000), format(48000, 64000),
	} {
		b.Run(fmt.Sprintf("%dHz-%d", f.SampleRate, f.BitRate), func(b *testing.B) {
			pcm, _ := spoken(b, f.SampleRate)
			size, before := 0, processorTime()
			for b.Loop() {
				size = len(encode(b, f, pcm))
			}
			used := processorTime() - before
			seconds := float64(len(pcm)/2) / float64(f.SampleRate)
			b.ReportMetric(seconds*float64(b.N)/used.Seconds(), "xRT")
			b.ReportMetric(float64(size)*8/seconds/1000, "kbit/s")
		})
	}
}

// BenchmarkLibopus measures opusenc's processor time, with the start of its process.
func BenchmarkLibopus(b *testing.B) {
	for _, c := range []struct {
		bits, complexity int
		way              string
	}{{24000, predictionComplexity, "--speech"}, {32000, predictionComplexity, "--speech"}, {40000, transformComplexity, "--music"}, {64000, transformComplexity, "--music"}} {
		f := format(24000, c.bits)
		b.Run(fmt.Sprintf("%dHz-%d", f.SampleRate, f.BitRate), func(b *testing.B) {
			pcm, _ := spoken(b, f.SampleRate)
			size, total := 0, time.Duration(0)
			for b.Loop() {
				data, used := opusenc(b, f, pcm, c.way, c.complexity)
				size, total = len(data), total+used
			}
			seconds := float64(len(pcm)/2) / float64(f.SampleRate)
			b.ReportMetric(seconds*float64(b.N)/total.Seconds(), "xRT")
			b.ReportMetric(float64(size)*8/seconds/1000, "kbit/s")
		})
	}
}

// BenchmarkFirstSound measures what a stream costs until its first page: a new encoder and 30 ms of audio.
func BenchmarkFirstSound(b *testing.B) {
	pcm := voice(24000, 720)
	for _, bits := range []int{32000, 64000} {
		b.Run(strconv.Itoa(bits), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e, err := Codec{}.New(b.Context(), format(24000, bits), nil)
				if err != nil {
					b.Fatal(err)
				}
				if data, err := e.Encode(b.Context(), pcm); err != nil || len(data) == 0 {
					b.Fatal(len(data), err)
				}
			}
		})
	}
}

// TestResetOfGopus fails when a new version of gopus forgets a stream in Reset, so that encoders can be pooled (see Codec.New).
func TestResetOfGopus(t *testing.T) {
	c, err := newFrameCoder(format(24000, 64000))
	if err != nil {
		t.Fatal(err)
	}
	run := func() (all []byte) {
		x := audio.DecodeS16(nil, voice(clock, 10*frameSamples))
		for i := 0; i < len(x); i += frameSamples {
			packet, err := c.encode(x[i : i+frameSamples])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, packet...)
		}
		return all
	}
	first := run()
	c.gopus.Reset()
	if bytes.Equal(run(), first) {
		t.Error("gopus.Encoder.Reset is complete now: encoders can be pooled")
	}
}
