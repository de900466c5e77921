package text

import (
	"unicode"
	"unicode/utf8"
)

// isSpace tells white space, including that of East Asian text.
func isSpace(r rune) bool {
	if r < 0x80 {
		return r == ' ' || '\t' <= r && r <= '\r'
	}
	return unicode.IsSpace(r) || r == 0x200B || r == 0xFEFF // the zero width space, which is between words in Khmer, and the byte order mark
}

// isDigit tells decimal digits of any script.
func isDigit(r rune) bool {
	if r < 0x80 {
		return '0' <= r && r <= '9'
	}
	return unicode.IsDigit(r)
}

// isCloser tells quotes and brackets that end something, and so belong to what is before them. The typewriter's quotes may be
// either; they count as closers after the end of a sentence or a clause.
func isCloser(r rune) bool {
	switch r {
	case ')', ']', '}', '"', '\'', '’', '”', '»', '›', '」', '』', '）', '】', '》', '〉', '〕', '］', '｝', '〗', '〙', '〛', '＂', '＇', '｣', '*', '_':
		return true
	}
	return false
}

// isOpener tells quotes and brackets that begin something, and so belong to what comes after them.
func isOpener(r rune) bool {
	switch r {
	case '(', '[', '{', '“', '‘', '«', '‹', '„', '‚', '「', '『', '（', '【', '《', '〈', '〔', '［', '｛', '〖', '〘', '〚', '｢', '¿', '¡':
		return true
	}
	return false
}

// isPrefix tells other signs that belong to what comes after them.
func isPrefix(r rune) bool {
	switch r {
	case '#', '@', '$', '€', '£', '¥', '￥', '₩', '₹':
		return true
	}
	return false
}

// isStop tells signs that end a sentence wherever they are.
func isStop(r rune) bool {
	switch r {
	case '。', '｡', '！', '？', '‼', '⁇', '⁈', '⁉', '‽', '؟', '۔', '।', '॥', '։', '።', '፧', '។', '။', '\u037e':
		return true
	}
	return false
}

// isTypewriterStop tells signs that end a sentence or are something else, by what is around them.
func isTypewriterStop(r rune) bool { return r == '.' || r == '!' || r == '?' || r == '．' }

// isEllipsis tells signs that end a sentence or interrupt it, by what follows.
func isEllipsis(r rune) bool { return r == '…' || r == '⋯' }

// isPause tells signs that end a clause wherever they are, unless digits are on both sides.
func isPause(r rune) bool {
	switch r {
	case '、', '，', '；', '：', '､', '،', '؛', '—', '―', '﹐', '﹑', '﹔', '﹕', '፣', '፤', '፥', '၊', '៖':
		return true
	}
	return false
}

// isTypewriterPause tells signs that end a clause if a space or East Asian text follows.
func isTypewriterPause(r rune) bool {
	return r == ',' || r == ';' || r == ':' || r == '–' || r == '-'
}

// extends tells code points that belong to the character before them: combining marks, joiners, variation selectors, skin tones,
// the vowels and finals of conjoining Hangul.
func extends(r rune) bool {
	if r < 0x300 {
		return false
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) || r == zeroWidthJoiner || r == 0x200C ||
		r >= 0x1F3FB && r <= 0x1F3FF || r >= 0x1160 && r <= 0x11FF || r >= 0xD7B0 && r <= 0xD7FB || r >= 0xE0020 && r <= 0xE007F ||
		r == 0xFF9E || r == 0xFF9F
}

const zeroWidthJoiner = 0x200D

// isFlagHalf tells regional indicators, two of which make a flag.
func isFlagHalf(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// staysBehind tells letters that no line begins with: small kana, the long vowel mark, iteration marks, Thai and Lao vowels.
func staysBehind(r rune) bool {
	switch r {
	case 'ぁ', 'ぃ', 'ぅ', 'ぇ', 'ぉ', 'っ', 'ゃ', 'ゅ', 'ょ', 'ゎ', 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ッ', 'ャ', 'ュ', 'ョ', 'ヮ', 'ー', '々', 'ゝ', 'ヽ', '〻',
		'ะ', 'า', 'ำ', 'ๅ', 'ๆ', 'ฯ', 'ະ', 'າ', 'ຳ', 'ໆ':
		return true
	}
	return false
}

// goesAhead tells letters that no line ends with: the vowels that Thai and Lao write before their consonant.
func goesAhead(r rune) bool { return r >= 0x0E40 && r <= 0x0E44 || r >= 0x0EC0 && r <= 0x0EC4 }

// runeAt returns the code point at byte i, and 0 beyond the end.
func (s *Segmenter) runeAt(i int) (rune, int) {
	if i >= len(s.text) {
		return 0, 0
	}
	return utf8.DecodeRuneInString(s.text[i:])
}

// runeBefore returns the code point that ends at byte i, and 0 if that is start.
func (s *Segmenter) runeBefore(start, i int) rune {
	if i <= start {
		return 0
	}
	r, _ := utf8.DecodeLastRuneInString(s.text[start:i])
	return r
}
