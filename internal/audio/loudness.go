package audio

import "math"

// ITU-R BS.1770-4. The two filters of its K-weighting are given for 48 kHz (tables 1 and 2).
const (
	kWeightRate  = 48000
	calibration  = 997    // Hz, at which loudness is defined, on the slope of the first filter
	passCorner   = 38     // Hz, of the second
	loudnessZero = -0.691 // LUFS of a mean square of 1 after the weighting
	absoluteGate = -70.0  // LUFS
	relativeGate = -10.0  // LU below the loudness of what passes the absolute gate

	loudnessHops = 10 // a second; blocks are of hopsPerBlock hops and overlap by all but one
	hopsPerBlock = 4

	// Blocks are counted by their loudness, in steps so small that the result is off by less than half of one.
	loudnessStep = 0.01 // LU
	loudnessBins = 8000 // from absoluteGate up to 10 LUFS
)

// Loudness measures the integrated loudness of one stream by ITU-R BS.1770-4 for a single channel: K-weighting, blocks of 400 ms
// that overlap by 75 %, gates at -70 LUFS and at 10 LU below the mean. It takes 32 kB however long the stream is, and errs by less
// than 0.01 LU. It is used by one goroutine at a time.
type Loudness struct {
	shelf, pass biquad
	hop         int // samples

	fill   int     // samples of the hop at hand
	sum    float64 // of their squares
	hops   [hopsPerBlock - 1]float64
	passed int // whole hops; counted up to hopsPerBlock-1

	blocks uint64  // above the absolute gate …
	energy float64 // … and the sum of their mean squares
	bins   [loudnessBins]uint32
}

// NewLoudness returns a meter for a stream at sampleRate Hz.
func NewLoudness(sampleRate int) (*Loudness, error) {
	if err := checkRate("measure loudness", sampleRate); err != nil {
		return nil, err
	}
	return &Loudness{
		shelf: biquad{b0: 1.53512485958697, b1: -2.69169618940638, b2: 1.19839281085285, a1: -1.69065929318241, a2: 0.73248077421585}.
			at(sampleRate, calibration),
		pass: biquad{b0: 1, b1: -2, b2: 1, a1: -1.99004745483398, a2: 0.99007225036621}.at(sampleRate, passCorner),
		hop:  loudnessHop(sampleRate),
	}, nil
}

func loudnessHop(sampleRate int) int { return (sampleRate + loudnessHops/2) / loudnessHops }

// Write takes in the samples of x.
func (m *Loudness) Write(x []float32) {
	for len(x) > 0 {
		n := min(len(x), m.hop-m.fill)
		m.weigh(x[:n])
		x = x[n:]
		if m.fill += n; m.fill == m.hop {
			m.endHop()
		}
	}
}

// weigh adds the squares of the weighted samples to the sum.
func (m *Loudness) weigh(x []float32) {
	s, p, sum := m.shelf, m.pass, m.sum
	for _, v := range x {
		in := float64(v)
		mid := s.b0*in + s.z1
		s.z1 = s.b1*in - s.a1*mid + s.z2
		s.z2 = s.b2*in - s.a2*mid
		out := p.b0*mid + p.z1
		p.z1 = p.b1*mid - p.a1*out + p.z2
		p.z2 = p.b2*mid - p.a2*out
		sum += out * out
	}
	m.shelf, m.pass, m.sum = s, p, sum
}

// endHop counts the block that ends with the hop.
func (m *Loudness) endHop() {
	if m.passed == len(m.hops) {
		mean := (m.hops[0] + m.hops[1] + m.hops[2] + m.sum) / float64(hopsPerBlock*m.hop)
		if l := lufs(mean); l > absoluteGate {
			m.blocks++
			m.energy += mean
			m.bins[min(int((l-absoluteGate)/loudnessStep), loudnessBins-1)]++
		}
	} else {
		m.passed++
	}
	m.hops[0], m.hops[1], m.hops[2] = m.hops[1], m.hops[2], m.sum
	m.sum, m.fill = 0, 0
	m.shelf.settle()
	m.pass.settle()
}

// Integrated returns the loudness of all that was taken in, in LUFS; false as long as no block is above the gates, as in less than
// 400 ms.
func (m *Loudness) Integrated() (lufs float64, ok bool) {
	lufs, blocks := m.gated()
	return lufs, blocks > 0
}

// gated returns the loudness of the blocks above the gates and how many there are.
func (m *Loudness) gated() (loudness float64, blocks uint64) {
	if m.blocks == 0 {
		return 0, 0
	}
	gate := lufs(m.energy/float64(m.blocks)) + relativeGate
	first := max(0, int(math.Ceil((gate-absoluteGate)/loudnessStep-0.5)))
	sum := 0.0
	for i := first; i < loudnessBins; i++ {
		if n := m.bins[i]; n > 0 {
			middle := absoluteGate + (float64(i)+0.5)*loudnessStep
			sum += float64(n) * math.Pow(10, (middle-loudnessZero)/10)
			blocks += uint64(n)
		}
	}
	if blocks == 0 { // it takes blocks of more than 10 LUFS
		return lufs(m.energy / float64(m.blocks)), m.blocks
	}
	return lufs(sum / float64(blocks)), blocks
}

// Reset forgets the stream.
func (m *Loudness) Reset() {
	*m = Loudness{shelf: m.shelf.still(), pass: m.pass.still(), hop: m.hop}
}

// lufs is the loudness of a weighted mean square.
func lufs(mean float64) float64 { return loudnessZero + 10*math.Log10(mean) }

// biquad is a filter of the second order and its state.
type biquad struct {
	b0, b1, b2, a1, a2 float64
	z1, z2             float64
}

// at returns the filter, which is of kWeightRate, for another rate. Its polynomials in (1-1/z)/(1+1/z), which stands for
// j·tan(π·f/rate), are stretched so that its response at hz stays as it is.
func (q biquad) at(rate int, hz float64) biquad {
	n0, n1, n2 := q.b0+q.b1+q.b2, 2*(q.b0-q.b2), q.b0-q.b1+q.b2
	d0, d1, d2 := 1+q.a1+q.a2, 2*(1-q.a2), 1-q.a1+q.a2
	m := math.Tan(math.Pi*hz/kWeightRate) / math.Tan(math.Pi*hz/float64(rate))
	n1, n2, d1, d2 = n1*m, n2*m*m, d1*m, d2*m*m
	norm := 1 / (d0 + d1 + d2)
	return biquad{
		b0: (n0 + n1 + n2) * norm, b1: 2 * (n0 - n2) * norm, b2: (n0 - n1 + n2) * norm,
		a1: 2 * (d0 - d2) * norm, a2: (d0 - d1 + d2) * norm,
	}
}

// settle makes a state 0 that has all but decayed: numbers that come nearer to 0 are slow to calculate with.
func (q *biquad) settle() {
	const gone = 1e-30
	if math.Abs(q.z1) < gone && math.Abs(q.z2) < gone {
		q.z1, q.z2 = 0, 0
	}
}

// still returns the filter without its state.
func (q biquad) still() biquad {
	q.z1, q.z2 = 0, 0
	return q
}
