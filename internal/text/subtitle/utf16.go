package subtitle

import "unicode/utf8"

// UTF16 maps byte offsets of a text to UTF-16 code units, the unit of JavaScript, Java and C# strings. Offsets that rise cost the length of the
// text in all; one that goes back costs the distance. It is not safe for concurrent use.
type UTF16 struct {
	text  string
	at    int // a byte where a character begins …
	units int // … and the code units before it
}

// NewUTF16 returns a mapper of text. A byte that is not UTF-8 counts as one unit, as the U+FFFD that it becomes.
func NewUTF16(text string) *UTF16 { return &UTF16{text: text} }

// At returns how many UTF-16 code units are before byte offset of the text. An offset inside a character counts as the character's
// beginning, one before the text as 0, one beyond it as its end.
func (m *UTF16) At(offset int) int {
	offset = min(max(offset, 0), len(m.text))
	if offset < m.at/2 {
		m.at, m.units = 0, 0
	}
	for m.at > offset {
		r, w := utf8.DecodeLastRuneInString(m.text[:m.at])
		m.at -= w
		m.units -= units(r)
	}
	for m.at < offset {
		r, w := utf8.DecodeRuneInString(m.text[m.at:])
		if m.at+w > offset {
			break
		}
		m.at += w
		m.units += units(r)
	}
	return m.units
}

// units is how many code units a character has.
func units(r rune) int {
	if r >= 0x10000 {
		return 2
	}
	return 1
}
