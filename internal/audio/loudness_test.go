package audio

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// tone appends seconds of a sine of hz whose peaks are at level dBFS.
func tone(x []float32, rate int, hz, level, seconds float64) []float32 {
	amplitude := math.Pow(10, level/20)
	for i := range int(seconds * float64(rate)) {
		x = append(x, float32(amplitude*math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return x
}

// kWeighted returns the mean square of x[skip:] after K-weighting, from the analogue prototypes of BS.1770's filters (a shelf of 4 dB
// at 1682 Hz, a high-pass at 38 Hz). It shares nothing with Loudness. At 8 kHz it is 0.2 dB low, as tangents bend the shelf.
func kWeighted(x []float32, rate, skip int) float64 {
	const q1, q2, gain = 0.7071752369554196, 0.5003270373238773, 3.999843853973347
	k := math.Tan(math.Pi * 1681.974450955533 / float64(rate))
	vh := math.Pow(10, gain/20)
	vb := math.Pow(vh, 0.4996667741545416)
	a0 := 1 + k/q1 + k*k
	b := [3]float64{(vh + vb*k/q1 + k*k) / a0, 2 * (k*k - vh) / a0, (vh - vb*k/q1 + k*k) / a0}
	a := [2]float64{2 * (k*k - 1) / a0, (1 - k/q1 + k*k) / a0}
	k = math.Tan(math.Pi * 38.13547087602444 / float64(rate))
	c0 := 1 + k/q2 + k*k
	pass := 1.005 / c0 // the table's filter passes so much at its rate
	c := [2]float64{2 * (k*k - 1) / c0, (1 - k/q2 + k*k) / c0}
	var x1, x2, y1, y2, z1, z2, sum float64
	for i, v := range x {
		y := b[0]*float64(v) + b[1]*x1 + b[2]*x2 - a[0]*y1 - a[1]*y2
		z := y - 2*y1 + y2 - c[0]*z1 - c[1]*z2
		x1, x2, y1, y2, z1, z2 = float64(v), x1, y, y1, z, z1
		if i >= skip {
			sum += pass * pass * z * z
		}
	}
	return sum / float64(max(len(x)-skip, 1))
}

func measured(t testing.TB, rate int, x []float32) float64 {
	t.Helper()
	m, err := NewLoudness(rate)
	if err != nil {
		t.Fatal(err)
	}
	m.Write(x)
	l, ok := m.Integrated()
	if !ok {
		t.Fatal("nothing is above the gates")
	}
	return l
}

func TestLoudnessFilterIsTheTable(t *testing.T) {
	q := biquad{b0: 1.53512485958697, b1: -2.69169618940638, b2: 1.19839281085285, a1: -1.69065929318241, a2: 0.73248077421585}
	got := q.at(kWeightRate, calibration)
	for i, d := range []float64{got.b0 - q.b0, got.b1 - q.b1, got.b2 - q.b2, got.a1 - q.a1, got.a2 - q.a2} {
		if math.Abs(d) > 1e-12 {
			t.Errorf("coefficient %d is off by %g at the table's own rate", i, d)
		}
	}
}

// TestLoudnessOfSignals has the cases of EBU Tech 3341 (1, 3, 4, 5) for one channel, which is 3.01 LU quieter than two, and the
// calibration of BS.1770: a sine of 997 Hz at 0 dBFS is -3.01 LUFS.
func TestLoudnessOfSignals(t *testing.T) {
	const one = -3.0103 // two channels to one
	type part struct{ level, seconds float64 }
	for _, c := range []struct {
		name  string
		hz    float64
		parts []part
		want  float64
	}{
		{"calibration", 997, []part{{0, 8}}, -3.01},
		{"-20 dBFS", 997, []part{{-20, 8}}, -23.01},
		{"3341-1", 1000, []part{{-23, 20}}, -23 + one},
		{"3341-2", 1000, []part{{-33, 20}}, -33 + one},
		{"3341-3", 1000, []part{{-36, 10}, {-23, 60}, {-36, 10}}, -23 + one},
		{"3341-4", 1000, []part{{-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}}, -23 + one},
		{"3341-5", 1000, []part{{-26, 20}, {-20, 20.1}, {-26, 20}}, -23 + one},
	} {
		for _, rate := range []int{8000, 11025, 22050, 48000} {
			if rate > 8000 && len(c.parts) > 1 {
				continue // the gates do not depend on it
			}
			var x []float32
			for _, p := range c.parts {
				x = tone(x, rate, c.hz, p.level, p.seconds/4) // a quarter is as good
			}
			if got := measured(t, rate, x); math.Abs(got-c.want) > 0.1 {
				t.Errorf("%s at %d Hz: %.3f LUFS, want %.2f", c.name, rate, got, c.want)
			}
		}
	}
}

// TestLoudnessOfVoice compares the histogram and the filters with sums of all blocks.
func TestLoudnessOfVoice(t *testing.T) {
	for _, rate := range []int{32000, 48000} {
		x := voiced(rate, 2*rate)
		hop := rate / 10
		var blocks []float64
		for i := 0; i+4*hop <= len(x); i += hop {
			blocks = append(blocks, kWeighted(x[max(0, i-rate/5):i+4*hop], rate, min(i, rate/5)))
		}
		mean := func(above float64) float64 {
			sum, n := 0.0, 0.0
			for _, b := range blocks {
				if lufs(b) > above {
					sum += b
					n++
				}
			}
			return lufs(sum / n)
		}
		want := mean(mean(absoluteGate) + relativeGate)
		if got := measured(t, rate, x); math.Abs(got-want) > 0.02 {
			t.Errorf("%d Hz: %.4f LUFS, all blocks give %.4f", rate, got, want)
		}
	}
}

// TestLoudnessAtAnyRate: a voice is as loud at any rate.
func TestLoudnessAtAnyRate(t *testing.T) {
	for _, rate := range []int{8000, 11025, 16000, 24000, 44100} {
		x := voiced(rate, 2*rate+rate/20) // no block ends with the last sample
		got, want := measured(t, rate, x), measured(t, 48000, resampled(t, rate, 48000, x))
		t.Logf("%d Hz: %.3f LUFS, %.3f at 48 kHz", rate, got, want)
		if math.Abs(got-want) > 0.1 {
			t.Errorf("%d Hz: %.3f LUFS, %.3f at 48 kHz", rate, got, want)
		}
	}
}

func TestLoudnessAgreesWithFFmpeg(t *testing.T) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	summary := regexp.MustCompile(`(?s)Integrated loudness:\s+I:\s+(-?[0-9.]+) LUFS`)
	for _, rate := range []int{16000, 48000} {
		// Louder and quieter stretches, silence among them.
		x := voiced(rate, 4*rate)
		Gain(x[rate:2*rate], 0.1)
		clear(x[2*rate : 3*rate])
		cmd := exec.CommandContext(t.Context(), path, "-hide_banner", "-nostats", "-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", "-",
			"-af", "aresample=48000,ebur128=framelog=verbose", "-f", "null", "-")
		cmd.Stdin = bytes.NewReader(EncodeS16(nil, x))
		out, err := cmd.CombinedOutput()
		m := summary.FindSubmatch(out)
		if err != nil || m == nil {
			t.Skipf("ffmpeg has no ebur128 filter: %v\n%s", err, out)
		}
		want, _ := strconv.ParseFloat(string(m[1]), 64)
		got := measured(t, rate, x)
		t.Logf("%d Hz: %.2f LUFS, ffmpeg %.1f", rate, got, want)
		if math.Abs(got-want) > 0.1 {
			t.Errorf("%d Hz: %.2f LUFS, ffmpeg says %.1f", rate, got, want)
		}
	}
}

func TestLoudnessNeedsABlock(t *testing.T) {
	m, err := NewLoudness(24000)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string][]float32{"nothing": nil, "399 ms": tone(nil, 24000, 997, -20, 0.399), "silence": make([]float32, 48000),
		"under the gate": tone(nil, 24000, 997, -70, 2)} {
		m.Reset()
		m.Write(x)
		if l, ok := m.Integrated(); ok {
			t.Errorf("%s: %g LUFS", name, l)
		}
	}
	m.Reset()
	m.Write(tone(nil, 24000, 997, 40, 2)) // far over full scale
	if l, ok := m.Integrated(); !ok || l < 10 {
		t.Errorf("40 dBFS: %g LUFS, %v", l, ok)
	}
}

func TestLoudnessInPieces(t *testing.T) {
	x := voiced(22050, 60000)
	want := measured(t, 22050, x)
	m, err := NewLoudness(22050)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		pieces(x, []byte{0, 3, 200, 77}, m.Write)
		if got, _ := m.Integrated(); got != want {
			t.Errorf("%g LUFS in pieces, %g whole", got, want)
		}
		m.Reset()
	}
	if n := testing.AllocsPerRun(100, func() { m.Write(x[:480]); m.Integrated() }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestRatesAreChecked(t *testing.T) {
	for _, rate := range []int{-1, 0, 7999, 48001} {
		for name, err := range map[string]error{
			"loudness": second(NewLoudness(rate)), "leveller": second(NewLeveller(rate, -20)), "limiter": second(NewLimiter(rate, -1)),
			"blocker": second(NewDCBlocker(rate)), "joiner": second(NewJoiner(rate)),
		} {
			if err == nil {
				t.Errorf("%s at %d Hz: no error", name, rate)
			}
		}
	}
	for _, v := range []float64{-41, -7, 0, math.NaN()} {
		if second(NewLeveller(24000, v)) == nil {
			t.Errorf("target %g: no error", v)
		}
	}
	for _, v := range []float64{-61, 0.1, math.NaN()} {
		if second(NewLimiter(24000, v)) == nil {
			t.Errorf("ceiling %g: no error", v)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func BenchmarkLoudness(b *testing.B) {
	for _, rate := range []int{24000, 48000} {
		b.Run(fmt.Sprintf("%dHz", rate), func(b *testing.B) {
			m, err := NewLoudness(rate)
			if err != nil {
				b.Fatal(err)
			}
			x := voiced(rate, rate/50)
			b.ReportAllocs()
			for b.Loop() {
				for range 50 {
					m.Write(x)
				}
			}
			reportRate(b, 1)
		})
	}
}
