package audio

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// ratios are pairs that matter, and odd ones that are interpolated.
var ratios = [][2]int{
	{22050, 24000}, {24000, 22050}, {16000, 24000}, {24000, 16000}, {22050, 48000}, {48000, 8000}, {8000, 48000},
	{44100, 48000}, {48000, 44100}, {22050, 16000}, {24000, 24000}, {22051, 24000}, {24000, 22051}, {8001, 47999}, {47999, 8001},
	{32036, 24000}, {16518, 24000}, {4000, 24000}, {96000, 24000}, {95999, 8000}, {4000, 48000}, // changes of pitch
}

func resampled(t testing.TB, from, to int, x []float32) []float32 {
	t.Helper()
	r, err := NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Flush(r.Process(nil, x))
}

func TestResamplerRefusesRates(t *testing.T) {
	for _, c := range [][2]int{{0, 24000}, {24000, 7999}, {24000, 48001}, {96001, 24000}, {3999, 24000}, {-24000, 24000}} {
		if _, err := NewResampler(c[0], c[1]); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
}

func TestResamplerLength(t *testing.T) {
	for _, c := range ratios {
		r, err := NewResampler(c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 2, 3, 7, 100, 147, 160, 1023, 1024, 1025, 5000} {
			want := int(math.Floor(float64(n)*float64(c[1])/float64(c[0]) + 0.5))
			if got := len(r.Flush(r.Process(nil, sine(c[0], 300, n)))); got != want {
				t.Errorf("%v: %d samples became %d, want %d", c, n, got, want)
			}
		}
	}
}

// TestResamplerStopBand sweeps over all that the output must not hold: images of what the input holds up to its Nyquist
// frequency, and aliases of what the output cannot hold.
func TestResamplerStopBand(t *testing.T) {
	for _, c := range ratios {
		from, to := c[0], c[1]
		if from == to {
			continue
		}
		worst, at, flat := -200.0, 0.0, 0.0
		low := float64(min(from, to)) / 2
		for f := 0.004; f < 1; f += sweepSteps {
			hz := f * float64(from) / 2
			n := from / 8
			y := resampled(t, from, to, sine(from, hz, n))
			y = y[len(y)/5 : len(y)*4/5] // the ends are steps, not sines
			tone, rest := split(y, to, hz)
			if hz > low {
				rest = levelDB(y)
			}
			rest -= 20*math.Log10(0.5) - 3.01 // below the input
			if rest > worst {
				worst, at = rest, hz
			}
			if hz < 0.845*low {
				flat = max(flat, math.Abs(tone-20*math.Log10(0.5)+3.0103))
			}
		}
		t.Logf("%d → %d: aliases at most %.1f dB (input %.0f Hz), pass band within %.4f dB", from, to, worst, at, flat)
		if worst > -90 {
			t.Errorf("%v: alias of %.1f dB at %.0f Hz", c, worst, at)
		}
		if flat > 0.01 {
			t.Errorf("%v: pass band is off by %.3f dB", c, flat)
		}
	}
}

// TestResamplerInTime shows that output sample k lies at k/to: the delay is made up for.
func TestResamplerInTime(t *testing.T) {
	for _, c := range ratios {
		const hz = 700
		y := resampled(t, c[0], c[1], sine(c[0], hz, c[0]/4))
		want := sine(c[1], hz, len(y))
		for i := len(y) / 5; i < len(y)*4/5; i++ {
			if d := math.Abs(float64(y[i] - want[i])); d > 1e-4 {
				t.Fatalf("%v: sample %d is off by %g", c, i, d)
			}
		}
	}
}

func TestResamplerKeepsConstant(t *testing.T) {
	for _, c := range ratios {
		x := make([]float32, 4000)
		for i := range x {
			x[i] = 0.25
		}
		y := resampled(t, c[0], c[1], x)
		for i, v := range y[len(y)/4 : len(y)*3/4] {
			if math.Abs(float64(v)-0.25) > 1e-6 {
				t.Fatalf("%v: sample %d is %g", c, i, v)
			}
		}
	}
}

func TestResamplerReuse(t *testing.T) {
	for _, c := range ratios {
		x := voiced(c[0], 5000)
		r, err := NewResampler(c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		first := r.Flush(r.Process(nil, x))
		r.Process(nil, x[:777])
		r.Reset()
		if second := r.Flush(r.Process(nil, x)); !slices.Equal(first, second) {
			t.Errorf("%v: differs after Reset", c)
		}
		if third := r.Flush(r.Process(nil, x)); !slices.Equal(first, third) {
			t.Errorf("%v: differs after Flush", c)
		}
	}
}

func TestResamplerDoesNotAllocate(t *testing.T) {
	r, err := NewResampler(22050, 24000)
	if err != nil {
		t.Fatal(err)
	}
	x, dst := voiced(22050, 441), make([]float32, 0, 1000)
	if n := testing.AllocsPerRun(100, func() { dst = r.Process(dst[:0], x) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// pieces feeds x in pieces whose lengths come from cuts, and calls process for each.
func pieces(x []float32, cuts []byte, process func([]float32)) {
	for i := 0; len(x) > 0; i++ {
		n := len(x)
		if len(cuts) > 0 {
			c := int(cuts[i%len(cuts)])
			n = min(n, 1+c*c/16) // 1 to 4064
		}
		process(x[:n])
		x = x[n:]
	}
}

func FuzzResamplerPieces(f *testing.F) {
	f.Add(uint16(22050), uint16(24000), uint16(3000), []byte{0, 1, 200, 7})
	f.Add(uint16(47999), uint16(8001), uint16(5000), []byte{255, 0})
	f.Add(uint16(8000), uint16(48000), uint16(1), []byte{3})
	f.Fuzz(func(t *testing.T, from, to, n uint16, cuts []byte) {
		r, err := NewResampler(int(from), int(to))
		if err != nil {
			t.Skip()
		}
		x := voiced(int(from), int(n)%8192)
		whole := r.Flush(r.Process(nil, x))
		var got []float32
		pieces(x, cuts, func(p []float32) { got = r.Process(got, p) })
		if got = r.Flush(got); !slices.Equal(got, whole) {
			t.Fatalf("%d → %d: pieces differ from one piece", from, to)
		}
	})
}

func TestDotForms(t *testing.T) {
	for n := dotBlock; n <= 20*dotBlock; n += dotBlock {
		a, b := voiced(24000, n+3)[3:], sine(24000, 123, n+1)[1:]
		want := 0.0
		for i := range a {
			want += float64(a[i]) * float64(b[i])
		}
		for name, got := range map[string]float32{"dot": dot(a, b), "dotGo": dotGo(a, b)} {
			if math.Abs(float64(got)-want) > 1e-5 {
				t.Errorf("%s of %d: %g, want %g", name, n, got, want)
			}
		}
	}
}

// reportRate adds how many seconds of audio a second of CPU makes.
func reportRate(b *testing.B, audioSeconds float64) {
	b.ReportMetric(audioSeconds*float64(b.N)/b.Elapsed().Seconds(), "xRT")
}

// BenchmarkResampler is one second of audio in 20 ms frames.
func BenchmarkResampler(b *testing.B) {
	for _, c := range ratios {
		b.Run(fmt.Sprintf("%d-%d", c[0], c[1]), func(b *testing.B) {
			r, err := NewResampler(c[0], c[1])
			if err != nil {
				b.Fatal(err)
			}
			x, dst := voiced(c[0], c[0]/50), make([]float32, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				for range 50 {
					dst = r.Process(dst[:0], x)
				}
			}
			reportRate(b, 1)
		})
	}
}

// BenchmarkResamplePCM is the whole of a second of 22050 Hz PCM on its way to 24000 Hz PCM.
func BenchmarkResamplePCM(b *testing.B) {
	r, err := NewResampler(22050, 24000)
	if err != nil {
		b.Fatal(err)
	}
	pcm := EncodeS16(nil, voiced(22050, 441))
	in, out, bytes := make([]float32, 0, 1000), make([]float32, 0, 1000), make([]byte, 0, 2000)
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			in = DecodeS16(in[:0], pcm)
			out = r.Process(out[:0], in)
			bytes = EncodeS16(bytes[:0], out)
		}
	}
	reportRate(b, 1)
}

// BenchmarkDot compares the two forms of the inner loop over 24000 rows of 80.
func BenchmarkDot(b *testing.B) {
	x, rows := voiced(24000, 2000), sine(24000, 200, 160*taps)
	for name, f := range map[string]func(a, b []float32) float32{"asm": dot, "go": dotGo} {
		b.Run(name, func(b *testing.B) {
			sum := float32(0)
			for b.Loop() {
				for k := range 24000 {
					r := k % 160
					sum += f(x[r*12:r*12+taps], rows[r*taps:])
				}
			}
			if sum == 1 {
				b.Log(sum)
			}
		})
	}
}

func BenchmarkNewFilter(b *testing.B) {
	for _, c := range append(ratios[:7:7], [][2]int{{32036, 24000}, {95999, 8000}}...) {
		b.Run(fmt.Sprintf("%d-%d", c[0], c[1]), func(b *testing.B) {
			phases := c[1] / gcd(c[0], c[1])
			if phases > maxPhases {
				phases = interpolatedPhases
			}
			for b.Loop() {
				newPolyphase(c[0], c[1], phases)
			}
		})
	}
}
