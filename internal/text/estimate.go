package text

import (
	"time"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/speech"
)

// AppendEstimate appends the timings of the words of a segment s, which is heard from start to end, as far as the text tells: each word has a
// share of the time by its length. Offsets are in s. Use it where an engine does not say when its words are heard.
func AppendEstimate(dst []speech.Timing, s, language string, start, end time.Duration) []speech.Timing {
	words := AppendWords(nil, s, language)
	total, at := 0, 0
	for _, w := range words {
		total += Weight(s[w.Offset : w.Offset+w.Length])
	}
	share := func(n int) time.Duration { return start + time.Duration(float64(end-start)*float64(n)/float64(total)) }
	for _, w := range words {
		next := at + Weight(s[w.Offset:w.Offset+w.Length])
		dst = append(dst, speech.Timing{Kind: speech.TimingWord, Estimated: true, Offset: w.Offset, Length: w.Length, Start: share(at),
			Duration: share(next) - share(at)})
		at = next
	}
	return dst
}

// Weight is about how long a word takes to say, in letters: an East Asian character is a syllable and counts 3, and each word 1 more.
func Weight(word string) int {
	n := 1 + utf8.RuneCountInString(word)
	for _, r := range word {
		if r >= 0x2E80 {
			n += 2
		}
	}
	return n
}
