package audio

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

const joinRate = 16000

func newJoiner(t testing.TB, rate int) *Joiner {
	t.Helper()
	j, err := NewJoiner(rate)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// ms is samples at joinRate.
func ms(n int) int { return n * joinRate / 1000 }

// part is a stretch of a segment: a constant level, as a square wave of 4 samples a period, so each block has the same.
type part struct {
	ms    int
	level float32
}

func segment(parts ...part) []float32 {
	var x []float32
	for _, p := range parts {
		for i := range ms(p.ms) {
			x = append(x, p.level*float32(1-i/2%2*2))
		}
	}
	return x
}

type joined struct {
	y     []float32
	spans [][2]int64
	first []int64 // origins
}

// join puts segments together; pauses[i] follows segments[i].
func join(j *Joiner, cuts []byte, pauses []time.Duration, segments ...[]float32) joined {
	var r joined
	for i, x := range segments {
		j.Begin()
		pieces(x, cuts, func(p []float32) { r.y = j.Process(r.y, p) })
		if o, ok := j.Origin(); ok {
			r.first = append(r.first, o)
		}
		r.y = j.End(r.y, pauses[i])
		if from, to, ok := j.Span(); ok {
			r.spans = append(r.spans, [2]int64{from, to})
		}
	}
	r.y = j.Flush(r.y)
	return r
}

// TestJoinerPlaces: silence around segments goes, what is wanted comes, and what is audible stays as it is.
func TestJoinerPlaces(t *testing.T) {
	quiet := float32(math.Pow(10, (EdgeLevel-3)/20))
	first := segment(part{500, 0.0001}, part{100, 0.3}, part{400, quiet}, part{200, 0.2}, part{700, 0.0001})
	second := segment(part{33, 0}, part{50, 0.1}, part{9, quiet})
	for _, pause := range []int{0, 1, 3, 10, 20, 119, 120, 149, 200, 500, 1500} {
		r := join(newJoiner(t, joinRate), nil, []time.Duration{time.Duration(pause) * time.Millisecond, time.Hour}, first, second)
		if len(r.spans) != 2 || len(r.first) != 2 {
			t.Fatalf("pause %d ms: spans %v, origins %v", pause, r.spans, r.first)
		}
		lead, end := int64(ms(30)), int64(ms(30+700))
		next := end + int64(ms(pause))
		if want := [][2]int64{{lead, end}, {next, next + int64(ms(50))}}; !slices.Equal(r.spans, want) {
			t.Errorf("pause %d ms: audible in %v, want %v", pause, r.spans, want)
		}
		if want := []int64{lead - int64(ms(500)), next - int64(ms(33))}; !slices.Equal(r.first, want) {
			t.Errorf("pause %d ms: origins %v, want %v", pause, r.first, want)
		}
		if want := next + int64(ms(50+9)); int64(len(r.y)) != want {
			t.Errorf("pause %d ms: %d samples, want %d", pause, len(r.y), want)
		}
		f := ms(4)
		if !slices.Equal(r.y[lead:end-int64(f)], first[ms(500):ms(1200)-f]) || !slices.Equal(r.y[int(next)+f:int(next)+ms(50)-f], second[ms(33)+f:ms(83)-f]) {
			t.Errorf("pause %d ms: what is audible has changed", pause)
		}
		if pause >= 4 && !slices.Equal(r.y[end-int64(f):end], first[ms(1200)-f:ms(1200)]) {
			t.Errorf("pause %d ms: the fade is not in what is quiet", pause)
		}
		for i, v := range r.y[end:next] {
			if v > quiet+0.0001 || v < -quiet-0.0001 {
				t.Fatalf("pause %d ms: sample %d of it is %g", pause, i, v)
			}
			if i > ms(120) && i < ms(pause-30) && v != 0 {
				t.Fatalf("pause %d ms: sample %d of it is %g, want silence", pause, i, v)
			}
		}
	}
}

// TestJoinerFades: an abrupt edge is faded over 4 ms, a soft one where it is quiet.
func TestJoinerFades(t *testing.T) {
	x := make([]float32, ms(100))
	for i := range x {
		x[i] = 0.5 // nothing but the fade moves
	}
	r := join(newJoiner(t, joinRate), nil, []time.Duration{0, 50 * time.Millisecond}, x, x)
	if n := len(r.y); n != 2*len(x) {
		t.Fatalf("%d samples", n)
	}
	if step := maxStep(append([]float32{0}, append(r.y, 0)...)); step > 0.5*math.Pi/2/float64(ms(4))*1.01 {
		t.Errorf("step of %g", step)
	}
	if r.y[ms(4)] != 0.5 || r.y[ms(96)-1] != 0.5 {
		t.Error("the fade is longer than 4 ms")
	}
	short := join(newJoiner(t, joinRate), nil, []time.Duration{0, 0}, x[:ms(2)+5], x[:3])
	if step := maxStep(append([]float32{0}, append(short.y, 0)...)); step > 0.2 || len(short.y) != ms(2)+8 {
		t.Errorf("short segments: step of %g, %d samples", step, len(short.y))
	}
}

// TestJoinerKeepsDecay: after the last segment, and before a long pause, 120 ms of decay stay, fading.
func TestJoinerKeepsDecay(t *testing.T) {
	quiet := float32(math.Pow(10, (EdgeLevel-3)/20))
	x := segment(part{100, 0.3}, part{300, quiet})
	for _, pauses := range [][]time.Duration{{0}, {time.Second}, {200 * time.Millisecond, 0}} {
		r := join(newJoiner(t, joinRate), nil, pauses, slices.Repeat([][]float32{x}, len(pauses))...)
		end := len(r.y) - ms(120)
		if r.spans[len(r.spans)-1][1] != int64(end) {
			t.Fatalf("%v: %d samples, audible in %v", pauses, len(r.y), r.spans)
		}
		for i := range ms(120) {
			want := float64(quiet) * (0.5 + 0.5*math.Cos(math.Pi*(float64(i)+0.5)/float64(ms(120))))
			if got := math.Abs(float64(r.y[end+i])); math.Abs(got-want) > 1e-6 {
				t.Fatalf("%v: sample %d of the decay is %g, want %g", pauses, i, got, want)
			}
		}
	}
}

// TestJoinerEmptySegments disappear, and the longest pause around them counts.
func TestJoinerEmptySegments(t *testing.T) {
	x, hush := segment(part{50, 0.3}, part{20, 0}), segment(part{300, 0.0005})
	j := newJoiner(t, joinRate)
	want := join(j, nil, []time.Duration{300 * time.Millisecond, 0}, x, x).y
	for name, got := range map[string]joined{
		"between": join(j, nil, []time.Duration{300 * time.Millisecond, 100 * time.Millisecond, 0}, x, hush, x),
		"longer":  join(j, nil, []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 0}, x, hush, x),
		"many":    join(j, nil, []time.Duration{10 * time.Millisecond, 300 * time.Millisecond, 20 * time.Millisecond, 0}, x, hush, nil, x),
		"first":   join(j, nil, []time.Duration{400 * time.Millisecond, 300 * time.Millisecond, 0}, hush, x, x),
		"last":    join(j, nil, []time.Duration{300 * time.Millisecond, 0, time.Second}, x, x, hush),
	} {
		if !slices.Equal(got.y, want) || len(got.spans) != 2 {
			t.Errorf("%s: %d samples, spans %v; want %d samples", name, len(got.y), got.spans, len(want))
		}
	}
	if got := join(j, nil, []time.Duration{time.Second, time.Second}, hush, nil); len(got.y) != 0 || got.spans != nil {
		t.Errorf("nothing audible: %d samples, spans %v", len(got.y), got.spans)
	}
}

// TestJoinerIgnoresPeaksOfNoise: a millisecond that is loud alone is no edge, a burst is.
func TestJoinerIgnoresPeaksOfNoise(t *testing.T) {
	peak, noise := float32(math.Pow(10, (EdgeLevel+4)/20)), float32(math.Pow(10, (EdgeLevel-10)/20))
	speech := []part{{50, 0.2}}
	around := []part{{60, noise}, {1, peak}, {60, noise}, {1, peak}, {40, noise}}
	r := join(newJoiner(t, joinRate), nil, []time.Duration{0}, segment(slices.Concat(around, speech, around)...))
	if want := [][2]int64{{int64(ms(30)), int64(ms(80))}}; !slices.Equal(r.spans, want) {
		t.Errorf("audible in %v, want %v", r.spans, want)
	}
	r = join(newJoiner(t, joinRate), nil, []time.Duration{0}, segment(part{60, noise}, part{2, 0.02}, part{40, noise}, part{50, 0.2}))
	if want := [][2]int64{{int64(ms(30)), int64(ms(30 + 2 + 40 + 50))}}; !slices.Equal(r.spans, want) {
		t.Errorf("a burst: audible in %v, want %v", r.spans, want)
	}
}

// TestJoinerHolds: what is audible leaves at once; silence waits, but not for ever.
func TestJoinerHolds(t *testing.T) {
	j := newJoiner(t, joinRate)
	j.Begin()
	if y := j.Process(nil, segment(part{5000, 0.0005})); len(y) != 0 || cap(j.held) > ms(100) {
		t.Errorf("silence at the start: %d samples left, room for %d", len(y), cap(j.held))
	}
	if _, ok := j.Origin(); ok {
		t.Error("there is an origin before anything was audible")
	}
	if y := j.Process(nil, segment(part{10, 0.3})); len(y) != ms(30+10-4) {
		t.Errorf("%d samples left after 10 ms", len(y))
	}
	if o, ok := j.Origin(); !ok || o != int64(ms(30-5000)) {
		t.Errorf("origin %d, %v", o, ok)
	}
	if y := j.Process(nil, segment(part{1000, 0.0005})); len(y) != 0 {
		t.Errorf("%d samples of silence left", len(y))
	}
	if y := j.Process(nil, segment(part{1, 0.3})); len(y) != ms(1001) {
		t.Errorf("%d samples left after the silence", len(y))
	}
	y := j.Process(nil, segment(part{10000, 0.0005}))
	if len(y) != ms(8004) || cap(j.held) > 3*ms(2000) {
		t.Errorf("%d samples of long silence left, room for %d", len(y), cap(j.held))
	}
	// The silence that has left is part of the pause, and nothing is cut.
	y = j.End(nil, 8200*time.Millisecond)
	j.Begin()
	y = j.Process(y, segment(part{100, 0.3}))
	if from, _ := j.Origin(); from != int64(ms(30+10+1000+1+8200)) {
		t.Errorf("the next is at %d, want %d", from, ms(30+10+1000+1+8200))
	}
	if len(y) != ms(200-4+100) || maxStep(y[:ms(180)]) > 0.0011 {
		t.Errorf("%d samples of pause, step of %g", len(y)-ms(96), maxStep(y[:ms(180)]))
	}
}

func TestJoinerAbandons(t *testing.T) {
	j := newJoiner(t, joinRate)
	j.Begin()
	y := j.Process(nil, segment(part{100, 0.3}))
	n := len(y)
	j.Begin() // the segment before has no end
	y = j.End(j.Process(y, segment(part{100, 0.3})), 0)
	if from, to, ok := j.Span(); !ok || from != int64(n) || to != int64(n+ms(100)) {
		t.Errorf("audible from %d to %d, %v", from, to, ok)
	}
	if y = j.Flush(y); len(y) != n+ms(100) {
		t.Errorf("%d samples", len(y))
	}
}

func TestJoinerDoesNotAllocate(t *testing.T) {
	j := newJoiner(t, 24000)
	x, y := voiced(24000, 24000), make([]float32, 0, 30000)
	run := func() {
		y = y[:0]
		j.Begin()
		for i := 0; i < len(x); i += 480 {
			y = j.Process(y, x[i:i+480])
		}
		y = j.End(y, 100*time.Millisecond)
	}
	run()
	run()
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Errorf("%v allocations a segment", n)
	}
}

func FuzzJoinerPieces(f *testing.F) {
	f.Add(uint16(22050), uint16(300), []byte{0, 1, 200, 7}, []byte{1, 200, 30, 9})
	f.Add(uint16(8001), uint16(0), []byte{255, 0}, []byte{0, 0, 5})
	f.Add(uint16(48000), uint16(20), []byte{3}, []byte{})
	f.Fuzz(func(t *testing.T, rate, pause uint16, cuts, shape []byte) {
		j, err := NewJoiner(int(rate))
		if err != nil {
			t.Skip()
		}
		// Stretches of voice between stretches of near silence, whose lengths come from shape.
		voice := voiced(int(rate), 6000)
		segments := make([][]float32, 1, 4)
		for i, s := range shape[:min(len(shape), 20)] {
			n := min(int(s)*16, len(voice))
			last := &segments[len(segments)-1]
			switch i % 4 {
			case 0, 2:
				*last = append(*last, voice[len(voice)-n:]...)
			case 1:
				*last = append(*last, make([]float32, n)...)
			case 3:
				segments = append(segments, nil)
			}
		}
		pauses := slices.Repeat([]time.Duration{time.Duration(pause) * time.Millisecond / 16}, len(segments))
		whole := join(j, nil, pauses, segments...)
		got := join(j, cuts, pauses, segments...)
		if !slices.Equal(got.y, whole.y) || !slices.Equal(got.spans, whole.spans) {
			t.Fatalf("%d Hz, pause %d: pieces differ from one piece", rate, pause)
		}
		at := int64(0)
		for _, s := range whole.spans {
			if s[0] < at || s[1] <= s[0] || s[1] > int64(len(whole.y)) {
				t.Fatalf("audible in %v of %d samples", whole.spans, len(whole.y))
			}
			at = s[1]
		}
	})
}

// BenchmarkJoiner is one second of speech in 20 ms frames, as segments of two seconds.
func BenchmarkJoiner(b *testing.B) {
	for _, rate := range []int{24000, 48000} {
		b.Run(fmt.Sprintf("%dHz", rate), func(b *testing.B) {
			j := newJoiner(b, rate)
			x, dst := voiced(rate, rate), make([]float32, 0, 4*rate)
			frame := rate / 50
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					dst = j.End(dst[:0], 300*time.Millisecond)
					j.Begin()
				}
				for i := 0; i < len(x); i += frame {
					dst = j.Process(dst[:0], x[i:i+frame])
				}
			}
			reportRate(b, 1)
		})
	}
}
