package plot

import "math"

// column is what is drawn of a stretch of samples.
type column struct {
	low, high float32 // the smallest and the largest sample
	step      float32 // the largest step from one sample to the next, as it is, without sign
	square    float64 // sum of the squares of the steps
	n         int64   // samples
}

func (c *column) add(d column) {
	c.low, c.high, c.step = min(c.low, d.low), max(c.high, d.high), max(c.step, d.step)
	c.square += d.square
	c.n += d.n
}

// nothing is the column of no samples.
func nothing() column {
	return column{low: float32(math.Inf(1)), high: float32(math.Inf(-1))}
}

// trace sums samples up in columns. It does not know how many samples come: when there are limit columns it makes one of each two.
type trace struct {
	limit   int   // even
	size    int64 // samples a column
	columns []column
	open    column  // the last one
	last    float32 // sample; what is before the first one is silence

	n      int64 // samples so far
	step   float32
	stepAt int64 // sample after the largest step
	peak   float32
}

func newTrace(limit int, size int64) *trace {
	return &trace{limit: limit, size: size, open: nothing()}
}

func (t *trace) write(samples []float32) {
	for len(samples) > 0 {
		k := min(int64(len(samples)), t.size-t.open.n)
		t.extend(samples[:k])
		samples = samples[k:]
		if t.open.n == t.size {
			t.push()
		}
	}
}

// extend adds samples to the open column, which has room for them.
func (t *trace) extend(samples []float32) {
	c, last := &t.open, t.last
	for i, x := range samples {
		d := x - last
		last = x
		c.low, c.high = min(c.low, x), max(c.high, x)
		c.square += float64(d) * float64(d)
		if d = max(d, -d); d > c.step {
			c.step = d
			if d > t.step {
				t.step, t.stepAt = d, t.n+int64(i)
			}
		}
	}
	t.last = last
	t.n += int64(len(samples))
	c.n += int64(len(samples))
}

func (t *trace) push() {
	t.peak = max(t.peak, t.open.high, -t.open.low)
	t.columns = append(t.columns, t.open)
	t.open = nothing()
	if len(t.columns) < t.limit {
		return
	}
	half := t.limit / 2
	for i := range half {
		c := t.columns[2*i]
		c.add(t.columns[2*i+1])
		t.columns[i] = c
	}
	t.columns = t.columns[:half]
	t.size *= 2
}

// finish closes the last column. What comes after the last sample is silence: a signal that ends elsewhere ends with a click.
func (t *trace) finish() {
	if t.n == 0 {
		return
	}
	d := max(t.last, -t.last)
	end := &t.open
	if t.open.n == 0 {
		end = &t.columns[len(t.columns)-1]
	}
	end.step = max(end.step, d)
	end.square += float64(d) * float64(d)
	if d > t.step {
		t.step, t.stepAt = d, t.n
	}
	if t.open.n > 0 {
		t.push()
	}
}

// span is the columns that samples from..to fall into, as one. At least one column is taken.
func (t *trace) span(from, to int64) column {
	first := min(from/t.size, int64(len(t.columns))-1)
	last := min(max((to-1)/t.size, first), int64(len(t.columns))-1)
	c := t.columns[first]
	for _, d := range t.columns[first+1 : last+1] {
		c.add(d)
	}
	return c
}
