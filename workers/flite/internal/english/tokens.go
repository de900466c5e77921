package english

import "strings"

// Token is a word of the text: what is between blanks, its punctuation taken off.
type Token struct {
	Name   string // ASCII, never empty, at most maxName bytes
	Pre    string // punctuation before it
	Post   string // punctuation after it
	Offset int    // of the word in the caller's text, bytes
	Length int    // bytes
}

// The punctuation of flite's American English, from its feature set, and the symbols that it has a word for.
const (
	prePunctuation  = "\"'`({["
	postPunctuation = "\"'`.,:;!?(){}[]"
	symbols         = `#$%&*+/=@\^_|~`
)

// Bounds on what flite gets. Its tokenizer, which is not used here, writes past its buffer at 300 punctuation marks; its analysis
// has fixed buffers of 64 bytes for words.
const (
	maxName        = 48
	maxPunctuation = 8
)

// Tokens cuts the text as flite does, with two differences: punctuation on its own belongs to the word before it instead of
// being a word without sound, and what has neither letter, digit nor named symbol is left out.
func (f *Folded) Tokens() []Token {
	var tokens []Token
	for i := 0; i < len(f.ascii); {
		if f.ascii[i] == ' ' {
			i++
			continue
		}
		end := i
		for end < len(f.ascii) && f.ascii[end] != ' ' {
			end++
		}
		tokens = f.word(tokens, i, end)
		i = end
	}
	return tokens
}

// word adds the token or tokens of ascii[start:end], which holds no blank.
func (f *Folded) word(tokens []Token, start, end int) []Token {
	nameAt := start
	for nameAt < end && strings.IndexByte(prePunctuation, f.ascii[nameAt]) >= 0 {
		nameAt++
	}
	nameEnd := end
	for nameEnd > nameAt && strings.IndexByte(postPunctuation, f.ascii[nameEnd-1]) >= 0 {
		nameEnd--
	}
	pre, post := f.punctuation(start, nameAt), f.punctuation(nameEnd, end)
	if !f.audible(nameAt, nameEnd) {
		if len(tokens) > 0 {
			last := &tokens[len(tokens)-1]
			last.Post = clip(last.Post + f.punctuation(start, end))
		}
		return tokens
	}
	for at := nameAt; at < nameEnd; at += maxName {
		to := min(at+maxName, nameEnd)
		if !f.audible(at, to) {
			continue
		}
		t := Token{Name: string(f.ascii[at:to]), Offset: int(f.from[at]), Length: int(f.to[to-1] - f.from[at])}
		if at == nameAt {
			t.Pre = pre
		}
		if to == nameEnd {
			t.Post = post
		}
		tokens = append(tokens, t)
	}
	return tokens
}

// audible tells whether flite has a word for anything in ascii[start:end].
func (f *Folded) audible(start, end int) bool {
	for _, c := range f.ascii[start:end] {
		if isAlnum(c) || strings.IndexByte(symbols, c) >= 0 {
			return true
		}
	}
	return false
}

// punctuation returns the punctuation marks in ascii[start:end], shortened.
func (f *Folded) punctuation(start, end int) string {
	var b strings.Builder
	for _, c := range f.ascii[start:end] {
		if strings.IndexByte(postPunctuation, c) >= 0 && b.Len() < maxPunctuation {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func clip(s string) string { return s[:min(len(s), maxPunctuation)] }

func isAlnum(c byte) bool { return isDigit(c) || isUpper(c) || (c >= 'a' && c <= 'z') }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
