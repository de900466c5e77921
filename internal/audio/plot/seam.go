package plot

import (
	"cmp"
	"slices"
	"time"
)

// seamReach is how far from the edge of a segment a step counts as one of the seam.
const seamReach = 2 * time.Millisecond

// seamSteps finds the largest step near the edges of segments.
type seamSteps struct {
	near []reach // apart, ascending
	n    int64   // samples so far
	last float32
	step float32
	at   int64
}

// reach is samples from..to-1.
type reach struct{ from, to int64 }

func newSeamSteps(seams []Seam, rate int) *seamSteps {
	var all []reach
	for _, s := range seams {
		for _, edge := range []time.Duration{s.End, s.Start} {
			all = append(all, reach{sample(edge-seamReach, rate), sample(edge+seamReach, rate) + 1})
		}
	}
	slices.SortFunc(all, func(a, b reach) int { return cmp.Compare(a.from, b.from) })
	s := &seamSteps{}
	for _, r := range all {
		if k := len(s.near); k > 0 && r.from <= s.near[k-1].to {
			s.near[k-1].to = max(s.near[k-1].to, r.to)
			continue
		}
		s.near = append(s.near, r)
	}
	return s
}

func (s *seamSteps) write(samples []float32) {
	end := s.n + int64(len(samples))
	for len(s.near) > 0 && s.near[0].from < end {
		for i := max(s.near[0].from, s.n); i < min(s.near[0].to, end); i++ {
			before := s.last
			if i > s.n {
				before = samples[i-s.n-1]
			}
			if d := samples[i-s.n] - before; max(d, -d) > s.step {
				s.step, s.at = max(d, -d), i
			}
		}
		if s.near[0].to > end {
			break
		}
		s.near = s.near[1:]
	}
	if len(samples) > 0 {
		s.last = samples[len(samples)-1]
	}
	s.n = end
}
