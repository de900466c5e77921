package subtitle

import (
	"unicode"
	"unicode/utf8"
)

// maxPiece is the longest atom in bytes, however narrow it is.
const maxPiece = 1024

// isWide tells the characters that are as wide as two Latin ones (UAX #11, Wide and Fullwidth; blocks, not each character).
func isWide(r rune) bool {
	switch {
	case r < 0x1100:
		return false
	case r <= 0x115F, r >= 0x2E80 && r <= 0xA4CF && r != 0x303F, r >= 0xAC00 && r <= 0xD7A3, r >= 0xF900 && r <= 0xFAFF,
		r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF00 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6, r >= 0x1F300 && r <= 0x1FAFF, r >= 0x20000 && r <= 0x3FFFD:
		return true
	}
	return false
}

// isZeroWidth tells characters that take no room of their own.
func isZeroWidth(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc) }

// runeWidth is the width of a character in the units of atom.
func (b *Builder) runeWidth(r rune) int {
	switch {
	case r >= 0x20 && r < 0x7F, unicode.IsSpace(r): // a line end becomes a space
		return b.opts.WideColumns
	case r >= 0x3041 && r <= 0x9FFF && r != 0x3099 && r != 0x309A:
		return b.opts.Columns
	case isZeroWidth(r):
		return 0
	case isWide(r):
		return b.opts.Columns
	}
	return b.opts.WideColumns
}

// width is the width of s as appendText writes it.
func (b *Builder) width(s string) int {
	total := 0
	walk(s, func(r rune) { total += b.runeWidth(r) })
	return total
}

// chop returns how many bytes of s are an atom: all if it is no wider than a line, else up to white space or a full-width character, else as
// many characters as there is room for.
func (b *Builder) chop(s string) int {
	limit, width, soft, whole := b.limit(), 0, 0, 0
	var prev rune
	for i := 0; i < len(s); {
		r, w := utf8.DecodeRuneInString(s[i:])
		rw := b.runeWidth(r)
		joined := rw == 0 || prev == 0x200D || r >= 0x1F3FB && r <= 0x1F3FF || unicode.Is(unicode.Mc, r)
		if !joined {
			whole = i
		}
		if i > 0 && (i >= maxPiece || width+rw > limit) {
			switch {
			case soft > 0:
				return soft
			case whole > 0:
				return whole
			}
			return i
		}
		if i > 0 && !joined && (unicode.IsSpace(r) || isWide(r) && unicode.IsLetter(r)) {
			soft = i
		}
		width += rw
		prev = r
		i += w
	}
	return len(s)
}

// walk calls f for each character of s as subtitles show it: a run of white space is one space, or none where a line of full-width text ends;
// control characters are left out; a byte that is not UTF-8 is U+FFFD.
func walk(s string, f func(rune)) {
	space, line := false, false
	var prev rune
	for _, r := range s {
		if unicode.IsSpace(r) {
			space, line = true, line || r == '\n' || r == '\r'
			continue
		}
		if unicode.Is(unicode.Cc, r) || r == 0xFEFF {
			continue
		}
		if space && prev != 0 && !(line && isWide(prev) && isWide(r)) {
			f(' ')
		}
		f(r)
		space, line, prev = false, false, r
	}
}

// appendLine appends the text of atoms as one line. An atom may have nothing to show, such as a control character.
func (b *Builder) appendLine(dst []byte, list []atom) []byte {
	begin, space := len(dst), false
	for _, a := range list {
		space = space || a.gap
		walk(b.text[a.from:a.to], func(r rune) {
			if space && len(dst) > begin {
				dst = append(dst, ' ')
			}
			space = false
			dst = utf8.AppendRune(dst, r)
		})
	}
	return dst
}

// spaced tells whether white space is shown between what ends at byte end and what begins at byte from.
func spaced(s string, end, from int) bool {
	if end >= from {
		return false
	}
	prev, _ := utf8.DecodeLastRuneInString(s[:end])
	next, _ := utf8.DecodeRuneInString(s[from:])
	if !isWide(prev) || !isWide(next) {
		return true
	}
	for i := end; i < from; i++ {
		if s[i] == '\n' || s[i] == '\r' {
			return false
		}
	}
	return true
}

// trim returns the part of s[from:to] without white space around.
func trim(s string, from, to int) (int, int) {
	for from < to {
		r, w := utf8.DecodeRuneInString(s[from:to])
		if !unicode.IsSpace(r) {
			break
		}
		from += w
	}
	for from < to {
		r, w := utf8.DecodeLastRuneInString(s[from:to])
		if !unicode.IsSpace(r) {
			break
		}
		to -= w
	}
	return from, to
}

func isSpaceAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return unicode.IsSpace(r)
}

// runeStart returns the beginning of the character that byte i is inside of, or i.
func runeStart(s string, i int) int {
	for at := i - 1; at >= max(0, i-utf8.UTFMax+1); at-- {
		if utf8.RuneStart(s[at]) {
			if _, w := utf8.DecodeRuneInString(s[at:]); at+w > i {
				return at
			}
			break
		}
	}
	return i
}

// runeEnd returns the end of the character that byte i is inside of, or i.
func runeEnd(s string, i int) int {
	at := runeStart(s, i)
	if at == i {
		return i
	}
	_, w := utf8.DecodeRuneInString(s[at:])
	return at + w
}

// splitGap returns where the text between a word that ends at byte from and the next, at byte to, is divided: stops, closing quotes and brackets are
// the word's, opening ones and signs such as $ are the next one's.
func splitGap(s string, from, to int) int {
	split := from
	prev := 'x' // a letter
	line := false
	for i := from; i < to; {
		r, w := utf8.DecodeRuneInString(s[i:])
		next := ' '
		if i+w < len(s) {
			next, _ = utf8.DecodeRuneInString(s[i+w:])
		}
		switch {
		case unicode.IsSpace(r):
			line = line || r == '\n' || r == '\r'
		case opens(prev, r, next), line && (r == '-' || r == '*' || r == '•' || r == '–'):
			return split
		default:
			split, line = i+w, false
		}
		prev = r
		i += w
	}
	return split
}

// opens tells whether r between two characters belongs to what follows.
func opens(prev, r, next rune) bool {
	left, right := !unicode.IsSpace(prev), !unicode.IsSpace(next)
	switch r {
	case '(', '[', '{', '„', '‚', '「', '『', '（', '【', '《', '〈', '〔', '［', '｛', '〖', '〘', '〚', '｢', '¿', '¡', '#', '@', '$', '€', '£', '¥', '￥', '₩', '₹':
		return true
	case '<':
		return next != '/'
	case '“', '‘', '«', '‹':
		return left == right || right
	case '”', '’', '»', '›':
		return right && !left
	case '"', '\'', '*', '_', '＂', '＇':
		if left && right {
			return !unicode.Is(unicode.Po, prev) || prev == ':' || prev == ',' || prev == '：' || prev == '，'
		}
		return !left
	}
	return false
}
