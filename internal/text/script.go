package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// script is a writing system, as far as it decides the language of a run of text.
type script uint8

const (
	neutral script = iota // belongs to whatever is around it
	latin                 // the first that decides
	han
	kana
	hangul
	cyrillic
	greek
	arabic
	hebrew
	devanagari
	thai
	bengali
	tamil
	telugu
	kannada
	malayalam
	gujarati
	gurmukhi
	sinhala
	georgian
	armenian
	ethiopic
	khmer
	lao
	myanmar
	scripts // how many there are
)

// writing is what there is to know about a script.
type writing struct {
	table    *unicode.RangeTable
	language string // of text in it, when nothing else is known
	code     string // ISO 15924
}

// writings is indexed by script. Han's language is found by hanLanguage.
var writings = [scripts]writing{
	latin:      {unicode.Latin, "en", "Latn"},
	han:        {unicode.Han, "zh", "Hani"},
	kana:       {unicode.Hiragana, "ja", "Jpan"},
	hangul:     {unicode.Hangul, "ko", "Kore"},
	cyrillic:   {unicode.Cyrillic, "ru", "Cyrl"},
	greek:      {unicode.Greek, "el", "Grek"},
	arabic:     {unicode.Arabic, "ar", "Arab"},
	hebrew:     {unicode.Hebrew, "he", "Hebr"},
	devanagari: {unicode.Devanagari, "hi", "Deva"},
	thai:       {unicode.Thai, "th", "Thai"},
	bengali:    {unicode.Bengali, "bn", "Beng"},
	tamil:      {unicode.Tamil, "ta", "Taml"},
	telugu:     {unicode.Telugu, "te", "Telu"},
	kannada:    {unicode.Kannada, "kn", "Knda"},
	malayalam:  {unicode.Malayalam, "ml", "Mlym"},
	gujarati:   {unicode.Gujarati, "gu", "Gujr"},
	gurmukhi:   {unicode.Gurmukhi, "pa", "Guru"},
	sinhala:    {unicode.Sinhala, "si", "Sinh"},
	georgian:   {unicode.Georgian, "ka", "Geor"},
	armenian:   {unicode.Armenian, "hy", "Armn"},
	ethiopic:   {unicode.Ethiopic, "am", "Ethi"},
	khmer:      {unicode.Khmer, "km", "Khmr"},
	lao:        {unicode.Lao, "lo", "Laoo"},
	myanmar:    {unicode.Myanmar, "my", "Mymr"},
}

// scriptOf returns the script of a letter, and neutral for everything else and for letters that many scripts share.
func scriptOf(r rune) script {
	switch {
	case r < 0x80:
		if 'a' <= r|0x20 && r|0x20 <= 'z' {
			return latin
		}
		return neutral
	case r >= 0x4E00 && r <= 0x9FFF, r >= 0x3400 && r <= 0x4DBF, r >= 0x3005 && r <= 0x3007:
		return han
	case r >= 0x3041 && r <= 0x3096, r >= 0x309D && r <= 0x309F, r >= 0x30A1 && r <= 0x30FA, r >= 0x30FC && r <= 0x30FF,
		r >= 0x31F0 && r <= 0x31FF, r >= 0xFF66 && r <= 0xFF9D:
		return kana
	case r >= 0x3000 && r <= 0x303F, !unicode.IsLetter(r):
		return neutral
	case unicode.Is(unicode.Bopomofo, r):
		return han
	}
	for s := latin; s < scripts; s++ {
		if unicode.Is(writings[s].table, r) {
			return s
		}
	}
	return neutral
}

// isCJK tells the scripts that write without, or with few, spaces, and whose readers read a single Latin letter as a word of
// their own.
func (s script) isCJK() bool { return s == han || s == kana || s == hangul }

// breaksAnywhere tells the scripts in which a line may be broken between most letters.
func (s script) breaksAnywhere() bool {
	return s == han || s == kana || s == thai || s == lao || s == khmer || s == myanmar
}

// languages maps a script to the language of text in it.
type languages struct {
	of     [scripts]string
	hanSet bool // Han's language is given and need not be found
	forced string
}

// languagesFor returns the map for a text whose language is declared as tag, which may be empty: the tag holds for its own
// script, other scripts keep theirs. What is no BCP 47 tag, or an undetermined one, counts as empty.
func languagesFor(tag string) languages {
	var l languages
	for s := range writings {
		l.of[s] = writings[s].language
	}
	if tag == "" {
		return l
	}
	parsed, err := language.Parse(tag)
	if err != nil || strings.HasPrefix(parsed.String(), "und") {
		return l
	}
	code, _ := parsed.Script()
	switch c := code.String(); c {
	case "Hans", "Hant", "Hani", "Bopo":
		l.of[han], l.hanSet = tag, true
	case "Jpan", "Hira", "Kana", "Hrkt":
		l.of[han], l.of[kana], l.hanSet = tag, tag, true
	case "Hang":
		l.of[hangul] = tag
	default:
		at := scripts
		for s, w := range writings {
			if w.code == c {
				at = script(s)
			}
		}
		if at == scripts {
			return l
		}
		l.of[at] = tag
	}
	l.forced = tag
	return l
}
