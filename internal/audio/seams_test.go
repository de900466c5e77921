package audio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// The gate of issue 3: random segments of random voices, engines, rates and levels, through the whole path of an utterance. What is
// heard is measured in the output alone, with other means than those of the Joiner.

const (
	seamTarget  = -20.0 // LUFS
	seamsStream = 50    // joins in one output
)

// clip is a voice that is steady, so that any stretch of it is as loud as the whole.
type clip struct {
	rate     int
	x        []float32
	loudness float64
	peak     float64
}

// clips are harmonic tones like vowels of many voices, at many rates.
func clips(rng *rand.Rand) []clip {
	var out []clip
	for _, rate := range []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000} {
		for range 3 {
			f0, vibrato := 90+170*rng.Float64(), 0.002+0.01*rng.Float64()
			formants := [3]float64{300 + 500*rng.Float64(), 900 + 900*rng.Float64(), 2300 + 700*rng.Float64()}
			top := min(5000, 0.42*float64(rate))
			x := make([]float32, rate/2)
			for h := 1.0; h*f0 < top; h++ {
				f := h * f0
				level := 0.01
				for i, c := range formants {
					level += math.Pow(0.5, float64(i)) / (1 + math.Pow((f-c)/(100+50*float64(i)), 2))
				}
				phase := 2 * math.Pi * rng.Float64()
				for i := range x {
					t := float64(i) / float64(rate)
					x[i] += float32(level * math.Sin(2*math.Pi*f*(t+vibrato/30*math.Sin(30*t))+phase))
				}
			}
			peak := 0.0
			for _, v := range x {
				peak = max(peak, math.Abs(float64(v)))
			}
			out = append(out, clip{rate, x, lufs(kWeighted(x, rate, rate/10)), peak})
		}
	}
	return out
}

// spoken is a segment as an engine makes it.
type spoken struct {
	pcm              []byte
	rate             int
	loudness         float64 // of its steady part
	declared         bool
	steady, steadyTo float64 // seconds
	audible          bool
}

// speak makes a segment: silence with noise, a start and an end that are abrupt or soft, a level and an offset.
func speak(rng *rand.Rand, c clip) spoken {
	seconds := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	rate := float64(c.rate)
	level := -35 + 25*rng.Float64()
	gain := min(math.Pow(10, (level-c.loudness)/20), 0.9/c.peak)
	s := spoken{rate: c.rate, loudness: c.loudness + 20*math.Log10(gain), declared: rng.IntN(4) > 0, audible: rng.IntN(30) > 0}
	// The noise is quiet enough to be silence at the target.
	noise := min(math.Pow(10, (-95+30*rng.Float64()+s.loudness-seamTarget)/20), 0.001)
	offset := 0.1*rng.Float64() - 0.05
	before, rise, fall, after := seconds(0, 0.08), seconds(0.002, 0.03), seconds(0.002, 0.03), seconds(0, 0.12)
	if rng.IntN(3) == 0 {
		before, rise = 0, 0
	}
	if rng.IntN(3) == 0 {
		after, fall = 0, 0
	}
	s.steady = before + rise
	s.steadyTo = s.steady + seconds(0.06, 0.12)
	total := int((s.steadyTo + fall + after) * rate)
	at := rng.IntN(len(c.x) / 2)
	x := make([]float32, total)
	for i := range x {
		t := float64(i) / rate
		v := offset + noise*(rng.Float64()*2-1)*math.Sqrt(3)
		envelope := 1.0
		switch {
		case !s.audible || t < before || t > s.steadyTo+fall:
			envelope = 0
		case t < s.steady:
			envelope = 0.5 - 0.5*math.Cos(math.Pi*(t-before)/rise)
		case t > s.steadyTo:
			envelope = 0.5 + 0.5*math.Cos(math.Pi*(t-s.steadyTo)/fall)
		}
		if envelope > 0 {
			v += gain * envelope * float64(c.x[(at+i)%len(c.x)])
		}
		x[i] = float32(v)
	}
	// The clip is not periodic: where it would begin anew, it is not used.
	if at+total > len(c.x) {
		return speak(rng, c)
	}
	s.pcm = EncodeS16(nil, x)
	return s
}

// path is what an utterance sends segments through.
type path struct {
	t          *testing.T
	rate       int
	leveller   *Leveller
	joiner     *Joiner
	blockers   map[int]*DCBlocker
	resamplers map[int]*Resampler
	in, mid    []float32
	y          []float32
}

func newPath(t *testing.T, rate int) *path {
	return &path{t: t, rate: rate, leveller: newLeveller(t, rate, seamTarget), joiner: newJoiner(t, rate),
		blockers: map[int]*DCBlocker{}, resamplers: map[int]*Resampler{}, y: make([]float32, 0, 60*rate)}
}

// say sends a segment through, in frames of random lengths, and returns it as it reaches the joiner.
func (p *path) say(rng *rand.Rand, s spoken, pause time.Duration) []float32 {
	blocker, resampler := p.blockers[s.rate], p.resamplers[s.rate]
	if blocker == nil {
		var err error
		if resampler, err = NewResampler(s.rate, p.rate); err != nil {
			p.t.Fatal(err)
		}
		blocker = newBlocker(p.t, s.rate)
		p.blockers[s.rate], p.resamplers[s.rate] = blocker, resampler
	}
	blocker.Reset()
	if s.declared {
		p.leveller.Begin(s.loudness, math.Inf(1))
	} else {
		p.leveller.Begin(s.loudness+1, 3) // what was heard of it so far was louder
	}
	p.joiner.Begin()
	var before []float32
	feed := func(x []float32) {
		p.leveller.Process(x)
		before = append(before, x...)
		p.y = p.joiner.Process(p.y, x)
	}
	for pcm := s.pcm; len(pcm) > 0; {
		n := min(len(pcm), 2*(1+rng.IntN(s.rate/25)))
		p.in = DecodeS16(p.in[:0], pcm[:n])
		pcm = pcm[n:]
		blocker.Process(p.in)
		p.mid = resampler.Process(p.mid[:0], p.in)
		feed(p.mid)
	}
	p.mid = resampler.Flush(p.mid[:0])
	feed(p.mid)
	p.y = p.joiner.End(p.y, pause)
	return before
}

// edges finds the first and one past the last audible sample of x, as the middle of the first and the last millisecond, at any sample,
// whose level is over EdgeLevel.
func edges(x []float32, rate int) (first, last int, ok bool) {
	w := rate / 1000
	limit := math.Pow(10, EdgeLevel/10) * float64(w)
	scan := func(at func(i int) float64) int {
		sum := 0.0
		for i := range len(x) {
			sum += at(i)
			if i >= w {
				sum -= at(i - w)
			}
			if sum > limit {
				return max(0, i-w/2)
			}
		}
		return -1
	}
	square := func(v float32) float64 { return float64(v) * float64(v) }
	first = scan(func(i int) float64 { return square(x[i]) })
	last = len(x) - scan(func(i int) float64 { return square(x[len(x)-1-i]) })
	return first, last, first >= 0
}

// heard is a segment of the output.
type heard struct {
	at          int       // of the output, sample 0 of x
	x           []float32 // before it was joined
	first, last int       // audible, of x
	step        float64   // the largest between audible samples
	loudness    float64   // in the output
	declared    bool
	pause       time.Duration
}

// find places x in y by samples that are alike, bit for bit, near where it is expected; then all of it but its edges must be alike.
func (h *heard) find(y []float32, expected, around, margin int) bool {
	middle := (h.first + h.last) / 2
	probe := h.x[middle : middle+16]
	for d := 0; d <= 2*around; d++ {
		h.at = expected + (d+1)/2*(1-d%2*2) // the nearest first
		if i := h.at + middle; i >= 0 && i+16 <= len(y) && slices.Equal(y[i:i+16], probe) {
			from, to := h.first+margin, h.last-margin
			return slices.Equal(y[h.at+from:h.at+to], h.x[from:to])
		}
	}
	return false
}

// figures are the worst of many joins.
type figures struct {
	sync.Mutex
	joins      int
	step       float64 // at the seam, relative to the largest in the speech around
	gap        time.Duration
	difference float64 // LU
}

// join makes one output of random segments and measures its seams.
func (f *figures) join(t *testing.T, voices []clip, seed uint64) {
	rng := rand.New(rand.NewPCG(3, seed))
	rates := []int{8000, 16000, 22050, 24000, 48000}
	p := newPath(t, rates[rng.IntN(len(rates))])
	var said []heard
	for len(said) <= seamsStream {
		s := speak(rng, voices[rng.IntN(len(voices))])
		pause := time.Duration(rng.IntN(1500)) * time.Millisecond
		if rng.IntN(4) == 0 {
			pause = time.Duration(rng.IntN(100)) * time.Millisecond
		}
		x := p.say(rng, s, pause)
		h := heard{x: x, declared: s.declared, pause: pause}
		var ok bool
		h.first, h.last, ok = edges(x, p.rate)
		if ok != s.audible {
			t.Fatalf("stream %d: a segment's edges are %d, %d, audible: %v", seed, h.first, h.last, s.audible)
		}
		if !ok {
			if n := len(said); n > 0 {
				said[n-1].pause = max(said[n-1].pause, pause)
			}
			continue
		}
		h.step = maxStep(x[h.first:h.last])
		from, to := int(s.steady*float64(p.rate))+p.rate/100, int(s.steadyTo*float64(p.rate))-p.rate/200
		skip := min(from, p.rate/50)
		h.loudness = lufs(kWeighted(x[from-skip:to], p.rate, skip))
		said = append(said, h)
	}
	p.y = p.joiner.Flush(p.y)
	f.measure(t, p, said, seed)
}

// measure finds all segments in the output and looks at what is between them.
func (f *figures) measure(t *testing.T, p *path, said []heard, seed uint64) {
	margin := p.rate / 200 // 5 ms: the fade and the resolution of edges
	expected := p.rate*30/1000 - said[0].first
	step, gap, difference := 0.0, time.Duration(0), 0.0
	for i := range said {
		h := &said[i]
		if !h.find(p.y, expected, p.rate/25, margin) {
			t.Fatalf("stream %d: segment %d is not near %d, or changed", seed, i, expected)
		}
		pause := int(h.pause * time.Duration(p.rate) / time.Second)
		if i+1 < len(said) {
			expected = h.at + h.last + pause - said[i+1].first
		}
		if i == 0 {
			continue
		}
		last := &said[i-1]
		pause = int(last.pause * time.Duration(p.rate) / time.Second)
		from, to := last.at+last.last, h.at+h.first
		got := to - from
		if pause > p.rate/40 { // the output itself shows it
			middle := (from + to) / 2
			_, end, _ := edges(p.y[from-p.rate/50:middle], p.rate)
			start, _, ok := edges(p.y[middle:to+p.rate/50], p.rate)
			if !ok {
				t.Fatalf("stream %d: segment %d is not heard", seed, i)
			}
			got = middle + start - (from - p.rate/50 + end)
		}
		off := time.Duration(got-pause) * time.Second / time.Duration(p.rate)
		gap = max(gap, off, -off)
		seam := maxStep(p.y[max(0, from-p.rate/50):min(len(p.y), to+p.rate/50)])
		// Less than half a step of 16-bit PCM cannot be told.
		step = max(step, (seam-0.5/32768)/max(last.step, h.step))
		if h.declared && last.declared {
			difference = max(difference, math.Abs(h.loudness-last.loudness))
		}
	}
	f.Lock()
	defer f.Unlock()
	f.joins += len(said) - 1
	f.step, f.gap, f.difference = max(f.step, step), max(f.gap, gap), max(f.difference, difference)
}

// TestSeams is the gate: a seam cannot be heard.
func TestSeams(t *testing.T) {
	voices := clips(rand.New(rand.NewPCG(1, 1)))
	var f figures
	began := time.Now()
	t.Run("streams", func(t *testing.T) {
		const parts = 4
		for part := range parts {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				for i := part; i < seamJoins/seamsStream; i += parts {
					f.join(t, voices, uint64(i))
				}
			})
		}
	})
	t.Logf("%d joins in %v: the largest step at a seam is %.4f of the largest in the speech around it, the worst gap is off by %v, the "+
		"loudness of both sides differs by %.2f LU at most", f.joins, time.Since(began).Round(time.Millisecond), f.step, f.gap, f.difference)
	if f.joins < seamJoins {
		t.Errorf("%d joins, want %d", f.joins, seamJoins)
	}
	if f.step > 1 {
		t.Errorf("a seam has a step of %.4f of the largest in the speech around it", f.step)
	}
	if f.gap > 5*time.Millisecond {
		t.Errorf("a gap is off by %v", f.gap)
	}
	if f.difference > 1 {
		t.Errorf("the loudness differs by %.2f LU", f.difference)
	}
}
