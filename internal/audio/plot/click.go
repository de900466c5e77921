package plot

import "math"

// What counts as a likely click: a step that is far above the mean power of those around it. In 50 s of speech of espeak-ng and flite no step is
// more than 23 dB above, but for those where espeak-ng breaks off; a click of three samples at half the peak of a vowel is 27 dB above.
const (
	clickOver   = 24.0   // dB over the steps around it
	clickReach  = 0.010  // s to each side
	clickGap    = 0.0003 // s to each side that is the click itself
	clickApart  = 0.005  // s; nearer ones are one click
	clickFloor  = 1e-4   // what is around is taken for no quieter than this
	clickLeast  = 0.002  // steps below this amplitude are not looked at
	clickQuiet  = -30.0  // dB relative to the speech: fainter ones are not told of
	clicksAtAll = 1000   // remembered
)

// step is a step from one sample to the next.
type step struct {
	at   int64   // sample after it
	size float32 // without sign
	over float64 // power ratio to the steps around it
}

// clicks finds likely clicks.
type clicks struct {
	reach, gap, apart int
	last              float32
	n                 int64     // of the first step of squares that is not judged yet
	squares           []float64 // of steps: reach of them before n, then those that wait for the ones after them
	sums              []float64 // sums[i] is the sum of squares[:i]
	found             []step
	more              bool // than are remembered
}

func newClicks(rate int) *clicks {
	in := func(seconds float64) int { return max(int(math.Round(seconds*float64(rate))), 1) }
	c := &clicks{reach: in(clickReach) + in(clickGap), gap: in(clickGap), apart: in(clickApart)}
	c.squares = make([]float64, c.reach, 2*c.reach+2*maxChunk)
	return c
}

// write takes at most maxChunk samples.
func (c *clicks) write(samples []float32) {
	for _, x := range samples {
		d := float64(x - c.last)
		c.last = x
		c.squares = append(c.squares, d*d)
	}
	if len(c.squares)-2*c.reach >= maxChunk/2 { // else it waits: the sums cost as much for one sample as for many
		c.judge()
	}
}

// finish judges the last steps, and the one to the silence at the end.
func (c *clicks) finish() {
	c.squares = append(c.squares, float64(c.last)*float64(c.last))
	c.squares = append(c.squares, make([]float64, c.reach)...)
	c.judge()
}

// judge looks at all steps that have their surroundings. The sums begin anew each time, so that no error of rounding stays.
func (c *clicks) judge() {
	count := len(c.squares) - 2*c.reach
	c.sums = append(c.sums[:0], 0)
	var sum float64
	for _, s := range c.squares {
		sum += s
		c.sums = append(c.sums, sum)
	}
	ratio := math.Pow(10, clickOver/10)
	around := float64(2 * (c.reach - c.gap))
	for i := range count {
		at := i + c.reach
		s := c.squares[at]
		if s < clickLeast*clickLeast {
			continue
		}
		before := c.sums[at-c.gap] - c.sums[at-c.reach]
		after := c.sums[at+c.reach] - c.sums[at+c.gap]
		if over := s / max((before+after)/around, clickFloor*clickFloor); over >= ratio {
			c.add(step{c.n + int64(i), float32(math.Sqrt(s)), over})
		}
	}
	c.n += int64(count)
	c.squares = c.squares[:copy(c.squares, c.squares[count:])]
}

func (c *clicks) add(s step) {
	if k := len(c.found); k > 0 && s.at-c.found[k-1].at <= int64(c.apart) {
		if s.over > c.found[k-1].over {
			c.found[k-1] = s
		}
		return
	}
	if len(c.found) == clicksAtAll {
		c.more = true
		return
	}
	c.found = append(c.found, s)
}
