package english

import "strings"

// minUtterance is the least cost at which a full stop ends an utterance, so that "No. Yes. Why?" stays one.
const minUtterance = 30

// Utterances groups tokens into the pieces that flite gets, each of which it analyses whole before its first sample. A piece ends
// where a sentence does, and costs at most budget, roughly the number of speech sounds in it: in the usual case a segment is
// one piece. Where a sentence is too dear, its last clause mark in the second half is the cut, else the last word. A single token
// dearer than budget is a piece of its own.
func Utterances(tokens []Token, budget int) [][]Token {
	var pieces [][]Token
	for start := 0; start < len(tokens); {
		end := pieceEnd(tokens[start:], budget)
		pieces = append(pieces, tokens[start:start+end:start+end])
		start += end
	}
	return pieces
}

// pieceEnd returns how many of tokens, at least one, make the next piece.
func pieceEnd(tokens []Token, budget int) int {
	total, clause := 0, 0
	for i, t := range tokens {
		total += cost(t.Name)
		if total > budget && i > 0 {
			if clause > 0 {
				return clause
			}
			return i
		}
		if i+1 < len(tokens) && total >= minUtterance && endsSentence(t, tokens[i+1]) {
			return i + 1
		}
		if total > budget/2 && t.Post != "" {
			clause = i + 1
		}
	}
	return len(tokens)
}

// endsSentence tells whether a sentence ends between two tokens. A short capitalised word with a full stop may be an abbreviation
// ("Dr. Smith"), which must stay with what follows to be expanded.
func endsSentence(t, next Token) bool {
	first := next.Name[0]
	if !isUpper(first) && !isDigit(first) {
		return false
	}
	if strings.ContainsAny(t.Post, "!?") {
		return true
	}
	return strings.Contains(t.Post, ".") && (len(t.Name) > 3 || !isUpper(t.Name[0]))
}

// cost estimates, from above, how many speech sounds flite makes of a token: a letter that is read as part of a word is one; a
// letter that is spelt, up to three; a digit, about four; a symbol such as '_' ("underscore") is up to nine.
func cost(name string) int {
	digits, letters, other, vowels, upper := 0, 0, 0, 0, 0
	for i := range len(name) {
		c := name[i]
		switch {
		case isDigit(c):
			digits++
		case isAlnum(c):
			letters++
			if isUpper(c) {
				upper++
			}
			if strings.IndexByte("aeiouyAEIOUY", c) >= 0 {
				vowels++
			}
		case strings.IndexByte(symbols, c) >= 0:
			other++
		}
	}
	perLetter := 1
	if vowels == 0 || upper == letters || digits > 0 {
		perLetter = 3
	}
	return perLetter*letters + 4*digits + 9*other
}
