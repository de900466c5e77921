package text

import (
	"unicode"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/speech"
)

const (
	// overhang is how many characters beyond its limit a segment may have before the last sign, and maxTail how many after that.
	overhang = 16
	// maxGap is the longest white space, in bytes, that a segment may have inside.
	maxGap = 64
)

// scanner looks for the end of one piece.
type scanner struct {
	*Segmenter
	start  int
	at     int  // byte of the next code point
	count  int  // characters before it
	prev   rune // the code point before it; 0 at the start
	prevs  script
	flags  int    // regional indicators right before it
	lang   string // of the piece, empty until a letter tells
	script script // of the last letter
	token  int    // byte at which the token begins that goes with what follows it if it has no letter; -1: it has one
	say    bool   // something speakable was there
	depth  int    // of open brackets
	cuts
	ramp
}

// scan finds the piece that begins at byte start, where a code point is that is not white space.
func (s *Segmenter) scan(start int) piece {
	c := scanner{Segmenter: s, start: start, at: start, token: start}
	c.ramp.limit = s.rampLimit()
	for c.at < len(s.text) {
		if c.ramp.due() {
			return c.upTo(c.early.at, speech.BoundaryClause)
		}
		r, w := utf8.DecodeRuneInString(s.text[c.at:])
		if isSpace(r) {
			if p, ok := c.gap(); ok {
				return p
			}
			continue
		}
		if r == '<' {
			if end := tagEnd(s.text, c.at); end > 0 && utf8.RuneCountInString(s.text[c.at:end]) <= s.max {
				if p, ok := c.tag(end); ok {
					return p
				}
				continue
			}
		}
		sc := scriptOf(r)
		c.mark(r, sc)
		if c.count >= s.max && (speakable(r) || c.count >= s.max+overhang) {
			return c.cutShort()
		}
		if sc != neutral {
			if p, ok := c.letter(sc, w); ok {
				return p
			}
		} else if p, ok := c.sign(r, w); ok {
			return p
		}
	}
	return c.piece(c.at, speech.BoundaryParagraph)
}

// piece ends the scan at byte end.
func (c *scanner) piece(end int, b speech.Boundary) piece {
	return piece{end: end, boundary: b, language: c.lang, speakable: c.say}
}

// advance takes the code point r of w bytes.
func (c *scanner) advance(r rune, w int, sc script) {
	c.at += w
	c.count++
	c.flags++
	if !isFlagHalf(r) {
		c.flags = 0
	}
	c.prev, c.prevs = r, sc
	if sc == neutral {
		c.bracket(r)
	}
	said := speakable(r)
	c.say = c.say || said
	c.ramp.add(sc, said)
}

// gap takes white space, which may end the piece.
func (c *scanner) gap() (piece, bool) {
	next, lines := c.skipSpace(c.at)
	switch {
	case next == len(c.text) || lines >= 2:
		return c.piece(next, speech.BoundaryParagraph), true
	case lines == 1 && !c.wrapped(next):
		return c.piece(next, speech.BoundarySentence), true
	case next-c.at > maxGap:
		return c.piece(next, speech.BoundaryClause), true
	}
	c.count++
	c.ramp.weight++
	c.atSpace(next)
	c.at, c.token = next, next
	c.prev, c.prevs, c.flags = ' ', neutral, 0
	return piece{}, false
}

// letter takes the letter at the scanner's place, which ends the piece before it if it is of another language.
func (c *scanner) letter(sc script, w int) (piece, bool) {
	r, _ := c.runeAt(c.at)
	if sc == latin && c.prevs != latin {
		if end := c.loneLetter(); end > 0 {
			for c.at < end {
				r, w := c.runeAt(c.at)
				c.advance(r, w, neutral)
			}
			c.token = -1
			return piece{}, false
		}
	}
	lang := c.languageAt(sc, c.at)
	if c.lang != "" && lang != c.lang {
		end := c.at
		if c.token >= 0 {
			end = c.token
		}
		b := speech.BoundaryNone
		if c.clause.at == end {
			b = speech.BoundaryClause
		}
		return c.piece(end, b), true
	}
	c.lang, c.script, c.token = lang, sc, -1
	c.advance(r, w, sc)
	return piece{}, false
}

// loneLetter returns the end of a token with a single Latin letter, and perhaps digits, that is read as part of the Chinese,
// Japanese or Korean around it (A股, 3D打印, 选 A 还是 B), and 0 for any other. A lone letter next to a Latin word is that word's.
func (c *scanner) loneLetter() int {
	if c.lang != "" && !c.script.isCJK() {
		return 0
	}
	_, w := c.runeAt(c.at)
	end := c.at + w
	for {
		r, w := c.runeAt(end)
		if !isDigit(r) {
			break
		}
		if end += w; end-c.at > maxToken {
			return 0
		}
	}
	r, w := c.runeAt(end)
	if r == '@' {
		return 0
	}
	if r == '.' || r == '\'' || r == '’' || r == '-' || r == '&' || r == '+' {
		r, _ = c.runeAt(end + w)
		if scriptOf(r) == latin || isSpace(r) {
			return 0
		}
	}
	next, lines := c.skipSpace(end)
	if lines > 0 {
		next = len(c.text)
	}
	r, _ = c.runeAt(next)
	sc := scriptOf(r)
	if sc == latin || c.lang == "" && !sc.isCJK() {
		return 0
	}
	return end
}

// sign takes the code point r, which is no letter that tells a language. It may end a sentence.
func (c *scanner) sign(r rune, w int) (piece, bool) {
	if b, end := c.stop(r, w); b != speech.BoundaryNone {
		for c.at < end { // what follows the stop may be speakable, as the * of a footnote is not
			r, w := c.runeAt(c.at)
			c.advance(r, w, neutral)
		}
		if b == speech.BoundarySentence {
			return c.piece(end, b), true
		}
		c.atClause(r)
		c.token = c.at
		return piece{}, false
	}
	switch {
	case c.token < 0 && (isOpener(r) || isPrefix(r) && (c.prevs != latin || r == '@' || r == '#') || isDigit(r) && c.prevs.isCJK()):
		c.token = c.at
	case c.lang != "" && r >= 0x80 && unicode.IsLetter(r):
		c.token = -1 // a letter of many scripts: it is of the language before it
	}
	c.advance(r, w, neutral)
	return piece{}, false
}

// tag takes the markup tag that ends at byte end. It is of no language, and is not cut. An opening one goes with what follows.
func (c *scanner) tag(end int) (piece, bool) {
	c.mark('<', neutral)
	if c.count > 0 && c.count+utf8.RuneCountInString(c.text[c.at:end]) > c.max {
		return c.cutShort(), true
	}
	closing, empty := c.text[c.at+1] == '/', c.text[end-2] == '/'
	if c.token < 0 && !closing && !empty {
		c.token = c.at
	}
	if c.bound = (cut{c.at, c.count}); !closing {
		c.between = c.bound
	}
	for c.at < end {
		r, w := c.runeAt(c.at)
		c.advance(r, w, neutral)
	}
	if c.bound = (cut{c.at, c.count}); closing || empty {
		c.between = c.bound
	}
	return piece{}, false
}

// mark remembers the place before r, a code point of script sc, as one where the piece may be cut.
func (c *scanner) mark(r rune, sc script) {
	if c.prev == 0 || extends(r) || c.prev == zeroWidthJoiner || isFlagHalf(r) && c.flags%2 == 1 || goesAhead(c.prev) {
		return
	}
	c.grapheme = cut{c.at, c.count}
	switch {
	case !sc.breaksAnywhere() && !c.prevs.breaksAnywhere(): // inside a word, a number, an address
	case sc == neutral && !isOpener(r): // punctuation stays with what is before it
	case c.prevs == neutral && (isOpener(c.prev) || isDigit(c.prev)): // 3月
	case staysBehind(r):
	default:
		c.between = cut{c.at, c.count}
	}
}

// upTo ends the piece at byte end, which is not after the scanner's place.
func (c *scanner) upTo(end int, b speech.Boundary) piece {
	p := c.piece(end, b)
	p.speakable = Speakable(c.text[c.start:end])
	return p
}
