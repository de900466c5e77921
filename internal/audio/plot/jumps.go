package plot

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"time"
)

// stepFloor is the bottom of the row of steps, in dB relative to the level of the speech.
const stepFloor = -50.0

// jumps draws the largest step of each column, and their mean power below it: a click is far above what is around it.
func (d *drawing) jumps() {
	r := d.steps
	reference, name := d.s.Speech, "the level of the speech"
	if math.IsInf(reference, -1) {
		reference, name = 0, "full scale"
	} else {
		name += fmt.Sprintf(" (%s)", inDecibels(reference, "dBFS"))
	}
	d.caption(r, "Steps between samples", "in dB relative to "+name+"; light: the largest in each column, dark: their mean, red: likely clicks")
	top := 10 * math.Ceil(max(d.s.Step, 0)/10+0.2)
	y := func(db float64) int {
		return r.Min.Y + int(math.Round((top-max(db, stepFloor))/(top-stepFloor)*float64(r.Dy()-1)))
	}
	for db := stepFloor; db <= top; db += 10 {
		if int(db)%20 == 0 || top-stepFloor <= 50 {
			d.tickAt(r, y(db), signed(db, 0), grid)
		}
	}
	for x := range r.Dx() {
		c := d.p.trace.span(d.samples(x))
		mean := math.Sqrt(c.square / float64(c.n))
		d.vertical(r.Min.X+x, y(amplitude(float64(c.step))-reference), r.Max.Y-1, steps)
		d.vertical(r.Min.X+x, y(amplitude(mean)-reference), r.Max.Y-1, body)
	}
	d.marks(y)
}

// marks paints likely clicks red and tells their times as far as there is room, the farthest above its surroundings first; and, where there are
// none, the largest step.
func (d *drawing) marks(y func(float64) int) {
	if len(d.s.Clicks) == 0 {
		d.mark(y(d.s.Step), d.s.StepAt, "largest: "+inDecibels(d.s.Step, "dB")+" at "+inSeconds(d.s.StepAt), ink)
		return
	}
	clicks := slices.Clone(d.s.Clicks)
	slices.SortStableFunc(clicks, func(a, b Click) int { return cmp.Compare(b.Over, a.Over) })
	for _, c := range clicks {
		x := min(d.x(sample(c.At, d.p.o.SampleRate)), d.steps.Max.X-1)
		d.fill(x, y(c.Step), x+2, d.steps.Max.Y, alarm)
		d.mark(y(c.Step), c.At, inSeconds(c.At), alarm)
	}
}

// mark points at a height of a time with a small triangle, and writes beside it unless something is written there.
func (d *drawing) mark(y int, at time.Duration, text string, col color.RGBA) {
	r := d.steps
	x := min(d.x(sample(at, d.p.o.SampleRate)), r.Max.X-1)
	for i := range 6 {
		d.horizontal(max(y-3-i, r.Min.Y), x-i, x+i+1, col)
	}
	w := d.width(small, text)
	from, base := x+10, max(y+1, r.Min.Y+14)
	if from+w > r.Max.X {
		from = x - 10 - w
	}
	place := image.Rect(from-2, base-12, from+w+2, base+4)
	for _, taken := range d.written {
		if taken.Overlaps(place) {
			return
		}
	}
	d.written = append(d.written, place)
	d.fill(place.Min.X, place.Min.Y, place.Max.X, place.Max.Y, color.RGBA{216, 216, 216, 216}) // readable over bars
	d.text(from, base, small, left, col, text)
}

// clickCount says how many likely clicks there are.
func (d *drawing) clickCount() string {
	switch n := len(d.s.Clicks); {
	case d.s.More:
		return fmt.Sprintf("more than %d likely clicks", n)
	case n == 0:
		return "no clicks found"
	case n == 1:
		return "1 likely click"
	default:
		return fmt.Sprintf("%d likely clicks", n)
	}
}

// joins draws the edges of segments over all panels, and a light veil over what is between two.
func (d *drawing) joins() {
	rate := d.p.o.SampleRate
	for _, s := range d.p.o.Seams {
		end, start := sample(s.End, rate), sample(s.Start, rate)
		if start < 0 || end > d.s.Samples || start > d.s.Samples {
			continue
		}
		x0, x1 := d.x(max(end, 0)), min(d.x(start), d.wave.Max.X-1)
		for i, r := range []image.Rectangle{d.wave, d.spectra, d.steps} {
			if x0 < x1 {
				if i != 1 { // the colours of levels stay as they are
					d.fill(x0, r.Min.Y, x1, r.Max.Y, color.RGBA{0, 30, 18, 40})
				}
				d.vertical(x0, r.Min.Y, r.Max.Y-1, seam)
			}
			d.vertical(x1, r.Min.Y, r.Max.Y-1, seam)
		}
	}
}
