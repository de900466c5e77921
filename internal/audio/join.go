package audio

import (
	"math"
	"slices"
	"time"
)

// EdgeLevel is the level in dBFS from which audio is taken to be audible: the Joiner lets a segment begin and end at milliseconds that
// reach it, within ten milliseconds that reach it together. It suits voices at -23 to -16 LUFS. At -19 LUFS the noise that flite's voices
// have around speech is at -55 dBFS (awb, kal) to -66 (rms), espeak-ng has none there, and the soft ends of words, as the f of "enough",
// are at -40 to -52; what fades below that stays as the decay. Audio that shall be much quieter or louder is made so after it was joined.
const EdgeLevel = -53.0

const (
	edgeBlocks = 1000                    // a second: edges are found to 1 ms …
	edgeWindow = 10                      // … where the level of so many ms is over EdgeLevel too: noise has peaks
	leadTime   = 30 * time.Millisecond   // kept before the first audible block: the softest part of an onset
	tailTime   = 120 * time.Millisecond  // kept after the last: a decay in a room
	fadeTime   = 4 * time.Millisecond    // that a seam fades at least, into what is audible where there is nothing else
	holdTime   = 2000 * time.Millisecond // silence that is held back, as it may be the end
)

// Joiner puts segments of one stream one after another. It takes away the silence before and after each, and puts the silence that
// is wanted between them. What lies just before the first and after the last audible moment is kept and faded, so no onset and no
// decay is cut; where the pause is shorter than that, the two overlap. Silence inside a segment stays as it is. It is used by one
// goroutine at a time.
//
// A sample leaves 5 ms after it came as long as the segment is audible. In silence samples wait until more of the segment follows,
// and leave after 2 s.
type Joiner struct {
	rate                   int
	block                  int // samples
	lead, tail, fade, hold int
	loud                   float64 // mean square of EdgeLevel

	out int64 // samples given out

	// The seam: what is between the segment that ended last and the next.
	joins   bool  // something audible came before
	heard   int64 // output sample, one past the last audible
	end     int64 // one past those that are not up for trimming: heard, or later if silence had to leave
	pause   int64 // samples wanted after heard
	rest    []float32
	settled bool // rest, which follows out, has its final length and fade

	// The segment at hand.
	active  bool
	held    []float32 // what has not left of it; in use from head on
	head    int
	fill    int                 // samples of the block at hand …
	energy  float64             // … and the sum of their squares
	window  [edgeWindow]float64 // the same of the last blocks, the latest first
	taken   int64               // samples of whole blocks
	sounds  bool                // something audible has come
	last    int                 // one past the last audible sample, from head on; negative if it has left
	passed  bool                // silence has left
	rising  int                 // samples that the fade at the start has to go
	rise    int                 // its length
	origin  int64
	from    int64 // output sample, the first audible
	to      int64
	hasSpan bool
}

// NewJoiner returns a joiner for a stream at sampleRate Hz.
func NewJoiner(sampleRate int) (*Joiner, error) {
	if err := checkRate("join", sampleRate); err != nil {
		return nil, err
	}
	j := &Joiner{rate: sampleRate, block: sampleRate / edgeBlocks, loud: math.Pow(10, EdgeLevel/10)}
	j.lead, j.tail = int(j.samples(leadTime)), int(j.samples(tailTime))
	j.fade, j.hold = int(j.samples(fadeTime)), int(j.samples(holdTime))
	return j, nil
}

// samples is how many samples a time takes, rounded to the nearest.
func (j *Joiner) samples(d time.Duration) int64 {
	return int64(math.Round(float64(max(d, 0)) * float64(j.rate) / float64(time.Second)))
}

// Begin tells that a segment begins. One that is at hand without End is cut off where it is.
func (j *Joiner) Begin() {
	if j.active && j.sounds {
		j.joins, j.heard, j.end, j.pause = true, j.out, j.out, 0
		j.rest, j.settled = j.rest[:0], true
	}
	j.active, j.sounds, j.passed, j.hasSpan = true, false, false, false
	j.held, j.head, j.fill, j.energy, j.taken = j.held[:0], 0, 0, 0, 0
	j.window = [edgeWindow]float64{}
}

// Process takes in samples of the segment and appends to dst those that are ready.
func (j *Joiner) Process(dst, src []float32) []float32 {
	if !j.active {
		j.Begin()
	}
	for len(src) > 0 {
		n := min(len(src), j.block-j.fill)
		j.held = append(j.held, src[:n]...)
		energy := j.energy
		for _, v := range src[:n] {
			energy += float64(v) * float64(v)
		}
		j.energy = energy
		src = src[n:]
		if j.fill += n; j.fill == j.block {
			dst = j.endBlock(dst)
		}
	}
	return dst
}

// endBlock decides about the block at hand.
func (j *Joiner) endBlock(dst []float32) []float32 {
	n, audible := j.fill, j.energy > j.loud*float64(j.fill)
	copy(j.window[1:], j.window[:])
	j.window[0] = j.energy
	j.taken += int64(n)
	j.fill, j.energy = 0, 0
	sum := 0.0
	for _, v := range j.window {
		sum += v
	}
	audible = audible && sum > j.loud*float64(edgeWindow*j.block)
	switch {
	case !j.sounds && !audible:
		j.drop(len(j.held) - j.head - j.lead - (edgeWindow-1)*j.block)
	case !j.sounds:
		for i := edgeWindow - 1; i > 0; i-- { // the first that was loud
			if j.window[i] > j.loud*float64(j.block) {
				n += i * j.block
				break
			}
		}
		dst = j.onset(dst, n)
	default:
		j.fadeIn(j.held[len(j.held)-n:])
	}
	if audible {
		j.last = len(j.held) - j.head
		return j.release(dst, j.last-j.fade)
	}
	if over := len(j.held) - j.head - j.hold; j.sounds && over > 0 {
		j.passed = true
		return j.release(dst, over)
	}
	return dst
}

// onset gives the segment its place in the output when it has become audible, n samples ago, and appends what lies between the segment
// before and it.
func (j *Joiner) onset(dst []float32, n int) []float32 {
	lead := min(len(j.held)-j.head-n, j.lead)
	at := int64(lead)
	if j.joins {
		at = max(j.heard+j.pause, j.end)
		room := at - j.end
		lead = int(min(int64(lead), room))
		j.settle(room)
		dst = j.bridge(dst, at-int64(lead))
	}
	j.drop(len(j.held) - j.head - n - lead)
	j.rise = max(lead, j.fade)
	j.rising = j.rise
	x := j.held[j.head:]
	j.fadeIn(x)
	for i, v := range j.rest { // it ends where the segment is audible, or before
		x[i] += v
	}
	j.rest = j.rest[:0]
	j.sounds, j.from, j.origin = true, at, at-(j.taken-int64(n))
	return dst
}

// bridge appends the rest of the segment before, and silence, up to an output sample.
func (j *Joiner) bridge(dst []float32, to int64) []float32 {
	n := int(to - j.out)
	k := min(n, len(j.rest))
	dst = append(dst, j.rest[:k]...)
	j.rest = j.rest[:copy(j.rest, j.rest[k:])]
	dst = slices.Grow(dst, n-k)
	at := len(dst)
	dst = dst[:at+n-k]
	clear(dst[at:])
	j.out = to
	return dst
}

// fadeIn goes on with the fade at the start of the segment, if it is not over.
func (j *Joiner) fadeIn(x []float32) {
	for i := range x[:min(len(x), j.rising)] {
		x[i] *= fadeAt(j.rise-j.rising, j.rise)
		j.rising--
	}
}

// fadeAt is the gain at sample i of a fade over n: half a period of a cosine, raised.
func fadeAt(i, n int) float32 {
	return float32(0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/float64(n)))
}

// drop forgets the first n samples that are held; none if n is not positive.
func (j *Joiner) drop(n int) {
	if n <= 0 {
		return
	}
	j.head += n
	if j.head >= len(j.held)-j.head {
		j.held = j.held[:copy(j.held, j.held[j.head:])]
		j.head = 0
	}
}

// release appends the first n samples that are held; none if n is not positive.
func (j *Joiner) release(dst []float32, n int) []float32 {
	if n <= 0 {
		return dst
	}
	dst = append(dst, j.held[j.head:j.head+n]...)
	j.out += int64(n)
	j.last -= n
	j.drop(n)
	return dst
}

// End tells that the segment is whole, and how much silence is wanted between its last audible sample and the first of the next
// segment. It appends to dst what is ready. A segment in which nothing is audible disappears, and the longer of the pauses around it
// counts.
func (j *Joiner) End(dst []float32, pause time.Duration) []float32 {
	if j.fill > 0 {
		dst = j.endBlock(dst)
	}
	wanted := j.samples(pause)
	j.active, j.hasSpan = false, j.sounds
	if !j.sounds {
		j.pause = max(j.pause, wanted)
		return dst
	}
	j.sounds = false
	j.joins, j.pause, j.settled = true, wanted, false
	j.heard = j.out + int64(j.last)
	j.to = j.heard
	x := j.held[j.head:]
	if j.passed { // the fade begins in what is left of the silence
		j.last = max(j.last, min(j.fade, len(x)))
	}
	j.end = j.out + int64(j.last)
	x = x[:min(len(x), j.last+j.tail)]
	j.rest = append(j.rest[:0], x...)
	if room := max(j.heard+wanted, j.end) - j.end; int64(len(x)-j.last) <= room {
		// What does not meet the next segment's lead leaves now.
		j.settle(room)
		if n := min(j.out+int64(len(j.rest)), j.end+room-int64(j.lead)); n > j.out {
			dst = j.bridge(dst, n)
		}
	}
	return dst
}

// settle fades the rest of the segment before, of which as much as there is room for follows its last audible sample.
func (j *Joiner) settle(room int64) {
	if j.settled {
		return
	}
	j.settled = true
	kept := int(j.end - j.out)
	tail := int(min(int64(len(j.rest)-kept), room))
	j.rest = j.rest[:kept+tail]
	n := min(len(j.rest), max(tail, j.fade))
	for i := range n {
		j.rest[len(j.rest)-1-i] *= fadeAt(i, n)
	}
}

// Flush tells that there is no next segment, and appends to dst the decay of the last; the pause after it is left out. The joiner is
// then as new.
func (j *Joiner) Flush(dst []float32) []float32 {
	if j.active {
		dst = j.End(dst, 0)
	}
	if j.joins {
		j.settle(int64(j.tail))
		dst = append(dst, j.rest...)
	}
	j.Reset()
	return dst
}

// Reset forgets the stream.
func (j *Joiner) Reset() {
	j.out, j.joins, j.heard, j.end, j.pause = 0, false, 0, 0, 0
	j.rest, j.settled = j.rest[:0], false
	j.active, j.sounds, j.passed, j.hasSpan = false, false, false, false
	j.held, j.head, j.fill, j.energy, j.taken = j.held[:0], 0, 0, 0, 0
	j.window = [edgeWindow]float64{}
}

// Origin returns the output sample at which sample 0 of the segment at hand lies; negative if its silence was trimmed to before the
// output's start. It is false until something of the segment was audible, and after End.
func (j *Joiner) Origin() (sample int64, ok bool) { return j.origin, j.active && j.sounds }

// Span returns the output samples, first and one past the last, between which the segment that ended last is audible, to 1 ms. It is
// false if it was nowhere.
func (j *Joiner) Span() (from, to int64, ok bool) { return j.from, j.to, j.hasSpan }
