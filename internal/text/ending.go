package text

import (
	"unicode"
	"unicode/utf8"
)

// Ending returns the punctuation that ends s, as one of , ; : - . ? ! … whatever the script, or 0 if none does. It looks behind white
// space, closing quotes and brackets, tags, and signs that nobody says, such as emoji.
//
// Of several marks the last one counts: ？！ is '!', ...? is '?'. Two full stops or more are an ellipsis. The enumeration comma 、 is ',',
// every dash that is not part of a word is '-', the Greek question mark U+037E is '?'.
func Ending(s string) rune {
	for len(s) > 0 {
		if begin := tagBegin(s); begin >= 0 {
			s = s[:begin]
			continue
		}
		r, w := utf8.DecodeLastRuneInString(s)
		before, _ := utf8.DecodeLastRuneInString(s[:len(s)-w])
		switch mark := markOf(r); {
		case mark == '-' && (r == '-' || r == '‐' || r == '‑') && !isSpace(before) && before != r && !scriptOf(before).isCJK():
			return 0 // pre-
		case mark == '.' && (markOf(before) == '.' || markOf(before) == '…'):
			return '…'
		case mark != 0:
			return mark
		case speakable(r) || unicode.IsNumber(r) || isOpener(r) && r != '“' && r != '‘' && r != '«' && r != '‹':
			return 0
		}
		s = s[:len(s)-w]
	}
	return 0
}

// tagBegin returns the first byte of the tag that ends s, or -1.
func tagBegin(s string) int {
	if s[len(s)-1] != '>' {
		return -1
	}
	for i := len(s) - 2; i >= max(0, len(s)-maxTag); i-- {
		if s[i] == '<' {
			if tagEnd(s, i) == len(s) {
				return i
			}
			break
		}
	}
	return -1
}

// markOf returns the Latin form of a punctuation mark of any script that ends a sentence or a clause, and 0 for anything else.
func markOf(r rune) rune {
	switch r {
	case ',', '，', '、', '､', '،', '﹐', '﹑', '፣', '၊':
		return ','
	case ';', '；', '؛', '﹔', '፤', '\u0387':
		return ';'
	case ':', '：', '﹕', '፥':
		return ':'
	case '-', '‐', '‑', '‒', '–', '—', '―', '⸺', '⸻':
		return '-'
	case '.', '．', '。', '｡', '۔', '।', '॥', '։', '።', '။', '។':
		return '.'
	case '?', '？', '؟', '⁇', '⁉', '‽', '﹖', '\u037e', '፧':
		return '?'
	case '!', '！', '‼', '⁈', '﹗':
		return '!'
	case '…', '⋯':
		return '…'
	}
	return 0
}
