package subtitle

import (
	"fmt"
	"time"

	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

// maxPhonemes is how many phonemes of one word are kept; those beyond, which no language has, are dropped.
const maxPhonemes = 8192

// Builder turns timings into words, segments and cues, and hands each to its Writer as soon as it is settled. It holds the cue at hand and the one
// before, whatever the length of the text. It is not safe for concurrent use.
//
// Odd input is put right: a time that goes back counts as the time before it, a word that lasts into the next one ends where that begins, an
// offset beyond the text counts as its end, one inside a character as the character's beginning. An error is the Writer's and is final.
type Builder struct {
	text string
	opts Options
	out  Writer
	pos  *UTF16
	err  error
	done bool

	open     bool // the segment at hand has a timing
	fresh    bool // no word of the segment at hand has come
	index    int  // of the segment at hand, if its end does not tell
	first    int  // first byte that the segment's words cover …
	last     int  // … and the one after the last
	begun    time.Duration
	now      time.Duration // the latest start
	settled  time.Duration // the end of the last word that was written
	waiting  bool          // word waits for its end
	word     Word
	lasts    time.Duration // how long the engine says that word lasts; 0: not known
	phonemes []Phoneme     // of word
	early    []Phoneme     // before their word
	guesses  []speech.Timing

	layout
}

// NewBuilder returns a builder of the subtitles of an utterance. original is the text that the timings' offsets are in, speech.Request.Text.
func NewBuilder(original string, out Writer, opts Options) *Builder {
	b := &Builder{text: original, opts: opts.withDefaults(), out: out, pos: NewUTF16(original), fresh: true, first: -1}
	return b
}

// Add takes the next timing; words and phonemes count, others do not. A duration of 0 means until the next one of its kind, or the end of the
// segment. A phoneme belongs to the last word, or to the next one where its text begins beyond the last.
func (b *Builder) Add(t speech.Timing) error {
	if b.err != nil || b.done {
		return b.err
	}
	b.now = max(b.now, t.Start)
	t.Start, t.Duration = b.now, max(t.Duration, 0)
	if !b.open && (t.Kind == speech.TimingWord || t.Kind == speech.TimingPhoneme) {
		b.open, b.begun = true, t.Start
	}
	switch t.Kind {
	case speech.TimingWord:
		b.addWord(t)
	case speech.TimingPhoneme:
		b.addPhoneme(t)
	}
	return b.err
}

// EndSegment tells that all timings of a segment have been added. A segment that can be heard but of which no word has come gets words by the
// length of their text, marked as estimated.
func (b *Builder) EndSegment(e speech.SegmentEnd) error {
	if b.err != nil || b.done {
		return b.err
	}
	from, to := b.clip(e.Offset, e.Length)
	end := max(e.Start+max(e.Duration, 0), b.now)
	if !b.open {
		b.begun = max(e.Start, b.now)
	}
	if b.fresh && e.Duration > 0 {
		b.estimate(from, to, max(e.Start, b.now), end)
	}
	b.endSegment(Segment{Index: e.Index, Offset: from, Length: to - from, Start: min(max(e.Start, 0), end), End: end})
	return b.err
}

// Finish ends the subtitles and closes the Writer, also after an error. total is how long the audio is; 0: as long as the last segment.
func (b *Builder) Finish(total time.Duration) error {
	if b.done {
		return b.err
	}
	if b.err == nil && b.open {
		from, to := max(b.first, 0), max(b.last, b.first, 0)
		b.endSegment(Segment{Index: b.index, Offset: from, Length: to - from, Start: b.begun, End: max(b.now, b.now+b.lasts, b.settled)})
	}
	b.done = true
	if b.err == nil {
		b.cut(len(b.atoms))
		b.release(-1)
	}
	if total <= 0 {
		total = max(b.settled, b.now)
	}
	b.fail("end subtitles", b.out.Close(total))
	return b.err
}

// fail keeps the first error.
func (b *Builder) fail(what string, err error) {
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("%s: %w", what, err)
	}
}

// clip returns the part of the text that is meant, from the beginning of a character to the end of one.
func (b *Builder) clip(offset, length int) (from, to int) {
	from = min(max(offset, 0), len(b.text))
	to = from + min(max(length, 0), len(b.text)-from)
	return runeStart(b.text, from), runeEnd(b.text, to)
}

func (b *Builder) addWord(t speech.Timing) {
	from, to := b.clip(t.Offset, t.Length)
	if from == to {
		return
	}
	b.settle(t.Start, from, false)
	fresh := b.fresh
	b.fresh, b.waiting, b.lasts = false, true, t.Duration
	if b.first < 0 {
		b.first = from
	}
	b.first, b.last = min(b.first, from), max(b.last, to)
	at, end := b.pos.At(from), b.pos.At(to)
	b.word = Word{Text: b.text[from:to], Offset: from, Length: to - from, UTF16Offset: at, UTF16Length: end - at, Start: t.Start, Estimated: t.Estimated}
	b.phonemes, b.early = b.early, b.phonemes[:0]
	if fresh {
		b.begin(from)
	}
}

func (b *Builder) addPhoneme(t speech.Timing) {
	p := Phoneme{Symbol: t.Phoneme, Start: t.Start, End: t.Start + t.Duration, Estimated: t.Estimated}
	if t.Duration == 0 {
		p.End = unknown
	}
	list := &b.phonemes
	if !b.waiting || t.Length > 0 && t.Offset >= b.word.Offset+b.word.Length {
		list = &b.early
	}
	if len(*list) < maxPhonemes {
		*list = append(*list, p)
	}
}

// unknown is the end of what ends when the next begins.
const unknown time.Duration = -1

// settle gives the word that waits its end: limit, unless it is known to end sooner. The next word is at byte next; at the end of a
// segment next is where the segment's text ends.
func (b *Builder) settle(limit time.Duration, next int, final bool) {
	if !b.waiting {
		return
	}
	b.waiting = false
	w := &b.word
	w.End = max(limit, w.Start)
	if b.lasts > 0 {
		w.End = min(w.End, w.Start+b.lasts)
	}
	b.settled = w.End
	w.Phonemes = endPhonemes(b.phonemes, w.End)
	b.fail("write word", b.out.Word(*w))
	w.Phonemes, b.phonemes, b.lasts = nil, b.phonemes[:0], 0
	to := max(w.Offset+w.Length, next)
	if !final {
		to = splitGap(b.text, w.Offset+w.Length, to)
	}
	b.push(to, w, final)
}

// endPhonemes gives phonemes without one an end, which is where the next begins or last, and lets none end after the next begins.
func endPhonemes(p []Phoneme, last time.Duration) []Phoneme {
	for i := range p {
		limit := max(last, p[i].Start)
		if i+1 < len(p) {
			limit = p[i+1].Start
		}
		if p[i].End == unknown || p[i].End > limit && i+1 < len(p) {
			p[i].End = limit
		}
	}
	return p
}

// estimate adds the words of a segment of which none has come, each with a share of its time.
func (b *Builder) estimate(from, to int, start, end time.Duration) {
	b.guesses = text.AppendEstimate(b.guesses[:0], b.text[from:to], "", start, end)
	for _, t := range b.guesses {
		t.Offset += from
		b.now = max(b.now, t.Start)
		b.addWord(t)
	}
}

// endSegment settles what the segment has, and writes it.
func (b *Builder) endSegment(s Segment) {
	b.settle(s.End, s.Offset+s.Length, true)
	b.cursor = max(b.cursor, s.Offset+s.Length)
	at, end := b.pos.At(s.Offset), b.pos.At(s.Offset+s.Length)
	s.UTF16Offset, s.UTF16Length = at, end-at
	s.Phonemes = endPhonemes(b.early, s.End)
	b.fail("write segment", b.out.Segment(s))
	b.settled = max(b.settled, s.End)
	b.index, b.open, b.fresh, b.first, b.last, b.early = s.Index+1, false, true, -1, 0, b.early[:0]
	b.now = max(b.now, s.End)
}
