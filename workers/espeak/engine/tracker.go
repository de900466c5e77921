// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"unicode"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/workers/espeak/libespeak"
)

// tracker turns the library's events into timings: characters into byte offsets, overlapping spans into words that follow one
// another, beginnings into durations. A timing is sent when the next event has shown where it ends.
type tracker struct {
	runes   []rune
	offsets []int32 // byte offset of each character, and of the text's end
	emit    func(*enginev1.Timing) error

	word, sentence, phoneme mark
	doubtful                mark  // a word that the library gave no length: a sound will show that it is one
	spoken                  int   // characters that words have covered
	pause                   int64 // sample where the pause that lasts began; -1: there is none
	timing                  enginev1.Timing
}

// mark is something that has begun and not ended.
type mark struct {
	open       bool
	start, end int // characters
	sample     int64
	symbol     string
}

// newTracker returns a tracker for a segment's text; emit gets the timings and must not keep them.
func newTracker(text string, emit func(*enginev1.Timing) error) *tracker {
	t := &tracker{emit: emit, pause: -1, runes: make([]rune, 0, len(text)), offsets: make([]int32, 0, len(text)+1)}
	for i, r := range text {
		t.runes = append(t.runes, r)
		t.offsets = append(t.offsets, int32(i))
	}
	t.offsets = append(t.offsets, int32(len(text)))
	return t
}

// take takes the next event.
func (t *tracker) take(e libespeak.Event) error {
	switch e.Kind {
	case libespeak.Word:
		return t.takeWord(e)
	case libespeak.Sentence:
		return t.takeSentence(e)
	case libespeak.Phoneme:
		return t.takePhoneme(e)
	case libespeak.End:
		t.doubtful.open = false
		return t.closeWord(e.Sample, min(max(e.Position, t.spoken), len(t.runes)))
	}
	return nil
}

// finish ends what is open at the end of the audio.
func (t *tracker) finish(samples int64) error {
	if err := t.closePhoneme(samples); err != nil {
		return err
	}
	if err := t.closeWord(samples, len(t.runes)); err != nil {
		return err
	}
	return t.closeSentence(samples, len(t.runes))
}

// takeWord begins a word, unless the event lies within the last one: a number that is spelled out makes several, some of them
// shifted. An event of no length is either the pause at the end of a clause or a word before a closing quotation mark.
func (t *tracker) takeWord(e libespeak.Event) error {
	start, end := e.Position, min(e.Position+e.Length, len(t.runes))
	t.doubtful.open = e.Length == 0 && start >= t.spoken && start < len(t.runes) && wordRune(t.runes[start])
	if t.doubtful.open {
		t.doubtful.start, t.doubtful.end, t.doubtful.sample = start, start+1, e.Sample
		return nil
	}
	for start >= 0 && start < end && !spoken(t.runes[start]) {
		start++
	}
	for start >= 0 && start < end && !spoken(t.runes[end-1]) {
		end--
	}
	if start < t.spoken || start >= end {
		return nil
	}
	return t.openWord(mark{start: start, end: end, sample: e.Sample})
}

func (t *tracker) openWord(w mark) error {
	if err := t.closeWord(w.sample, w.start); err != nil {
		return err
	}
	t.word, t.spoken = w, w.end
	t.word.open = true
	return nil
}

func (t *tracker) takeSentence(e libespeak.Event) error {
	if e.Position < t.spoken || e.Position >= len(t.runes) || t.sentence.open && e.Position <= t.sentence.start {
		return nil
	}
	if err := t.closeWord(e.Sample, e.Position); err != nil {
		return err
	}
	if err := t.closeSentence(e.Sample, e.Position); err != nil {
		return err
	}
	t.sentence = mark{open: true, start: e.Position, sample: e.Sample}
	return nil
}

func (t *tracker) takePhoneme(e libespeak.Event) error {
	if err := t.closePhoneme(e.Sample); err != nil {
		return err
	}
	if e.Phoneme == "" {
		if t.pause < 0 {
			t.pause = e.Sample
		}
		return nil
	}
	if t.doubtful.open && t.doubtful.start >= t.spoken {
		t.doubtful.open = false
		if err := t.openWord(t.doubtful); err != nil {
			return err
		}
	}
	t.pause = -1
	t.phoneme = mark{open: true, sample: e.Sample, symbol: e.Phoneme}
	if t.word.open {
		t.phoneme.start, t.phoneme.end = t.word.start, t.word.end
	} else {
		t.phoneme.start = min(max(e.Position, 0), len(t.runes))
		t.phoneme.end = t.phoneme.start
	}
	return nil
}

// closeWord ends the word before the pause that lasts, or at sample. The library's span of a word stops at an apostrophe or a
// hyphen ("isn" of "isn't"): the span is drawn out to the end of what is written together, at most to limit, where the next begins.
func (t *tracker) closeWord(sample int64, limit int) error {
	w := t.word
	t.word.open = false
	if !w.open {
		return nil
	}
	for w.end < limit && (wordRune(t.runes[w.end]) || joiner(t.runes[w.end]) && w.end+1 < limit && wordRune(t.runes[w.end+1])) {
		w.end++
	}
	t.spoken = w.end
	if t.pause >= w.sample {
		sample = min(sample, t.pause)
	}
	return t.send(enginev1.TimingKind_TIMING_KIND_WORD, w, sample)
}

func (t *tracker) closePhoneme(sample int64) error {
	p := t.phoneme
	t.phoneme.open = false
	if !p.open {
		return nil
	}
	return t.send(enginev1.TimingKind_TIMING_KIND_PHONEME, p, sample)
}

// closeSentence ends the sentence at sample; limit is the character where the next begins.
func (t *tracker) closeSentence(sample int64, limit int) error {
	s := t.sentence
	t.sentence.open = false
	if !s.open {
		return nil
	}
	s.end = limit
	for s.end > s.start && !spoken(t.runes[s.end-1]) {
		s.end--
	}
	return t.send(enginev1.TimingKind_TIMING_KIND_SENTENCE, s, sample)
}

func (t *tracker) send(kind enginev1.TimingKind, m mark, end int64) error {
	t.timing.Kind, t.timing.Phoneme = kind, m.symbol
	t.timing.TextOffset = t.offsets[m.start]
	t.timing.TextLength = t.offsets[m.end] - t.offsets[m.start]
	t.timing.Sample, t.timing.Samples = m.sample, max(end-m.sample, 0)
	return t.emit(&t.timing)
}

// spoken is whether a character can stand for sound: not spaces, and not the characters that only format.
func spoken(r rune) bool { return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cf, unicode.Cc) }

// wordRune is whether a character belongs to a word written together.
func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }

// joiner is whether a character between two of a word keeps it together.
func joiner(r rune) bool {
	switch r {
	case '\'', '’', 'ʼ', '-', '‐', '‑', '&', '@', '_', '.', ',':
		return true
	}
	return false
}
