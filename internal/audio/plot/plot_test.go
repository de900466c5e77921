package plot

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

const rate = 24000

// tone is a sine of an amplitude.
func tone(hz, amplitude float64, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(amplitude * math.Sin(2*math.Pi*hz*float64(i)/rate))
	}
	return out
}

// breath is steps like those of speech: low-passed noise that swells and fades three times a second.
func breath(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]float32, n)
	var low float64
	for i := range out {
		low += 0.3 * (rng.NormFloat64()*0.2 - low)
		out[i] = float32(low * (0.55 - 0.45*math.Cos(2*math.Pi*3*float64(i)/rate)))
	}
	return out
}

// picture draws samples and returns the picture, where its panels are, and what was measured.
func picture(t *testing.T, o Options, samples []float32) (image.Image, layout, Summary) {
	t.Helper()
	o.SampleRate = rate
	if o.Width == 0 {
		o.Width, o.Height = 640, 520
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	p.Write(samples)
	img, err := p.draw()
	if err != nil {
		t.Fatal(err)
	}
	return img, newLayout(img.Bounds().Dx(), img.Bounds().Dy()), p.Summary()
}

// light is how light a pixel looks, from 0 to 255.
func light(img image.Image, x, y int) float64 {
	g := color.GrayModel.Convert(img.At(x, y)).(color.Gray)
	return float64(g.Y)
}

func is(img image.Image, x, y int, want color.RGBA) bool {
	r, g, b, _ := img.At(x, y).RGBA()
	return uint8(r>>8) == want.R && uint8(g>>8) == want.G && uint8(b>>8) == want.B
}

func TestAToneIsBrightAtItsFrequency(t *testing.T) {
	for _, hz := range []float64{250, 1000, 5000, 11000} {
		img, l, _ := picture(t, Options{}, tone(hz, 0.5, rate/2))
		want := l.spectra.Max.Y - 1 - int(frequencyRow(hz, l.spectra.Dy(), rate))
		for _, part := range []float64{0.1, 0.5, 0.9} {
			x := l.spectra.Min.X + int(part*float64(l.spectra.Dx()))
			best := l.spectra.Min.Y
			for y := l.spectra.Min.Y; y < l.spectra.Max.Y; y++ {
				if light(img, x, y) > light(img, x, best) {
					best = y
				}
			}
			if math.Abs(float64(best-want)) > 5 {
				t.Errorf("%g Hz at %g of the time: brightest in row %d, want %d", hz, part, best, want)
			}
		}
	}
}

func TestAToneHasItsLevel(t *testing.T) {
	for _, hz := range []float64{440, 1000, 9000} {
		s := newSpectra(rate, 300, 200)
		for c := range slices.Chunk(tone(hz, 0.1, rate), maxChunk) {
			s.write(c)
		}
		s.finish()
		var most float64
		for row := range 300 {
			most = max(most, s.at(row, rate/2, rate/2+100))
		}
		if db := decibel(most); math.Abs(db+20) > 1.5 {
			t.Errorf("%g Hz of -20 dBFS is shown with %.2f", hz, db)
		}
	}
}

func TestAClickShowsAtItsTime(t *testing.T) {
	for _, at := range []int{rate / 3, rate, 2*rate + 17} {
		x := breath(3 * rate)
		for i := range 3 {
			x[at+i] += 0.6
		}
		img, l, s := picture(t, Options{}, x)
		if len(s.Clicks) != 1 || abs(sample(s.Clicks[0].At, rate)-int64(at)) > 3 {
			t.Fatalf("a click at %d: found %+v", at, s.Clicks)
		}
		want := l.steps.Min.X + at*l.steps.Dx()/len(x)
		for x := l.steps.Min.X; x < l.steps.Max.X; x++ {
			red := is(img, x, l.steps.Max.Y-1, alarm)
			if near := x >= want-1 && x <= want+2; red && !near || !red && x == want {
				t.Errorf("a click at %d: column %d red: %v; want it at %d", at, x, red, want)
			}
		}
		if !slices.ContainsFunc(column1(img, want, l.steps), func(c bool) bool { return c }) {
			t.Errorf("a click at %d: nothing red in column %d", at, want)
		}
	}
}

// column1 tells where a column of a panel is red.
func column1(img image.Image, x int, r image.Rectangle) (out []bool) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		out = append(out, is(img, x, y, alarm))
	}
	return out
}

func abs(n int64) int64 { return max(n, -n) }

func TestSpeechHasNoClicks(t *testing.T) {
	if _, _, s := picture(t, Options{}, breath(3*rate)); len(s.Clicks) != 0 {
		t.Errorf("clicks in noise: %+v", s.Clicks)
	}
	x := breath(3 * rate)
	for i := range x[:100] { // from and to silence
		f := float32(i) / 100
		x[i] *= f
		x[len(x)-1-i] *= f
	}
	if _, _, s := picture(t, Options{}, slices.Concat(make([]float32, rate), x, make([]float32, rate))); len(s.Clicks) != 0 {
		t.Errorf("clicks where sound begins: %+v", s.Clicks)
	}
}

func TestAClickAtTheEndIsFound(t *testing.T) {
	x := append(make([]float32, rate), 0.5)
	_, _, s := picture(t, Options{}, x)
	if len(s.Clicks) != 1 || s.StepAt != time.Second && s.StepAt != time.Second+time.Second/rate {
		t.Errorf("%+v", s)
	}
	_, _, s = picture(t, Options{}, slices.Concat([]float32{0.5}, make([]float32, rate)))
	if len(s.Clicks) != 1 || s.Clicks[0].At != 0 {
		t.Errorf("%+v", s)
	}
}

func TestTheWaveformIsAsHighAsItsSamples(t *testing.T) {
	x := tone(440, 0.25, rate)
	x[rate/2] = -0.5
	img, l, _ := picture(t, Options{}, x) // drawn from -0.5 to 0.5
	at := l.wave.Min.X + l.wave.Dx()/2
	if !is(img, at, l.wave.Max.Y-1, wave) {
		t.Error("the lowest sample does not reach the bottom")
	}
	if up := l.wave.Min.Y + l.wave.Dy()/5; is(img, at-100, up, wave) {
		t.Error("0.25 of 0.5 reaches above 0.3")
	}
	if up := l.wave.Min.Y + l.wave.Dy()*26/100; !is(img, at-100, up, wave) {
		t.Error("0.25 of 0.5 does not reach 0.24")
	}
}

func TestSeamsAreDrawnAndMeasured(t *testing.T) {
	x := tone(200, 0.1, 4*rate)
	x[3*rate] += 0.3
	x[rate] += 0.2 // not at a seam
	img, l, s := picture(t, Options{Seams: []Seam{{3 * time.Second, 3 * time.Second}, {1500 * time.Millisecond, 2 * time.Second}, {time.Hour, time.Hour}}}, x)
	at := func(seconds float64) int { return l.wave.Min.X + int(seconds/4*float64(l.wave.Dx())) }
	for _, r := range []image.Rectangle{l.wave, l.spectra, l.steps} {
		for _, seconds := range []float64{1.5, 2, 3} {
			if !is(img, at(seconds), r.Min.Y+2, seam) {
				t.Errorf("no line at %g s in the panel from row %d", seconds, r.Min.Y)
			}
		}
	}
	if is(img, at(1.75), l.wave.Min.Y+2, paper) || !is(img, at(2.25), l.wave.Min.Y+2, paper) {
		t.Error("the pause is not shaded, or what is no pause is")
	}
	if s.SeamAt != 3*time.Second && s.SeamAt != 3*time.Second+time.Second/rate || math.Abs(s.SeamStep-s.Step) > 0.5 {
		t.Errorf("largest step of a seam %.1f dB at %v; of all %.1f", s.SeamStep, s.SeamAt, s.Step)
	}
	_, _, s = picture(t, Options{Seams: []Seam{{2 * time.Second, 2 * time.Second}}}, x)
	if s.SeamStep > -20 { // a sine of 200 Hz steps by 2π·200/24000 of its peak
		t.Errorf("a quiet seam has %.1f dB", s.SeamStep)
	}
}

func TestTheSameHoweverItIsCutUp(t *testing.T) {
	x := breath(rate/2 + 11)
	x[777] = 0.9
	seams := []Seam{{100 * time.Millisecond, 400 * time.Millisecond}}
	draw := func(cut func() int) []byte {
		p, err := New(Options{SampleRate: rate, Width: MinWidth, Height: MinHeight, Seams: seams})
		if err != nil {
			t.Fatal(err)
		}
		for rest := x; len(rest) > 0; {
			n := min(cut(), len(rest))
			p.Write(rest[:n])
			rest = rest[n:]
		}
		img, err := p.draw()
		if err != nil {
			t.Fatal(err)
		}
		return img.Pix
	}
	rng := rand.New(rand.NewPCG(3, 4))
	want := draw(func() int { return len(x) })
	for name, cut := range map[string]func() int{"1": func() int { return 1 }, "random": func() int { return rng.IntN(5000) }} {
		if !bytes.Equal(want, draw(cut)) {
			t.Errorf("cut into pieces of %s: another picture", name)
		}
	}
}

func TestMemoryIsThatOfThePicture(t *testing.T) {
	p, err := New(Options{SampleRate: 1000, Width: MinWidth, Height: MinHeight})
	if err != nil {
		t.Fatal(err)
	}
	x := tone(440, 0.5, 10_000)
	for range 60 { // ten minutes
		p.Write(x)
	}
	if n := len(p.trace.columns); n >= p.trace.limit || n < p.trace.limit/2-1 {
		t.Errorf("%d columns of %d", n, p.trace.limit)
	}
	if n := len(p.spectra.frames); n >= p.spectra.limit || n < p.spectra.limit/2-1 {
		t.Errorf("%d frames of %d", n, p.spectra.limit)
	}
	if end := int64(len(p.spectra.frames)) * p.spectra.span(); abs(end-p.spectra.n) > 2*p.spectra.span() {
		t.Errorf("the frames reach to sample %d of %d", end, p.spectra.n)
	}
	s := p.Summary()
	if s.Samples != 600_000 || s.Duration != 10*time.Minute {
		t.Errorf("%+v", s)
	}
}

func TestOddSignals(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, x := range map[string][]float32{
		"none": nil, "one": {0.5}, "two": {0.5, -0.5}, "silence": make([]float32, 1000), "a few": breath(100),
		"not numbers": {nan, inf, -inf, 1e30, nan}, "over full scale": tone(100, 3, 1000), "faint": tone(100, 1e-9, 1000),
	} {
		for _, o := range []Options{{Width: MinWidth, Height: MinHeight, Title: strings.Repeat("very long ", 20) + "你好\x00\x1b"}} {
			_, _, s := picture(t, o, x)
			if s.Samples != int64(len(x)) || math.IsNaN(s.Peak) || math.IsNaN(s.Step) || math.IsNaN(s.Speech) {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
	for _, hz := range []int{1, 1000, 11025, 768000} {
		p, err := New(Options{SampleRate: hz, Width: MinWidth, Height: MinHeight})
		if err != nil {
			t.Fatal(err)
		}
		p.Write(breath(2000))
		if _, err := p.draw(); err != nil {
			t.Errorf("%d Hz: %v", hz, err)
		}
	}
}

func TestEncodeWritesAPNG(t *testing.T) {
	p, err := New(Options{SampleRate: rate, Width: MinWidth, Height: MinHeight, Title: "x.wav"})
	if err != nil {
		t.Fatal(err)
	}
	p.Write(breath(1000))
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(&b); err != nil || img.Bounds() != image.Rect(0, 0, MinWidth, MinHeight) {
		t.Errorf("%v, %v", img, err)
	}
	if err := p.Encode(full{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("onto a full disk: %v", err)
	}
}

// full is a writer without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestOptionsThatCannotBeUsed(t *testing.T) {
	for _, o := range []Options{{}, {SampleRate: -1}, {SampleRate: MaxSampleRate + 1}, {SampleRate: rate, Width: 10}, {SampleRate: rate, Height: 1 << 20}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	x := breath(rate)
	p, err := New(Options{SampleRate: rate})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Write(x)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "xrealtime")
}
