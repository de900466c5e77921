package conformance

import "math"

// Likeness compares loudness in windows, and lets the one rendering run ahead of the other for so many: a pause may differ.
const (
	windowMS = 20
	slack    = 15
)

// likeness is the correlation of the loudness of two renderings over time, with the one stretched and shrunk to fit the other best
// (dynamic time warping): nearly 1 for the same text.
func likeness(a, b *utterance) float64 {
	x, y := a.envelope(), b.envelope()
	i, j := len(x)-1, len(y)-1
	if i < 0 || j < 0 {
		return 0
	}
	cost := warp(x, y)
	var px, py []float64
	for i >= 0 && j >= 0 { // back along the best path
		px, py = append(px, x[i]), append(py, y[j])
		switch diagonal, up, left := at(cost, i-1, j-1), at(cost, i-1, j), at(cost, i, j-1); {
		case diagonal <= up && diagonal <= left:
			i, j = i-1, j-1
		case up <= left:
			i--
		default:
			j--
		}
	}
	return correlation(px, py)
}

// envelope is the loudness of each window, the root of its RMS, so that quiet sounds count too.
func (u *utterance) envelope() []float64 {
	window := u.rate * windowMS / 1000
	out := make([]float64, len(u.pcm)/window)
	for i := range out {
		out[i] = math.Sqrt(rms(u.pcm[i*window : (i+1)*window]))
	}
	return out
}

// warp returns the cost of the best path to each pair of windows that are at most slack apart, more than any path elsewhere.
func warp(x, y []float64) [][]float64 {
	cost := make([][]float64, len(x))
	for i := range x {
		cost[i] = make([]float64, len(y))
		for j := range y {
			before := min(at(cost, i-1, j-1), at(cost, i-1, j), at(cost, i, j-1))
			if i == 0 && j == 0 {
				before = 0
			}
			if cost[i][j] = before + math.Abs(x[i]-y[j]); i-j > slack || j-i > slack {
				cost[i][j] = math.Inf(1)
			}
		}
	}
	return cost
}

func at(cost [][]float64, i, j int) float64 {
	if i < 0 || j < 0 {
		return math.Inf(1)
	}
	return cost[i][j]
}

func correlation(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(y))
	}
	var xy, xx, yy float64
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}
