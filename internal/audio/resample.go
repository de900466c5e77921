package audio

import (
	"fmt"
	"slices"

	"github.com/orotund/orotund/internal/speech"
)

const (
	// maxPhases is the most rows of a filter that are made exactly; ratios of more (odd pairs of rates) go between two of
	// interpolatedPhases rows, at twice the cost. Linear interpolation over 1/512 of a sample errs by less than -106 dB.
	maxPhases          = 1024
	interpolatedPhases = 512

	// resampleBlock is how many input samples are taken in at a time.
	resampleBlock = 1024
)

// Resampler changes the sample rate of one stream: a polyphase filter with a Kaiser window, linear in phase, and compensated for
// its delay, so sample k of the output lies at time k/to exactly. Up to 0.85 of the lower Nyquist frequency the level is kept
// within 0.01 dB; from that Nyquist frequency on everything is down by more than 95 dB, so nothing aliases. It is used by one
// goroutine at a time.
type Resampler struct {
	from, to int
	up, down int // the ratio in lowest terms
	filter   *polyphase

	buf    []float32 // input from before the next output on
	index  int       // in buf, of the first sample under the filter for the next output
	phase  int       // of the next output, in 1/up input samples
	step   int       // whole input samples from one output to the next …
	remain int       // … and the rest in 1/up
	in     int64     // samples taken in
	out    int64     // samples given out
}

// A source may be taken to be at half or twice the rate that it has, to change its pitch by an octave.
const (
	minSourceRate = speech.MinSampleRate / 2
	maxSourceRate = speech.MaxSampleRate * 2
)

// NewResampler returns a resampler from a rate of speech.MinSampleRate/2 to 2·speech.MaxSampleRate Hz to one of speech.MinSampleRate
// to speech.MaxSampleRate Hz. Between usual rates it is cheap: their filters are made once a process. Others take about a millisecond.
func NewResampler(from, to int) (*Resampler, error) {
	if from < minSourceRate || from > maxSourceRate {
		return nil, fmt.Errorf("resample %d Hz to %d Hz: sources are from %d to %d Hz", from, to, minSourceRate, maxSourceRate)
	}
	if err := checkRate(fmt.Sprintf("resample %d Hz", from), to); err != nil {
		return nil, err
	}
	g := gcd(from, to)
	r := &Resampler{from: from, to: to, up: to / g, down: from / g}
	r.step, r.remain = r.down/r.up, r.down%r.up
	if from != to {
		phases := r.up
		if phases > maxPhases {
			phases = interpolatedPhases
		}
		r.filter = filterFor(from, to, phases)
		r.buf = make([]float32, 0, r.filter.width+resampleBlock)
	}
	r.Reset()
	return r, nil
}

// Delay returns how many input samples must follow the time of an output sample before that sample leaves.
func (r *Resampler) Delay() int {
	if r.filter == nil {
		return 0
	}
	return r.filter.width - r.filter.before
}

// Process takes in src and appends to dst the samples that are ready.
func (r *Resampler) Process(dst, src []float32) []float32 {
	r.in += int64(len(src))
	if r.filter == nil {
		r.out = r.in
		return append(dst, src...)
	}
	dst = slices.Grow(dst, int(int64(len(src))*int64(r.up)/int64(r.down))+1)
	for len(src) > 0 {
		n := min(len(src), resampleBlock)
		dst = r.block(dst, src[:n])
		src = src[n:]
	}
	return dst
}

// Flush tells that the input is whole and appends to dst what is left, so that n samples in have made exactly n·to/from, rounded
// to the nearest, out. The resampler is then as new.
func (r *Resampler) Flush(dst []float32) []float32 {
	if r.filter != nil {
		left := (2*r.in*int64(r.up)+int64(r.down))/(2*int64(r.down)) - r.out
		end := len(dst) + int(left)
		// Silence follows the end. No output lies past the last input, so this much brings all of them.
		silence := make([]float32, r.Delay()+1)
		for len(dst) < end {
			dst = r.block(dst, silence[:min(len(silence), resampleBlock)])
		}
		dst = dst[:end]
	}
	r.Reset()
	return dst
}

// Reset forgets the stream.
func (r *Resampler) Reset() {
	r.in, r.out, r.index, r.phase = 0, 0, 0, 0
	if r.filter != nil {
		// Silence comes before the beginning; the first output lies at the first input.
		r.buf = r.buf[:r.filter.before-1]
		clear(r.buf)
	}
}

// block takes in at most resampleBlock samples and appends what they complete.
func (r *Resampler) block(dst, src []float32) []float32 {
	// What no output needs any more makes room.
	drop := min(r.index, len(r.buf))
	r.buf = r.buf[:copy(r.buf, r.buf[drop:])]
	r.index -= drop
	r.buf = append(r.buf, src...)

	before := len(dst)
	if r.filter.phases == r.up {
		dst = r.exact(dst)
	} else {
		dst = r.between(dst)
	}
	r.out += int64(len(dst) - before)
	return dst
}

// exact makes output from rows that lie at the outputs' times.
func (r *Resampler) exact(dst []float32) []float32 {
	width, rows := r.filter.width, r.filter.rows
	index, phase := r.index, r.phase
	for index+width <= len(r.buf) {
		row := rows[phase*width:]
		dst = append(dst, dot(r.buf[index:index+width], row))
		index += r.step
		if phase += r.remain; phase >= r.up {
			phase -= r.up
			index++
		}
	}
	r.index, r.phase = index, phase
	return dst
}

// between makes output from the two rows around each output's time.
func (r *Resampler) between(dst []float32) []float32 {
	width, rows := r.filter.width, r.filter.rows
	perPhase := float64(r.filter.phases) / float64(r.up)
	for r.index+width <= len(r.buf) {
		at := float64(r.phase) * perPhase
		row := int(at)
		in := r.buf[r.index : r.index+width]
		a, b := dot(in, rows[row*width:]), dot(in, rows[(row+1)*width:])
		dst = append(dst, a+(b-a)*float32(at-float64(row)))
		r.index += r.step
		if r.phase += r.remain; r.phase >= r.up {
			r.phase -= r.up
			r.index++
		}
	}
	return dst
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
