package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
)

// Colours beside those of levels.
var (
	paper  = color.RGBA{255, 255, 255, 255}
	ink    = color.RGBA{30, 34, 40, 255}
	faint  = color.RGBA{110, 116, 125, 255}
	grid   = color.RGBA{228, 231, 235, 255}
	border = color.RGBA{150, 156, 165, 255}
	wave   = color.RGBA{38, 84, 140, 255}
	steps  = color.RGBA{170, 182, 198, 255}
	body   = color.RGBA{74, 101, 135, 255}
	alarm  = color.RGBA{208, 32, 38, 255}
	seam   = color.RGBA{0, 150, 90, 255}
)

// Distances in pixels.
const (
	marginLeft, marginRight = 62, 92
	headHeight              = 62
	captionHeight           = 26 // above each panel
	footHeight              = 52
)

const dynamicRange = 90 // dB, of the spectrogram's colours

// layout is where the panels are.
type layout struct {
	wave, spectra, steps image.Rectangle
}

func newLayout(width, height int) layout {
	free := height - headHeight - 3*captionHeight - footHeight
	top := headHeight
	next := func(h int) image.Rectangle {
		r := image.Rect(marginLeft, top+captionHeight, width-marginRight, top+captionHeight+h)
		top = r.Max.Y
		return r
	}
	a, b := free*26/100, free*48/100
	return layout{next(a), next(b), next(free - a - b)}
}

// drawing is the making of one picture.
type drawing struct {
	*canvas
	layout
	p       *Plot
	s       Summary
	written []image.Rectangle // places of texts in the row of steps
}

// Encode ends the audio and writes its picture as PNG.
func (p *Plot) Encode(w io.Writer) error {
	img, err := p.draw()
	if err != nil {
		return err
	}
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

func (p *Plot) draw() (*image.RGBA, error) {
	c, err := newCanvas(p.o.Width, p.o.Height)
	if err != nil {
		return nil, err
	}
	d := &drawing{canvas: c, layout: newLayout(p.o.Width, p.o.Height), p: p, s: p.Summary()}
	d.title()
	d.time()
	if d.s.Samples > 0 {
		d.waveform()
		d.spectrogram()
		d.jumps()
		d.joins()
	}
	for _, r := range []image.Rectangle{d.wave, d.spectra, d.steps} {
		d.frame(r, border)
	}
	return c.img, nil
}

func (d *drawing) title() {
	width := d.p.o.Width - marginLeft - 16
	d.text(marginLeft, 28, large, left, ink, d.fit(large, width, d.p.o.Title))
	var parts []string
	if d.p.o.Subtitle != "" {
		parts = append(parts, d.p.o.Subtitle)
	}
	parts = append(parts, inSeconds(d.s.Duration))
	if !math.IsInf(d.s.Loudness, -1) {
		parts = append(parts, "loudness "+inDecibels(d.s.Loudness, "LUFS"))
	}
	parts = append(parts, "peak "+inDecibels(d.s.Peak, "dBFS"), d.clickCount())
	if d.s.Samples == 0 {
		parts = []string{"no samples"}
	}
	d.text(marginLeft, 50, small, left, faint, d.fit(small, width, strings.Join(parts, "  ·  ")))
}

// x is the column of a panel at a sample.
func (d *drawing) x(at int64) int {
	return d.wave.Min.X + int(at*int64(d.wave.Dx())/max(d.s.Samples, 1))
}

// samples is those that column x of a panel stands for, one at least.
func (d *drawing) samples(x int) (from, to int64) {
	w := int64(d.wave.Dx())
	from = int64(x) * d.s.Samples / w
	return from, max(int64(x+1)*d.s.Samples/w, from+1)
}

func (d *drawing) time() {
	seconds := float64(d.s.Samples) / float64(d.p.o.SampleRate)
	ticks, unit := []tick(nil), "seconds"
	if seconds > 0 {
		ticks, unit = timeTicks(seconds, d.wave.Dx()/80)
	}
	for _, t := range ticks {
		x := d.wave.Min.X + min(int(t.at/seconds*float64(d.wave.Dx())), d.wave.Dx()-1)
		for _, r := range []image.Rectangle{d.wave, d.steps} {
			d.vertical(x, r.Min.Y, r.Max.Y-1, grid)
		}
		for _, r := range []image.Rectangle{d.wave, d.spectra, d.steps} {
			d.vertical(x, r.Max.Y, r.Max.Y+4, border)
		}
		d.text(x, d.steps.Max.Y+19, small, centre, ink, t.text)
	}
	d.text((d.steps.Min.X+d.steps.Max.X)/2, d.steps.Max.Y+40, small, centre, faint, unit)
}

// caption writes above a panel and returns where it ends.
func (d *drawing) caption(r image.Rectangle, name, what string) int {
	x := d.text(r.Min.X, r.Min.Y-8, small, left, ink, name)
	return d.text(x+10, r.Min.Y-8, small, left, faint, d.fit(small, r.Max.X-x-10, what))
}

// tickAt writes at the left of a panel.
func (d *drawing) tickAt(r image.Rectangle, y int, text string, line color.RGBA) {
	d.horizontal(y, r.Min.X-5, r.Min.X, border)
	d.text(r.Min.X-8, y+5, small, right, ink, text)
	if line.A > 0 {
		d.horizontal(y, r.Min.X, r.Max.X, line)
	}
}

func (d *drawing) waveform() {
	r := d.wave
	what := "amplitude; full scale is from −1 to 1"
	if len(d.p.o.Seams) > 0 {
		what += "; green: where segments join, shaded: the pause between two"
	}
	d.caption(r, "Waveform", what)
	full := 1.0
	if p := float64(d.p.trace.peak); p > 0 {
		full = roundUp(max(p, 1e-4))
	}
	y := func(v float64) int {
		return r.Min.Y + int(math.Round((1-v/full)/2*float64(r.Dy()-1)))
	}
	for _, v := range []float64{-1, -0.5, 0, 0.5, 1} {
		d.tickAt(r, y(v*full), signed(v*full, decimalsOf(full/2)), grid)
	}
	lastHigh, lastLow := y(0), y(0)
	for x := range r.Dx() {
		c := d.p.trace.span(d.samples(x))
		high, low := y(float64(c.high)), y(float64(c.low))
		d.vertical(r.Min.X+x, min(high, lastLow), max(low, lastHigh), wave) // joined to the column before
		lastHigh, lastLow = high, low
	}
}

// decimalsOf is how many decimals x needs.
func decimalsOf(x float64) int {
	for n := range 6 {
		if v := x * math.Pow(10, float64(n)); math.Abs(v-math.Round(v)) < 1e-6 {
			return n
		}
	}
	return 6
}

func (d *drawing) spectrogram() {
	r := d.spectra
	d.caption(r, "Spectrogram", "frequency in Hz on the mel scale; windows of 25 ms")
	top := d.p.spectra.top()
	palette := shades()
	colour := func(db float64) color.RGBA {
		at := 255 * (1 - (top-db)/dynamicRange)
		return palette[int(min(max(at, 0), 255))] // NaN cannot be: power is 0 or more
	}
	for x := range r.Dx() {
		from, to := d.samples(x)
		for row := range r.Dy() {
			d.img.SetRGBA(r.Min.X+x, r.Max.Y-1-row, colour(decibel(d.p.spectra.at(row, from, to))))
		}
	}
	for _, t := range frequencyTicks(d.p.o.SampleRate) {
		row := frequencyRow(t.at, d.p.rows, d.p.o.SampleRate)
		d.tickAt(r, min(max(r.Max.Y-1-int(row), r.Min.Y), r.Max.Y-1), t.text, color.RGBA{})
	}
	bar := image.Rect(r.Max.X+16, r.Min.Y, r.Max.X+30, r.Max.Y)
	for y := range bar.Dy() {
		db := top - dynamicRange*float64(y)/float64(bar.Dy()-1)
		d.horizontal(bar.Min.Y+y, bar.Min.X, bar.Max.X, colour(db))
	}
	d.frame(bar, border)
	d.text(bar.Min.X, bar.Min.Y-8, small, left, faint, "dBFS")
	for db := 0; db <= dynamicRange; db += 10 {
		y := bar.Min.Y + int(math.Round(float64(db*(bar.Dy()-1))/dynamicRange))
		d.horizontal(y, bar.Max.X, bar.Max.X+4, border)
		d.text(bar.Max.X+7, y+5, small, left, ink, signed(top-float64(db), 0))
	}
}
