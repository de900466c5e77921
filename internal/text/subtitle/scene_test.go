package subtitle

import (
	"bytes"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

const (
	perWeight = 65 * time.Millisecond  // of a word's weight
	pause     = 250 * time.Millisecond // after a segment
)

// scene is an utterance as an engine would tell it.
type scene struct {
	text      string
	lasts     bool // the engine tells how long words last
	phonemes  bool
	estimated bool
}

// events calls timing and end for all that is heard of the scene.
func (s scene) events(timing func(speech.Timing), end func(speech.SegmentEnd)) time.Duration {
	now := time.Duration(0)
	seg := text.NewSegmenter(s.text, text.Options{})
	var words []text.Span
	for {
		x, ok := seg.Next()
		if !ok {
			return now
		}
		start := now
		words = text.AppendWords(words[:0], x.Text, x.Language)
		for _, w := range words {
			d := perWeight * time.Duration(text.Weight(x.Text[w.Offset:w.Offset+w.Length]))
			t := speech.Timing{Kind: speech.TimingWord, Offset: x.Offset + w.Offset, Length: w.Length, Start: now, Estimated: s.estimated}
			if s.lasts {
				t.Duration = d - 10*time.Millisecond
			}
			timing(t)
			if s.phonemes {
				timing(speech.Timing{Kind: speech.TimingPhoneme, Start: now, Phoneme: "a"})
				timing(speech.Timing{Kind: speech.TimingPhoneme, Start: now + d/2, Duration: d / 4, Phoneme: "b"})
			}
			now += d
		}
		end(speech.SegmentEnd{Index: x.Index, Offset: x.Offset, Length: x.Length, Start: start, Duration: now - start})
		now += pause
	}
}

// write builds the scene's subtitles.
func (s scene) write(t testing.TB, out Writer) {
	t.Helper()
	b := NewBuilder(s.text, out, Options{})
	total := s.events(func(x speech.Timing) {
		if err := b.Add(x); err != nil {
			t.Fatal(err)
		}
	}, func(e speech.SegmentEnd) {
		if err := b.EndSegment(e); err != nil {
			t.Fatal(err)
		}
	})
	if err := b.Finish(total); err != nil {
		t.Fatal(err)
	}
}

// recorder keeps what a Builder writes.
type recorder struct {
	words    []Word
	segments []Segment
	cues     []Cue
	total    time.Duration
	closed   int
}

func (r *recorder) Word(w Word) error       { r.words = append(r.words, w); return nil }
func (r *recorder) Segment(s Segment) error { r.segments = append(r.segments, s); return nil }
func (r *recorder) Cue(c Cue) error         { r.cues = append(r.cues, c); return nil }
func (r *recorder) Close(total time.Duration) error {
	r.total = total
	r.closed++
	return nil
}

func (s scene) file(t testing.TB, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := ForFile(name, &buf, 24000)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, w)
	return buf.Bytes()
}

// prose has what subtitles meet: long sentences, short ones, other scripts, signs of the formats, characters of two UTF-16 units.
const prose = `The quick brown fox jumps over the lazy dog, and then it runs away into the deep, dark forest, where nobody has ever found it again.
"Stop!" she cried. "Why?" No. It costs $3.14 (or 5 < 6 & 7 > 2) – see https://example.com/a/very/long/path/that/goes/on/and/on/index.html?query=1#top. 😀 Fun 🎉!

今天天气很好，我们去公园散步吧！他说：“你好，世界。”然后就走了——再也没有回来，谁也不知道他去了哪里，也许他回家了，也许他去了很远很远的地方。
我喜欢 Python 编程。東京タワーは333メートルです。

مرحبا بالعالم، كيف حالك اليوم؟ שלום עולם.
1. Open the box.
2. Close it --> now.
`
