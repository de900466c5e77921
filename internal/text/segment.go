// Package text is the front end that turns a text into segments: parts that one engine speaks in one go, each in one language.
// Every step keeps the offsets into the original text.
package text

import (
	"unicode/utf8"

	"github.com/orotund/orotund/internal/speech"
)

// DefaultMaxCharacters is the limit of a segment when none is given: some 15 seconds of speech.
const DefaultMaxCharacters = 240

// MinMaxCharacters is the lowest limit of a segment; lower ones count as this.
const MinMaxCharacters = 16

// DefaultFirst suits as Options.First where somebody waits for the first sound: some 4 seconds of speech.
const DefaultFirst = 60

// Options of a Segmenter.
type Options struct {
	// Language is a BCP 47 tag that holds for the text in its script ("en-GB" for Latin, "zh" for Han, "sr" for Cyrillic); text in
	// other scripts keeps its own language. Empty, or no such tag: Latin is English, Han is Chinese or Japanese by what is around
	// it, Cyrillic is Russian, Arabic is Arabic, and so on.
	Language string
	// MaxCharacters limits a segment, in code points with a run of white space counted once; 0 is DefaultMaxCharacters. Closing
	// punctuation may go up to 32 beyond it.
	MaxCharacters int
	// First, if it is not 0, makes the first segments short, so that they are heard early: a first sentence longer than this is cut after a
	// clause. It counts as MaxCharacters does, but East Asian characters twice. The limit doubles from segment to segment up to
	// MaxCharacters. Nothing is cut for it but at the end of a clause, and not if fewer than 8 letters, or 4 East Asian ones, would be on
	// either side.
	First int
}

// Segmenter cuts a text into segments, each found when it is asked for. It copies no text, works in time that is linear in the
// length, and never fails: bytes that are not UTF-8 are carried along as signs that nobody can say.
//
// A segment ends with its paragraph, its sentence, or its language; sentences over the limit are cut after a clause, at a space,
// or between characters, in this order. A number, an abbreviation, an address or a tag is cut only if it alone is over the limit. The segments are in order and do not overlap. Each holds something that Speakable calls
// so; what lies between them is white space and text that nobody can say.
type Segmenter struct {
	text  string
	max   int
	first int
	langs languages
	han   hanFinder
	pos   int    // the first byte not yet looked at
	index int    // of the next segment
	last  string // language of the segment before
}

// NewSegmenter returns a segmenter of text.
func NewSegmenter(text string, opts Options) *Segmenter {
	limit := opts.MaxCharacters
	if limit <= 0 {
		limit = DefaultMaxCharacters
	}
	return &Segmenter{text: text, max: max(limit, MinMaxCharacters), first: max(opts.First, 0), langs: languagesFor(opts.Language)}
}

// Next returns the next segment, or false after the last.
func (s *Segmenter) Next() (speech.Segment, bool) {
	for {
		start, _ := s.skipSpace(s.pos)
		if start == len(s.text) {
			s.pos = start
			return speech.Segment{}, false
		}
		p := s.scan(start)
		s.pos = p.end
		if !p.speakable {
			continue
		}
		end := trimSpace(s.text, start, p.end)
		if p.language == "" {
			p.language = s.languageOfSigns(end)
		}
		seg := speech.Segment{
			Index:    s.index,
			Text:     s.text[start:end],
			Offset:   start,
			Length:   end - start,
			Language: p.language,
			Boundary: s.strengthen(p),
		}
		s.index++
		s.last = p.language
		return seg, true
	}
}

// piece is what one scan finds.
type piece struct {
	end       int // exclusive; white space may come before it
	boundary  speech.Boundary
	language  string // empty: nothing in it tells
	speakable bool
}

// peekRunes is how far is looked ahead for what follows a segment.
const peekRunes = 64

// languageOfSigns chooses the language of a segment without a letter, such as a number: that of the segment before, else that
// of the next letter, else the declared one, else English.
func (s *Segmenter) languageOfSigns(at int) string {
	if s.last != "" {
		return s.last
	}
	for n := 0; at < len(s.text) && n < peekRunes; n++ {
		r, w := utf8.DecodeRuneInString(s.text[at:])
		if sc := scriptOf(r); sc != neutral {
			return s.languageAt(sc, at)
		}
		at += w
	}
	if s.langs.forced != "" {
		return s.langs.forced
	}
	return s.langs.of[latin]
}

// languageAt returns the language of a letter of script sc at byte i.
func (s *Segmenter) languageAt(sc script, i int) string {
	if sc == han {
		return s.hanLanguage(i)
	}
	return s.langs.of[sc]
}

// strengthen returns the boundary of a piece, which is a paragraph's if nothing that can be said comes before the next blank
// line or the end of the text.
func (s *Segmenter) strengthen(p piece) speech.Boundary {
	at := p.end
	for n := 0; n < peekRunes; n++ {
		next, lines := s.skipSpace(at)
		if next == len(s.text) || lines >= 2 {
			return speech.BoundaryParagraph
		}
		r, w := utf8.DecodeRuneInString(s.text[next:])
		if speakable(r) {
			break
		}
		at = next + w
	}
	return p.boundary
}

// skipSpace returns the first byte from i on that is not white space, and how many line ends are before it; a form feed or a
// paragraph separator counts as two.
func (s *Segmenter) skipSpace(i int) (next, lines int) {
	for i < len(s.text) {
		r, w := utf8.DecodeRuneInString(s.text[i:])
		if !isSpace(r) {
			break
		}
		switch r {
		case '\r':
			if i+1 == len(s.text) || s.text[i+1] != '\n' {
				lines++
			}
		case '\n', '\v', 0x85, 0x2028:
			lines++
		case '\f', 0x2029:
			lines += 2
		}
		i += w
	}
	return i, lines
}

// trimSpace returns end without the white space before it, but not less than start.
func trimSpace(text string, start, end int) int {
	for end > start {
		r, w := utf8.DecodeLastRuneInString(text[start:end])
		if !isSpace(r) {
			break
		}
		end -= w
	}
	return end
}
