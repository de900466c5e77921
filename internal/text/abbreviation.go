package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxToken is the longest token, in bytes, that may be an abbreviation.
const maxToken = 16

// abbreviated tells whether the full stop at the scanner's place belongs to the token before it and ends no sentence. first is
// the letter or digit that comes next, not in lower case, at or shortly after byte follows.
func (c *scanner) abbreviated(first rune, follows int) bool {
	begin := c.tokenStart()
	if begin < 0 || begin == c.at {
		return false
	}
	token := c.text[begin:c.at]
	if c.goesOn(follows) {
		return true
	}
	if numeric(token) {
		return c.enumerates(token, begin, first)
	}
	if len(token) > 1 && strings.IndexByte(token, '.') > 0 {
		return dotted(token) && (!unicode.IsUpper(first) || neverLast(token) || !c.starts(follows))
	}
	if r, w := utf8.DecodeRuneInString(token); w == len(token) {
		_, w = c.runeAt(follows)
		if dot, _ := c.runeAt(follows + w); dot == '.' && unicode.IsLetter(first) {
			return true // z. B., J. K. Rowling
		}
		if begin == c.start && (scriptOf(r) == latin || unicode.IsNumber(r)) {
			return true // a. The first item
		}
		if unicode.IsUpper(r) && r != 'I' {
			return unicode.IsUpper(first) && !c.starts(follows)
		}
	}
	if begin == c.start && roman(token) || plural(token) && plural(c.word(follows)) {
		return true
	}
	switch kindOf(token) {
	case beforeName:
		return true
	case beforeNoun:
		return !c.starts(follows)
	case beforeNumber:
		return isDigit(first)
	case anywhere:
		return !unicode.IsUpper(first)
	}
	return false
}

// tokenStart returns the first byte of the token that ends at the scanner's place, or -1 if it is too long.
func (c *scanner) tokenStart() int {
	i := c.at
	for i > c.start {
		r, w := utf8.DecodeLastRuneInString(c.text[c.start:i])
		if isSpace(r) || isOpener(r) || isCloser(r) || scriptOf(r).isCJK() || r == '-' || r == '/' {
			break
		}
		if i -= w; c.at-i > maxToken {
			return -1
		}
	}
	return i
}

func numeric(token string) bool {
	for i := range len(token) {
		if token[i] < '0' || token[i] > '9' {
			return false
		}
	}
	return true
}

// enumerates tells whether a number with a full stop counts something: the number of an item at the start of its line or
// sentence, or an ordinal in the languages that write it so.
func (c *scanner) enumerates(token string, begin int, first rune) bool {
	if len(token) > 3 {
		return false
	}
	if begin == c.start {
		return true
	}
	return len(token) <= 2 && writesOrdinals(c.lang)
}

// roman tells the numbers of chapters: IV.
func roman(token string) bool { return len(token) > 1 && strings.Trim(token, "IVX") == "" }

// plural tells the doubled capitals of Spanish plurals: EE. UU.
func plural(token string) bool {
	return len(token) == 2 && token[0] == token[1] && 'A' <= token[0] && token[0] <= 'Z'
}

// word returns the Latin word at byte i, without what is beyond maxToken.
func (c *scanner) word(i int) string {
	end := i
	for end < len(c.text) && end-i < maxToken {
		r, w := c.runeAt(end)
		if scriptOf(r) != latin {
			break
		}
		end += w
	}
	return c.text[i:end]
}

// goesOn tells words that begin no sentence after a full stop: what is before it is an abbreviation or a day.
func (c *scanner) goesOn(follows int) bool {
	switch c.word(follows) {
	case "Ltd", "Inc", "LLC", "KG", "Chr", "Januar", "Februar", "März", "Mai", "Juni", "Juli", "Oktober", "Dezember":
		return true
	}
	return false
}

// writesOrdinals tells the languages that write "2." for "second".
func writesOrdinals(tag string) bool {
	base, _, _ := strings.Cut(tag, "-")
	switch base {
	case "de", "da", "nb", "nn", "no", "is", "fi", "et", "lv", "lt", "cs", "sk", "sl", "hr", "bs", "hu", "pl", "tr":
		return true
	}
	return false
}

// dotted tells tokens like U.S, p.m, z.B and Ph.D: letters, one or two between full stops.
func dotted(token string) bool {
	n := 0
	for _, r := range token {
		switch {
		case r == '.':
			n = 0
		case !unicode.IsLetter(r):
			return false
		default:
			if n++; n > 2 {
				return false
			}
		}
	}
	return true
}

// kind says what comes after an abbreviation.
type kind int

const (
	none         kind = iota // the token is no abbreviation
	beforeName               // always goes on: Dr.
	beforeNoun               // goes on unless a word follows that begins sentences: Main St. She
	beforeNumber             // goes on if a number follows, else it is a word: No.
	anywhere                 // may end a sentence: etc.
)

// lower returns token in lower case in buf; only ASCII changes.
func lower(buf *[maxToken]byte, token string) []byte {
	n := copy(buf[:], token)
	for i, b := range buf[:n] {
		if 'A' <= b && b <= 'Z' {
			buf[i] = b | 0x20
		}
	}
	return buf[:n]
}

// kindOf looks a token without full stops up, in English, German, French, Spanish and Italian.
func kindOf(token string) kind {
	var buf [maxToken]byte
	switch string(lower(&buf, token)) {
	case "mr", "mrs", "ms", "dr", "prof", "rev", "hon", "gen", "col", "sgt", "capt", "lt", "cmdr", "maj", "gov", "sen", "rep", "pres", "mt",
		"vs", "cf", "viz", "fr", "hr", "frl", "dipl", "vgl", "sog", "bzw", "ggf", "evtl", "inkl", "exkl", "zzgl", "abzgl", "ca", "geb", "gest",
		"mme", "mlle", "mm", "mgr", "sra", "srta", "dra", "ud", "uds", "sig", "dott", "ing", "approx", "messrs", "cpl", "pvt", "adm",
		"med", "phil", "jur", "rer", "habil", "fa", "hrsg", "dña", "gral", "lic", "डॉ", "प्रो", "ул", "им", "проф", "акад":
		return beforeName
	case "st", "sr", "str", "mio", "mrd":
		return beforeNoun
	case "no", "nr", "nos", "n", "p", "pp", "s", "vol", "vols", "fig", "figs", "abb", "tab", "ch", "chap", "kap", "sec", "abs", "art", "eq", "ed",
		"bd", "op", "ver", "v", "tel", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "okt", "nov", "dec", "dez", "al", "ext",
		"núm", "pág", "págs", "стр", "рис", "№":
		return beforeNumber
	case "etc", "usw", "inc", "ltd", "corp", "co", "bros", "jr", "dept", "est", "ave", "blvd", "rd", "min", "max", "av", "env", "ex",
		"mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun", "incl", "misc", "temp", "avg", "esp":
		return anywhere
	}
	return none
}

// neverLast tells abbreviations with full stops inside that no sentence ends with.
func neverLast(token string) bool {
	if len(token) > maxToken {
		return false
	}
	var buf [maxToken]byte
	switch string(lower(&buf, token)) {
	case "e.g", "i.e", "z.b", "d.h", "u.a", "s.o", "s.u", "v.a", "p.ej":
		return true
	}
	return false
}

// starts tells whether the word at byte i is one that begins sentences and is no name, which tells "in the U.S. The" from
// "the U.S. Army".
func (c *scanner) starts(i int) bool {
	end := i
	for end < len(c.text) && end-i < maxToken && c.text[end] < 0x80 && scriptOf(rune(c.text[end])) == latin {
		end++
	}
	var buf [maxToken]byte
	switch string(lower(&buf, c.text[i:end])) {
	case "the", "a", "an", "he", "she", "it", "we", "i", "they", "you", "this", "that", "these", "those", "there", "then", "so", "but", "and", "or",
		"if", "when", "while", "as", "after", "before", "in", "on", "at", "for", "to", "from", "with", "by", "what", "who", "how", "why", "where",
		"my", "his", "her", "our", "your", "their", "its", "yes", "no", "not", "now", "however", "since", "because", "although", "is", "are", "do",
		"der", "die", "das", "ein", "eine", "er", "sie", "es", "wir", "ich", "und", "aber", "im", "am", "dann", "danach",
		"le", "la", "les", "un", "une", "il", "elle", "ils", "nous", "je", "et", "mais", "el", "los", "las":
		return true
	}
	return false
}
