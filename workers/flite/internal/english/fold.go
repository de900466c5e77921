// Package english prepares text for flite, which takes one byte for one character and knows ASCII only: it folds Unicode to ASCII,
// cuts it into tokens, and groups tokens into utterances that flite can analyse quickly. Every byte remembers where in the
// caller's text it comes from.
package english

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Folded is a text in ASCII, its white space all blanks.
type Folded struct {
	ascii []byte
	from  []int32 // for each byte of ascii: first byte of its character in the text
	to    []int32 // and the byte after its last, combining marks included
	// Skipped counts the characters of the text that have no counterpart: other scripts, pictures, '<' and '>'. White space,
	// controls and marks that only change another character do not count.
	Skipped int
}

// Fold folds text, which must be valid UTF-8 of less than 2 GiB. What has no counterpart becomes a blank, so that it still parts
// words.
func Fold(text string) *Folded {
	f := &Folded{
		ascii: make([]byte, 0, len(text)),
		from:  make([]int32, 0, len(text)),
		to:    make([]int32, 0, len(text)),
	}
	var scratch []byte
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		scratch = f.rune(r, text[i:i+n], i, scratch)
		i += n
	}
	return f
}

// rune folds one character, whose bytes are src at offset. It returns scratch, perhaps grown.
func (f *Folded) rune(r rune, src string, offset int, scratch []byte) []byte {
	switch {
	case r == '<' || r == '>': // flite says nothing for them
		f.Skipped++
		f.add(" ", offset, len(src))
	case r < utf8.RuneSelf && unicode.IsGraphic(r):
		f.add(src, offset, len(src))
	case unicode.IsSpace(r) || unicode.Is(unicode.Z, r) || unicode.IsControl(r):
		f.add(" ", offset, len(src))
	case modifies(r):
		if last := len(f.to) - 1; last >= 0 && int(f.to[last]) == offset && f.ascii[last] != ' ' {
			f.extend(offset, len(src))
		}
	case spoken[r] != "":
		f.add(spoken[r], offset, len(src))
	default:
		scratch = norm.NFKD.AppendString(scratch[:0], src)
		if !f.addASCII(scratch, offset, len(src)) {
			f.Skipped++
			f.add(" ", offset, len(src))
		}
	}
	return scratch
}

// modifies tells whether a character only changes its neighbour: accents, joiners, variation selectors, skin tones.
func modifies(r rune) bool {
	return unicode.In(r, unicode.M, unicode.Cf) || (r >= 0x1F3FB && r <= 0x1F3FF)
}

// addASCII adds a decomposed character without its marks, if all the rest is ASCII, and tells whether it did.
func (f *Folded) addASCII(decomposed []byte, offset, length int) bool {
	kept := decomposed[:0]
	for i := 0; i < len(decomposed); {
		r, n := utf8.DecodeRune(decomposed[i:])
		i += n
		switch {
		case modifies(r):
		case r >= ' ' && r < utf8.RuneSelf:
			kept = append(kept, byte(r))
		case spoken[r] != "":
			if len(spoken[r]) > n { // in place: kept must not overtake what is read
				return false
			}
			kept = append(kept, spoken[r]...)
		default:
			return false
		}
	}
	if len(kept) == 0 {
		return false
	}
	f.add(string(kept), offset, length)
	return true
}

func (f *Folded) add(ascii string, offset, length int) {
	for range len(ascii) {
		f.from = append(f.from, int32(offset))
		f.to = append(f.to, int32(offset+length))
	}
	f.ascii = append(f.ascii, ascii...)
}

// extend makes the last character reach to the end of the mark at offset.
func (f *Folded) extend(offset, length int) {
	start := f.from[len(f.from)-1]
	for i := len(f.to) - 1; i >= 0 && f.from[i] == start; i-- {
		f.to[i] = int32(offset + length)
	}
}

// spoken is what stands for characters that do not decompose to ASCII, or decompose to something that reads badly.
var spoken = map[rune]string{
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'", '´': "'", 'ʼ': "'", 'ʻ': "'", '‹': "'", '›': "'",
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '″': `"`, '«': `"`, '»': `"`,
	'‐': "-", '‑': "-", '‒': "-", '−': "-", '⁃': "-",
	'–': " , ", '—': " , ", '―': " , ", '…': "... ", '•': " , ", '·': " , ", '‧': "",
	'、': ", ", '，': ", ", '。': ". ", '！': "! ", '？': "? ", '；': "; ", '：': ": ", '¿': " ", '¡': " ",
	'Æ': "Ae", 'æ': "ae", 'Œ': "Oe", 'œ': "oe", 'ß': "ss", 'ẞ': "SS", 'Ø': "O", 'ø': "o", 'Đ': "D", 'đ': "d", 'Ł': "L", 'ł': "l",
	'Þ': "Th", 'þ': "th", 'Ð': "D", 'ð': "d", 'ı': "i", 'Ħ': "H", 'ħ': "h", 'ŋ': "ng", 'Ŋ': "Ng", 'ĸ': "k", 'Ə': "A", 'ə': "a",
	'€': " euros ", '£': " pounds ", '¥': " yen ", '¢': " cents ", '₹': " rupees ", '₽': " rubles ", '₿': " bitcoin ",
	'°': " degrees ", '©': " copyright ", '®': " ", '™': " ", '§': " section ", '¶': " paragraph ", '†': " ", '‡': " ",
	'×': " times ", '÷': " divided by ", '±': " plus or minus ", '≈': " about ", '≠': " is not ", '≤': " at most ",
	'≥': " at least ", '√': " root of ", '∞': " infinity ", 'µ': " micro", 'μ': " micro", 'Ω': " ohms ", '№': " number ", '→': " to ",
	'½': " one half ", '¼': " one quarter ", '¾': " three quarters ", '⅓': " one third ", '⅔': " two thirds ", '⁄': "/",
	'℃': " degrees Celsius ", '℉': " degrees Fahrenheit ",
}
