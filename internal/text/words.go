package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a part of a text.
type Span struct {
	Offset int // first byte
	Length int // bytes
}

// maxRun is how many characters of kana, or of a script without spaces such as Thai, are one word at most.
const maxRun = 12

// AppendWords appends to dst the words of s, in order, as subtitles show them, and returns it. Numbers, addresses and words with an
// apostrophe or hyphen inside are whole, a Han character is a word, and so are a run of Hiragana or Katakana and a few letters of a script
// without spaces; so is a tag. Punctuation is in no word, all that Speakable knows is in one. language is the BCP 47 tag of s, or empty.
func AppendWords(dst []Span, s, language string) []Span {
	base, _, _ := strings.Cut(language, "-")
	colons := base == "fi" || base == "sv" // EU:n
	for i := 0; i < len(s); {
		r, w := utf8.DecodeRuneInString(s[i:])
		end := tagEnd(s, i)
		switch sc := scriptOf(r); {
		case end > 0:
		case !inWord(r):
			i += w
			continue
		case sc == han:
			end = extended(s, i+w)
		case sc.breaksAnywhere():
			end = runEnd(s, i)
		default:
			end = wordEnd(s, i, colons)
		}
		dst = append(dst, Span{i, end - i})
		i = end
	}
	return dst
}

// inWord tells the characters that words are made of.
func inWord(r rune) bool { return speakable(r) || r >= 0x80 && unicode.IsNumber(r) }

// extended returns the end of what belongs to the character that ends at byte i.
func extended(s string, i int) int {
	for i < len(s) {
		r, w := utf8.DecodeRuneInString(s[i:])
		if !extends(r) {
			break
		}
		i += w
	}
	return i
}

// runEnd returns the end of the run of one script without spaces from byte i on; Hiragana and Katakana count as two.
func runEnd(s string, i int) int {
	first, _ := utf8.DecodeRuneInString(s[i:])
	var prev rune
	for n := 0; i < len(s); n++ {
		r, w := utf8.DecodeRuneInString(s[i:])
		if n > 0 && !staysBehind(r) && (!inWord(r) || scriptOf(r) != scriptOf(first) || unicode.Is(unicode.Hiragana, r) != unicode.Is(unicode.Hiragana, first) ||
			n >= maxRun && !goesAhead(prev)) {
			break
		}
		i, prev = extended(s, i+w), r
	}
	return i
}

// wordEnd returns the end of the word of letters and digits from byte i on.
func wordEnd(s string, i int, colons bool) int {
	var prev rune
	for i < len(s) {
		r, w := utf8.DecodeRuneInString(s[i:])
		if i+w < len(s) && r == ':' && strings.HasPrefix(s[i:], "://") && prev < 0x80 {
			return addressEnd(s, i)
		}
		switch {
		case inWord(r):
			if scriptOf(r).breaksAnywhere() {
				return i
			}
		case !joins(prev, r, next(s, i+w), colons):
			return i
		}
		i, prev = extended(s, i+w), r
	}
	return i
}

// next returns the character at byte i, or 0.
func next(s string, i int) rune {
	if i >= len(s) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return r
}

// joins tells whether the sign r between two characters makes one word of them.
func joins(before, r, after rune, colons bool) bool {
	if !inWord(after) || !inWord(before) || scriptOf(after).breaksAnywhere() {
		return false
	}
	switch r {
	case '\'', '’', '-', '‐', '‑', '.', '/', '_', '·', '°', '\u00AD':
		return true
	case ',', '，', '．', '：', '٫', '٬':
		return isDigit(before) && isDigit(after)
	case ':':
		return isDigit(before) && isDigit(after) || colons && unicode.IsLetter(before) && unicode.IsLetter(after)
	}
	return false
}

// addressEnd returns the end of the URL whose :// is at byte i: all ASCII up to white space, without the punctuation at its end.
func addressEnd(s string, i int) int {
	last := i
	for ; i < len(s) && s[i] > ' ' && s[i] < 0x7F && s[i] != '<' && s[i] != '>' && s[i] != '"'; i++ {
		if inWord(rune(s[i])) || s[i] == '/' {
			last = i + 1
		}
	}
	return last
}
