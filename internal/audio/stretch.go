package audio

import (
	"fmt"
	"math"
	"slices"

	"github.com/orotund/orotund/internal/speech"
)

const (
	hopsPerSecond  = 100 // 10 ms of output are made at a time, as a fade between two places of the input
	searchPerMille = 8   // ms that a place may move either way: together more than a period of the lowest voice (62 Hz)
	coarseRate     = 8000
	stretchBlock   = 1024 // input samples taken in at a time
)

// Stretcher changes the speed of one stream and keeps its pitch (WSOLA: waveform similarity overlap-add). The output is a chain
// of fades; each leads from how the last piece would have gone on to a piece near the place where the input should be by now,
// the one that is most like that continuation. It is used by one goroutine at a time.
type Stretcher struct {
	speed  float64
	hop    int       // samples that a fade takes, a multiple of dotBlock
	radius int       // samples that a piece may be moved
	coarse int       // samples between the candidates of the first search
	fade   []float32 // rises from 0 to 1 over a hop

	buf  []float32 // input from sample base on
	base int64
	in   int64 // samples taken in
	hops int64 // made
	cont int64 // input sample at which the last piece goes on
}

// The speeds that a stretcher takes are wider than those that can be asked for: raising the pitch by an octave halves the speed here,
// and the resampler that follows doubles it again.
const (
	minStretch = speech.MinSpeed / 2
	maxStretch = speech.MaxSpeed * 2
)

// NewStretcher returns a stretcher for a stream at sampleRate Hz whose speech shall be speed times as fast, from
// speech.MinSpeed/2 to 2·speech.MaxSpeed. At speed 1 samples pass as they are.
func NewStretcher(sampleRate int, speed float64) (*Stretcher, error) {
	if err := checkRate("stretch", sampleRate); err != nil {
		return nil, err
	}
	if !(speed >= minStretch && speed <= maxStretch) {
		return nil, fmt.Errorf("stretch to speed %g: speeds are from %g to %g", speed, minStretch, maxStretch)
	}
	hop := (sampleRate/hopsPerSecond + dotBlock - 1) / dotBlock * dotBlock
	s := &Stretcher{
		speed:  speed,
		hop:    hop,
		radius: sampleRate * searchPerMille / 1000,
		coarse: max(1, sampleRate/coarseRate),
		fade:   make([]float32, hop),
	}
	for i := range s.fade {
		sin := math.Sin(math.Pi / 2 * (float64(i) + 0.5) / float64(hop))
		s.fade[i] = float32(sin * sin)
	}
	// From the earliest sample that a hop needs to the latest, and as much again as is taken in at a time.
	span := int(math.Ceil(float64(hop)*max(speed, 1))) + 4*s.radius + 6*hop
	s.buf = make([]float32, 0, span+stretchBlock)
	return s, nil
}

// Delay returns the input samples beyond the time of an output sample that the stretcher may wait for.
func (s *Stretcher) Delay() int {
	if s.speed == 1 {
		return 0
	}
	delay := 2*s.hop + s.radius + int(math.Ceil(float64(s.hop)*s.speed))
	if s.speed < 0.5 {
		delay += s.radius // at the start: bounds
	}
	return delay
}

// Process takes in src and appends to dst the samples that are ready.
func (s *Stretcher) Process(dst, src []float32) []float32 {
	if s.speed == 1 {
		return append(dst, src...)
	}
	dst = slices.Grow(dst, int(float64(len(src))/s.speed)+2*s.hop)
	for len(src) > 0 {
		n := min(len(src), stretchBlock)
		s.buf = append(s.buf, src[:n]...)
		s.in += int64(n)
		src = src[n:]
		for {
			low, high := s.bounds()
			// The piece is there, and so is how it goes on, which is faded out next.
			if max(high+int64(s.hop), s.cont)+int64(s.hop) > s.in {
				break
			}
			dst = s.make(dst, low, high, s.hop)
		}
		s.forget()
	}
	return dst
}

// Flush tells that the input is whole and appends to dst what is left, so that n samples in have made exactly n/speed, rounded
// to the nearest, out. The stretcher is then as new.
func (s *Stretcher) Flush(dst []float32) []float32 {
	if s.speed == 1 {
		return dst
	}
	total := int64(math.Round(float64(s.in) / s.speed))
	end := len(dst) + int(total-s.hops*int64(s.hop))
	dst = slices.Grow(dst, end-len(dst)+s.hop)
	for len(dst) < end {
		// The last hop may be cut short. A piece and how it goes on in the next hop must be there, or the end would click.
		part := min(s.hop, end-len(dst))
		next := min(s.hop, end-len(dst)-part)
		last := max(0, s.in-int64(part+next))
		low, high := s.bounds()
		// Near the end the choice shifts to earlier places, and stays as wide.
		if high > last {
			low, high = max(0, min(low, last-2*int64(s.radius))), last
		}
		for need := max(high, s.cont) + int64(s.hop); s.base+int64(len(s.buf)) < need; {
			s.buf = append(s.buf, 0) // silence follows the end
		}
		dst = s.make(dst, low, high, (part+dotBlock-1)/dotBlock*dotBlock)
		s.forget()
	}
	s.Reset()
	return dst[:end]
}

// Reset forgets the stream.
func (s *Stretcher) Reset() {
	s.buf, s.base, s.in, s.hops, s.cont = s.buf[:0], 0, 0, 0, 0
}

// bounds returns the first and the last place where the next piece may begin. In its middle the piece, whose loudest moment is
// its end after one hop, is where the input should be after as much output.
func (s *Stretcher) bounds() (low, high int64) {
	hop := int64(s.hop)
	// Slow speech repeats pieces that are longer than the input that belongs there, and so would be heard early by a share of a hop.
	late := 0.5 * max(0, 1-s.speed) * float64(hop)
	at := max(0, int64(math.Round(float64((s.hops+1)*hop)*s.speed-late))-hop)
	if s.speed < 0.5 && at < int64(s.radius) {
		// Slow speech stays near the start for long. The choice shifts to later places, and stays wide enough for any voice.
		return 0, 2 * int64(s.radius)
	}
	return max(0, at-int64(s.radius)), at + int64(s.radius)
}

// make appends one hop of output, which fades to a piece that begins from low to high and is chosen by its first match samples.
func (s *Stretcher) make(dst []float32, low, high int64, match int) []float32 {
	from := s.buf[s.cont-s.base:][:s.hop]
	around := s.buf[low-s.base : high-s.base+int64(s.hop)]
	at := s.search(from[:match], around[:len(around)-s.hop+match])
	to := around[at:][:s.hop]
	fade := s.fade[:len(from)]
	to = to[:len(from)]
	for i, v := range from {
		dst = append(dst, v+(to[i]-v)*fade[i])
	}
	s.cont = low + int64(at) + int64(s.hop)
	s.hops++
	return dst
}

// search returns where in around a piece begins that is most like piece: the one with the least squared difference, looked for
// on a coarse grid (speech has its energy below 3 kHz) and then around the best of that. Of equals, as in silence, it is the one
// nearest the middle.
func (s *Stretcher) search(piece, around []float32) int {
	lags := len(around) - len(piece) + 1
	best := lags / 2
	score := s.likeness(piece, around[best:])
	for lag := best % s.coarse; lag < lags; lag += s.coarse {
		if v := s.likeness(piece, around[lag:]); v > score {
			best, score = lag, v
		}
	}
	for lag, end := max(0, best-s.coarse+1), min(lags, best+s.coarse); lag < end; lag++ {
		if v := s.likeness(piece, around[lag:]); v > score {
			best, score = lag, v
		}
	}
	return best
}

// likeness is greater the less piece and the beginning of x differ: minus the squared difference, less the energy of piece,
// which is the same for all.
func (s *Stretcher) likeness(piece, x []float32) float32 {
	x = x[:len(piece)]
	return 2*dot(piece, x) - dot(x, x)
}

// forget drops what no later hop needs, whether the input goes on or ends here.
func (s *Stretcher) forget() {
	low, _ := s.bounds()
	drop := min(low, s.cont, s.in-int64(2*s.hop+2*s.radius)) - s.base
	if drop <= 0 {
		return
	}
	s.buf = s.buf[:copy(s.buf, s.buf[min(drop, int64(len(s.buf))):])]
	s.base += drop
}
