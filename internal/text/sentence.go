package text

import (
	"unicode"

	"github.com/orotund/orotund/internal/speech"
)

// maxTail is how many bytes of stops and closers are taken with the end of a sentence or a clause.
const maxTail = 16

// stop tells what the sign r of w bytes at the scanner's place ends, a sentence, a clause or nothing, and where that ends.
func (c *scanner) stop(r rune, w int) (speech.Boundary, int) {
	end := c.at + w
	switch {
	case isStop(r), r == ';' && c.script == greek:
		return speech.BoundarySentence, c.tail(end)
	case isEllipsis(r):
		return c.ellipsis(c.tail(end))
	case isTypewriterStop(r):
		return c.typewriterStop(r, end)
	case isPause(r):
		next, _ := c.runeAt(end)
		if isDigit(c.prev) && isDigit(next) {
			return speech.BoundaryNone, 0
		}
		return speech.BoundaryClause, c.closers(end)
	case isTypewriterPause(r):
		if (r == '-' || r == '–') && c.prev != ' ' || r == ';' && c.entity() {
			return speech.BoundaryNone, 0 // inside a word or a range; &amp;
		}
		whole := c.closers(end)
		if next, _ := c.runeAt(whole); next == 0 || isSpace(next) || scriptOf(next).isCJK() || c.prevs.isCJK() || tagEnd(c.text, whole) > 0 {
			return speech.BoundaryClause, whole
		}
	}
	return speech.BoundaryNone, 0
}

// closers returns the end of the closers from byte end on.
func (c *scanner) closers(end int) int {
	for limit := end + maxTail; end < limit; {
		r, w := c.runeAt(end)
		if !c.closes(r, end+w) {
			break
		}
		end += w
	}
	return end
}

// closes tells whether r, which ends at byte end and comes after a stop, a pause or another closer, closes. Quotes that open as
// well (the typewriter's, the German “) open if a letter or digit follows; the typewriter's close before East Asian text all the
// same, because that often has no space there.
func (c *scanner) closes(r rune, end int) bool {
	typewriter := r == '"' || r == '\'' || r == '*' || r == '_'
	if !typewriter && r != '“' && r != '‘' && r != '«' && r != '‹' && r != '»' && r != '›' {
		return isCloser(r)
	}
	next, _ := c.runeAt(end)
	return !unicode.IsLetter(next) && !isDigit(next) || typewriter && scriptOf(next).isCJK()
}

// entity tells whether the semicolon at the scanner's place ends a character reference such as &amp; or &#8212;.
func (c *scanner) entity() bool {
	for i := c.at - 1; i >= max(c.start, c.at-10); i-- {
		switch b := c.text[i]; {
		case b == '&':
			return i < c.at-1
		case b == '#' || numeric(c.text[i:i+1]) || scriptOf(rune(b)) == latin:
		default:
			return false
		}
	}
	return false
}

// tail returns the end of the further stops and closers from byte end on. The space before a French » and a closing tag are among them.
func (c *scanner) tail(end int) int {
	for limit := end + maxTail; end < limit; {
		r, w := c.runeAt(end)
		if r == '<' && end+1 < len(c.text) && c.text[end+1] == '/' {
			if after := tagEnd(c.text, end); after > 0 {
				end = after
				continue
			}
		}
		if after := c.footnote(end); after > 0 {
			end = after
			continue
		}
		if r == ' ' || r == 0xA0 || r == 0x202F {
			if next, n := c.runeAt(end + w); (next == '»' || next == '›') && c.closes(next, end+w+n) {
				end += w + n
				continue
			}
		}
		if !isStop(r) && !isEllipsis(r) && r != '!' && r != '?' && r != '.' && !c.closes(r, end+w) {
			break
		}
		end += w
	}
	return end
}

// footnote returns the end of the footnote mark [1] at byte i, and 0 if there is none.
func (c *scanner) footnote(i int) int {
	if i >= len(c.text) || c.text[i] != '[' {
		return 0
	}
	for at := i + 1; at < min(len(c.text), i+5); at++ {
		switch {
		case numeric(c.text[at : at+1]):
		case c.text[at] == ']' && at > i+1:
			return at + 1
		default:
			return 0
		}
	}
	return 0
}

// ellipsis decides about dots that end at byte end: they end a sentence if a capital follows, else a clause.
func (c *scanner) ellipsis(end int) (speech.Boundary, int) {
	next, _ := c.skipSpace(end)
	if first := c.firstLetter(next); next > end && unicode.IsUpper(first) {
		return speech.BoundarySentence, end
	}
	return speech.BoundaryClause, end
}

// firstLetter returns the code point at byte i, or the one behind the opening quotes, brackets and tags there.
func (c *scanner) firstLetter(i int) rune {
	for range 4 {
		if end := tagEnd(c.text, i); end > 0 {
			i, _ = c.skipSpace(end)
			continue
		}
		r, w := c.runeAt(i)
		if next, _ := c.runeAt(i + w); !isOpener(r) && !(isPrefix(r) && isDigit(next)) && r != '"' && r != '\'' && r != '*' && r != '_' {
			return r
		}
		i += w
	}
	return 0
}

// typewriterStop decides about . ! ? before byte end.
func (c *scanner) typewriterStop(r rune, end int) (speech.Boundary, int) {
	whole := c.tail(end)
	next, _ := c.runeAt(whole)
	if tag := tagEnd(c.text, whole); tag > 0 {
		if next, _ = c.runeAt(tag); !isDigit(next) {
			next = ' '
		}
	}
	if next > ' ' && next < 0x80 || (unicode.IsLetter(next) || isDigit(next)) && !scriptOf(next).isCJK() {
		return speech.BoundaryNone, 0 // 3.14, example.com, ?q=1
	}
	if r == '.' && whole-end >= 2 && c.text[end:end+2] == ".." {
		return c.ellipsis(whole)
	}
	follows, _ := c.skipSpace(whole)
	first := c.firstLetter(follows)
	if first == 0 {
		return speech.BoundarySentence, whole
	}
	last := c.runeBefore(end, whole)
	quoted := isCloser(last) || last == '>' || last == '“' || last == '‘' || last == '«'
	if unicode.IsLower(first) && (quoted || r == '.' && whole == end) {
		return speech.BoundaryNone, 0 // "Go!" he said.
	}
	if r == '.' && whole == end && c.abbreviated(first, follows) {
		return speech.BoundaryNone, 0
	}
	return speech.BoundarySentence, whole
}

// A line that a program has wrapped has at least this many bytes.
const (
	wrapWidth      = 50
	wrapWidthLower = 30 // if the next line goes on in lower case
)

// wrapped tells whether the single line end at the scanner's place only wraps a line: the line is long, and what follows at byte
// next looks like its continuation and not like an item of a list. East Asian lines end where they end.
func (c *scanner) wrapped(next int) bool {
	r, w := c.runeAt(next)
	width := c.at - c.lineStart()
	switch {
	case unicode.IsLower(r):
		return width >= wrapWidthLower
	case isDigit(r):
		at := next
		for isDigit(r) && at-next < 4 {
			at += w
			r, w = c.runeAt(at)
		}
		return r != '.' && r != ')' && width >= wrapWidth
	case scriptOf(r).isCJK(), scriptOf(r) == neutral && !isOpener(r) && r != '"':
		return false
	}
	return width >= wrapWidth
}

// lineStart returns the byte after the last line end before the scanner's place, as far as it matters for wrapped.
func (c *scanner) lineStart() int {
	i := c.at
	for i > 0 && c.at-i < wrapWidth && c.text[i-1] != '\n' && c.text[i-1] != '\r' {
		i--
	}
	return i
}
