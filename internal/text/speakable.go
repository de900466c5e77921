package text

import (
	"strings"
	"unicode"
)

// spokenSymbols are the symbols that the engines of Orotund read aloud when there is nothing else: both flite and espeak-ng's
// English say each of them. Marks that both say as well but that stand alone only as ornament (* / ~ \) are left out, and so are
// signs that flite is silent about (€ £ ¥ ° © ½ ①) and emoji.
const spokenSymbols = "%&+=$@#"

// Speakable tells whether there is anything in s to say: a letter or a decimal digit of any script, or one of % & + = $ @ #.
// Text of nothing else (punctuation, emoji, white space, bytes that are not UTF-8) would come back as silence.
func Speakable(s string) bool {
	for _, r := range s {
		if speakable(r) {
			return true
		}
	}
	return false
}

func speakable(r rune) bool {
	if r < 0x80 {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.IndexByte(spokenSymbols, byte(r)) >= 0
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
