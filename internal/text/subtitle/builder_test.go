package subtitle

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

const ms = time.Millisecond

func TestUTF16(t *testing.T) {
	s := "aé好😀\xff\xe4\xbdz"
	for at, want := range map[int]int{-1: 0, 0: 0, 1: 1, 2: 1, 3: 2, 4: 2, 6: 3, 7: 3, 9: 3, 10: 5, 11: 6, 12: 7, 13: 8, 14: 9, 99: 9} {
		if got := NewUTF16(s).At(at); got != want {
			t.Errorf("byte %d is unit %d, want %d", at, got, want)
		}
	}
	m := NewUTF16(strings.Repeat(s, 50))
	for _, step := range []int{1, 7, -1, -13, 100} { // whatever way it goes
		for at := range len(m.text) {
			at *= step
			if got, want := m.At(at), NewUTF16(m.text).At(at); got != want {
				t.Fatalf("by %d: byte %d is unit %d, want %d", step, at, got, want)
			}
		}
	}
}

func TestForFile(t *testing.T) {
	for name, want := range map[string]Writer{"a.srt": &SRT{}, "a.b.VTT": &VTT{}, "/x/y.json": &JSON{}} {
		if got, err := ForFile(name, io.Discard, 0); err != nil || reflect.TypeOf(got) != reflect.TypeOf(want) {
			t.Errorf("%s: %T, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "srt", "a.txt", "a.srt.gz"} {
		if _, err := ForFile(name, io.Discard, 0); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// cuesOf builds the cues of words at byte offsets, written as the word's span and its time in ms.
func cuesOf(t *testing.T, original string, opts Options, words [][4]int) *recorder {
	t.Helper()
	r := &recorder{}
	b := NewBuilder(original, r, opts)
	for _, w := range words {
		if err := b.Add(speech.Timing{Kind: speech.TimingWord, Offset: w[0], Length: w[1], Start: time.Duration(w[2]) * ms, Duration: time.Duration(w[3]) * ms}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Finish(0); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOddTimings shows what becomes of timings that no engine should give.
func TestOddTimings(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		words [][4]int // offset, length, start, duration
		want  [][4]int
		cue   string
	}{
		"overlapping":       {"one two", [][4]int{{0, 3, 0, 900}, {4, 3, 500, 300}}, [][4]int{{0, 3, 0, 500}, {4, 3, 500, 800}}, "one two"},
		"time goes back":    {"one two", [][4]int{{0, 3, 500, 100}, {4, 3, 100, 200}}, [][4]int{{0, 3, 500, 500}, {4, 3, 500, 700}}, "one two"},
		"negative":          {"one two", [][4]int{{-5, 3, -50, -7}, {4, -3, 10, 10}, {4, 3, 20, 30}}, [][4]int{{0, 3, 0, 20}, {4, 3, 20, 50}}, "one two"},
		"text goes back":    {"one two", [][4]int{{4, 3, 0, 100}, {0, 3, 100, 100}}, [][4]int{{4, 3, 0, 100}, {0, 3, 100, 200}}, "one two"},
		"beyond the text":   {"one two", [][4]int{{0, 3, 0, 100}, {4, 300, 100, 100}, {50, 4, 300, 100}}, [][4]int{{0, 3, 0, 100}, {4, 3, 100, 200}}, "one two"},
		"huge":              {"one two", [][4]int{{0, 1 << 62, 0, 100}, {1 << 62, 1 << 62, 100, 100}}, [][4]int{{0, 7, 0, 100}}, "one two"},
		"inside a rune":     {"é好😀 x", [][4]int{{1, 2, 0, 100}, {6, 2, 100, 100}}, [][4]int{{0, 5, 0, 100}, {5, 4, 100, 200}}, "é好😀"},
		"not UTF-8":         {"a\xff b", [][4]int{{0, 2, 0, 100}, {3, 1, 100, 100}}, [][4]int{{0, 2, 0, 100}, {3, 1, 100, 200}}, "a\uFFFD b"},
		"nothing said":      {"one", nil, nil, ""},
		"control and space": {"a\x00\x1b \t b\n\n c", [][4]int{{0, 1, 0, 10}, {6, 1, 10, 10}, {10, 1, 20, 10}}, [][4]int{{0, 1, 0, 10}, {6, 1, 10, 20}, {10, 1, 20, 30}}, "a b c"},
		"no length at last": {"one two", [][4]int{{0, 3, 0, 0}, {4, 3, 400, 0}}, [][4]int{{0, 3, 0, 400}, {4, 3, 400, 400}}, "one two"},
	} {
		r := cuesOf(t, c.text, Options{}, c.words)
		var got [][4]int
		for _, w := range r.words {
			got = append(got, [4]int{w.Offset, w.Length, int(w.Start / ms), int(w.End / ms)})
		}
		var shown []string
		for _, x := range r.cues {
			shown = append(shown, x.Text)
		}
		if !reflect.DeepEqual(got, c.want) || strings.Join(shown, "|") != c.cue {
			t.Errorf("%s: %v %q, want %v %q", name, got, shown, c.want, c.cue)
		}
		if r.closed != 1 {
			t.Errorf("%s: closed %d times", name, r.closed)
		}
	}
}

// spread gives each word of s, which are between spaces, the same time.
func spread(s string, each int) (words [][4]int) {
	at := 0
	for n, w := range strings.Fields(s) {
		i := strings.Index(s[at:], w) + at
		words = append(words, [4]int{i, len(w), n * each, each})
		at = i + len(w)
	}
	return words
}

func TestCueLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		each int
		opts Options
		want []string // start and end in ms, then the text
	}{
		"at the comma": {"The first clause of it is about this long, and then the second clause goes on for as long as it likes", 100, Options{},
			[]string{"0 900 The first clause of it is about this long,", "900 2200 and then the second clause\ngoes on for as long as it likes"}},
		"one line":    {"alpha beta gamma delta epsilon", 600, Options{Columns: 14, Lines: 1}, []string{"0 1200 alpha beta", "1200 2400 gamma delta", "2400 3400 epsilon"}},
		"7 s":         {"one two three four", 3000, Options{}, []string{"0 6000 one two", "6000 12000 three four"}},
		"5 s":         {"one two three four", 2500, Options{Longest: 5 * time.Second}, []string{"0 5000 one two", "5000 10000 three four"}},
		"a long word": {"word", 9000, Options{}, []string{"0 7000 word"}},
		"a short one": {"Hi", 100, Options{}, []string{"0 1000 Hi"}},
		"a wide word": {strings.Repeat("abcdefghij", 9), 6000, Options{},
			[]string{"0 5600 abcdefghijabcdefghijabcdefghijabcdefghijab\ncdefghijabcdefghijabcdefghijabcdefghijabcd", "5600 6600 efghij"}},
		"full width":  {strings.Repeat("好", 45), 4500, Options{}, []string{"0 3800 " + strings.Repeat("好", 19) + "\n" + strings.Repeat("好", 19), "3800 4800 好好好好好好好"}},
		"punctuation": {"one (two) [three] \"four\" $5 50% no.", 300, Options{}, []string{"0 2100 one (two) [three] \"four\" $5 50% no."}},
		"none alone":  {"aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd", 500, Options{Columns: 16, Lines: 2}, []string{"0 1000 aaaaaaaaaa\nbbbbbbbbbb", "1000 2000 cccccccccc\ndddddddddd"}},
	} {
		r := cuesOf(t, c.text, c.opts, spread(c.text, c.each))
		checkCues(t, r.cues, c.opts)
		var got []string
		for _, x := range r.cues {
			got = append(got, fmt.Sprintf("%d %d %s", x.Start/ms, x.End/ms, x.Text))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// checkCues holds what is promised of all cues.
func checkCues(t testing.TB, cues []Cue, opts Options) {
	t.Helper()
	b := &Builder{opts: opts.withDefaults()}
	last := time.Duration(0)
	for _, c := range cues {
		lines := strings.Split(c.Text, "\n")
		switch {
		case c.Start < last || c.End <= c.Start || c.Start%ms != 0 || c.End%ms != 0:
			t.Fatalf("cue %v to %v after %v: %q", c.Start, c.End, last, c.Text)
		case c.End-c.Start > b.opts.Longest:
			t.Fatalf("cue of %v: %q", c.End-c.Start, c.Text)
		case len(lines) > b.opts.Lines || c.Text == "":
			t.Fatalf("%d lines: %q", len(lines), c.Text)
		}
		for _, l := range lines {
			if l == "" || strings.TrimSpace(l) != l || strings.Contains(l, "  ") || strings.ContainsFunc(l, unicode.IsControl) {
				t.Fatalf("the line %q of %q", l, c.Text)
			}
			if n := b.width(l); n > b.limit() {
				t.Fatalf("the line %q is %d wide, of %d", l, n, b.limit())
			}
		}
		last = c.End
	}
}

// TestNothingIsLost shows that the cues together are the text.
func TestNothingIsLost(t *testing.T) {
	strip := func(s string) string { return strings.Join(strings.Fields(s), "") }
	for _, s := range []string{prose, strings.ReplaceAll(prose, "\n", "\r\n"), strings.Repeat("好", 500), strings.Repeat("long", 500), strings.Repeat("No. ", 50)} {
		for _, lasts := range []bool{true, false} {
			var r recorder
			scene{text: s, lasts: lasts}.write(t, &r)
			checkCues(t, r.cues, Options{})
			var all strings.Builder
			for _, c := range r.cues {
				all.WriteString(c.Text)
			}
			if strip(all.String()) != strip(s) {
				t.Errorf("%.40q became\n%s", s, all.String())
			}
		}
	}
}

// TestShortSentencesShareCues: one word is a cue only where nothing is near.
func TestShortSentencesShareCues(t *testing.T) {
	var r recorder
	scene{text: "No. Yes. I do not know. Why? Well, it is so.\n\nEnd."}.write(t, &r)
	var got []string
	for _, c := range r.cues {
		got = append(got, c.Text)
	}
	if want := []string{"No. Yes. I do not know.\nWhy? Well, it is so.", "End."}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSegmentWithoutWords: words are estimated of what was heard, and what was not heard is not shown.
func TestSegmentWithoutWords(t *testing.T) {
	var r recorder
	b := NewBuilder("Hello there. 你好. Lost words. The end is near.", &r, Options{})
	_ = b.EndSegment(speech.SegmentEnd{Index: 0, Offset: 0, Length: 12, Duration: 1300 * ms})
	_ = b.EndSegment(speech.SegmentEnd{Index: 1, Offset: 13, Length: 7, Start: 2000 * ms, Duration: 800 * ms})
	_ = b.EndSegment(speech.SegmentEnd{Index: 2, Offset: 21, Length: 11, Start: 2800 * ms})
	_ = b.EndSegment(speech.SegmentEnd{Index: 3, Offset: 33, Length: 16, Start: 2800 * ms, Duration: 1200 * ms})
	if err := b.Finish(4200 * ms); err != nil {
		t.Fatal(err)
	}
	if len(r.words) != 8 || !r.words[0].Estimated || r.words[2].Text != "你" || r.words[2].Start != 2000*ms || r.words[3].End != 2800*ms || r.words[7].End != 4000*ms {
		t.Errorf("%+v", r.words)
	}
	if len(r.cues) != 2 && len(r.cues) != 3 || !r.cues[0].Estimated || strings.Contains(r.cues[1].Text, "Lost") {
		t.Errorf("%+v", r.cues)
	}
	if len(r.segments) != 4 || r.segments[1].UTF16Offset != 13 || r.segments[1].UTF16Length != 3 || r.segments[3].UTF16Offset != 29 || r.total != 4200*ms {
		t.Errorf("%+v, %v", r.segments, r.total)
	}
}

func TestPhonemes(t *testing.T) {
	r := &phonemeRecorder{}
	b := NewBuilder("one two", r, Options{})
	for _, x := range []speech.Timing{
		{Kind: speech.TimingPhoneme, Start: 0, Phoneme: "w", Offset: 0, Length: 3}, // before its word
		{Kind: speech.TimingWord, Offset: 0, Length: 3, Start: 0},
		{Kind: speech.TimingPhoneme, Start: 100 * ms, Duration: 900 * ms, Phoneme: "ʌ"},
		{Kind: speech.TimingPhoneme, Start: 200 * ms, Phoneme: "n"},
		{Kind: speech.TimingSentence, Start: 200 * ms},
		{Kind: speech.TimingPhoneme, Start: 400 * ms, Phoneme: "t", Offset: 4, Length: 3}, // of the next word
		{Kind: speech.TimingWord, Offset: 4, Length: 3, Start: 400 * ms},
	} {
		_ = b.Add(x)
	}
	_ = b.EndSegment(speech.SegmentEnd{Length: 7, Duration: 700 * ms})
	_ = b.Add(speech.Timing{Kind: speech.TimingPhoneme, Start: 800 * ms, Phoneme: "x"})
	_ = b.EndSegment(speech.SegmentEnd{Index: 1, Offset: 7, Start: 800 * ms})
	if err := b.Finish(0); err != nil {
		t.Fatal(err)
	}
	want := []string{"w 0s 100ms", "ʌ 100ms 200ms", "n 200ms 400ms", "t 400ms 700ms", "segment x 800ms 800ms"}
	if !slices.Equal(r.got, want) {
		t.Errorf("%q, want %q", r.got, want)
	}
}

type phonemeRecorder struct {
	recorder
	got []string
}

func (r *phonemeRecorder) Word(w Word) error {
	for _, p := range w.Phonemes {
		r.got = append(r.got, strings.Join([]string{p.Symbol, p.Start.String(), p.End.String()}, " "))
	}
	return nil
}

func (r *phonemeRecorder) Segment(s Segment) error {
	for _, p := range s.Phonemes {
		r.got = append(r.got, strings.Join([]string{"segment", p.Symbol, p.Start.String(), p.End.String()}, " "))
	}
	return nil
}

// TestWriterFails: the first error is told by every call, and the document is closed.
func TestWriterFails(t *testing.T) {
	broken := errors.New("disk full")
	for _, name := range []string{"x.srt", "x.vtt", "x.json"} {
		w, err := ForFile(name, failing{broken}, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := NewBuilder(prose, w, Options{})
		var last error
		total := scene{text: prose}.events(func(x speech.Timing) { last = b.Add(x) }, func(e speech.SegmentEnd) { last = b.EndSegment(e) })
		if !errors.Is(last, broken) || !errors.Is(b.Finish(total), broken) || !errors.Is(b.Finish(total), broken) {
			t.Errorf("%s: %v", name, last)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestMemoryIsBounded builds the subtitles of a book and measures what is alive near the end.
func TestMemoryIsBounded(t *testing.T) {
	for _, name := range []string{"a.srt", "a.vtt", "a.json"} {
		s := scene{text: strings.Repeat(prose, 100_000/len(prose)), phonemes: true}
		w, err := ForFile(name, io.Discard, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := NewBuilder(s.text, w, Options{})
		alive := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		var early, late uint64
		total := s.events(func(x speech.Timing) { _ = b.Add(x) }, func(e speech.SegmentEnd) {
			_ = b.EndSegment(e)
			switch {
			case early == 0:
				early = alive()
			case e.Offset+e.Length > len(s.text)-len(prose) && late == 0:
				late = alive()
			}
		})
		if err := b.Finish(total); err != nil {
			t.Fatal(err)
		}
		if late == 0 || late > early+64<<10 {
			t.Errorf("%s: %d bytes are alive at the beginning, %d near the end", name, early, late)
		}
	}
}

func BenchmarkBuilder(b *testing.B) {
	for name, unit := range map[string]string{"prose": prose, "chinese": "今天天气很好，我们去公园散步吧。", "no-spaces": "字", "one-word": "a"} {
		s := scene{text: strings.Repeat(unit, 100_000/len(unit))}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s.text)))
			b.ReportAllocs()
			for b.Loop() {
				s.write(b, NewSRT(io.Discard))
			}
		})
	}
}
