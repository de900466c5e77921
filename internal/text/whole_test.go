package text

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// wholes find what is never cut, by other means than the segmenter's.
var wholes = map[string]*regexp.Regexp{
	"number":  regexp.MustCompile(`[0-9]+(?:[.,:][0-9]+)*`),
	"address": regexp.MustCompile(`https?://[0-9A-Za-z/._~?&=%#:@+-]*[0-9A-Za-z/]`),
	"e-mail":  regexp.MustCompile(`[a-z]{2}[a-z0-9._+-]*@[a-z0-9]+(?:[.-][a-z0-9]+)+`),
	"tag":     regexp.MustCompile(`</?[A-Za-z][A-Za-z0-9:-]*(?: [a-z:-]+="[^"<>]*")* ?/?>`),
}

// checkWhole holds that no number, address or tag is cut that is not longer than the limit.
func checkWhole(t *testing.T, text string, opts Options) {
	t.Helper()
	limit := opts.MaxCharacters
	if limit <= 0 {
		limit = DefaultMaxCharacters
	}
	limit = max(limit, MinMaxCharacters)
	cut := make(map[int]bool)
	for _, seg := range segments(text, opts) {
		cut[seg.Offset], cut[seg.Offset+seg.Length] = true, true
	}
	for what, find := range wholes {
		for _, m := range find.FindAllStringIndex(text, -1) {
			if tooLong(text, m[0], m[1], limit) {
				continue
			}
			for i := m[0] + 1; i < m[1]; i++ {
				if cut[i] {
					t.Fatalf("%q %+v: the %s %q is cut at byte %d", text, opts, what, text[m[0]:m[1]], i-m[0])
				}
			}
		}
	}
}

// tooLong tells whether what stands without white space around text[from:to] is longer than limit, so that it must be cut somewhere.
func tooLong(text string, from, to, limit int) bool {
	n := utf8.RuneCountInString(text[from:to])
	for from > 0 && n <= limit {
		r, w := utf8.DecodeLastRuneInString(text[:from])
		if unicode.IsSpace(r) {
			break
		}
		from -= w
		n++
	}
	for to < len(text) && n <= limit {
		r, w := utf8.DecodeRuneInString(text[to:])
		if unicode.IsSpace(r) {
			break
		}
		to += w
		n++
	}
	return n > limit
}

// TestSegmenterKeepsWholes cuts random texts that are made of what must not be cut and of prose around it.
func TestSegmenterKeepsWholes(t *testing.T) {
	parts := []string{
		"3.14", "1,234,567.89", "10:30", "2026-11-21", "v1.2.3", "192.168.0.1", "https://example.com/a.b?c=d&e=f#g", "http://x.cn/", "bob.smith@mail.example.com",
		"abc123@qq.com", `<break time="1.5s"/>`, `<say-as interpret-as="date">2026.11.21</say-as>`, "<p>", "</p>", "-3.5°C", "$5.50", "US$3,20", "+1 (555) 123-4567", "5 %",
		"Dr. Smith", "e.g. this", "U.S.", "No. 5", "the word", "Another", "and so on", "he said", "“quoted”", "(in brackets)", "今天天气很好", "我们去公园", "好", "日本語です",
		"カタカナ", "한국어 문장", "Привет", "مرحبا", "नमस्ते", "สวัสดี", "😀", "👨\u200d👩\u200d👧", "e\u0301",
	}
	marks := []string{" ", " ", " ", " ", "", "", ", ", "; ", ". ", "? ", "，", "。", "、", "！”", "——", "……", "... ", ": ", " - ", "\n", "\n\n", "\r\n", "\u3000", "\u00a0"}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		var b strings.Builder
		for range 1 + rnd.IntN(40) {
			b.WriteString(parts[rnd.IntN(len(parts))])
			b.WriteString(marks[rnd.IntN(len(marks))])
		}
		check(t, b.String(), Options{MaxCharacters: MinMaxCharacters + rnd.IntN(100), First: rnd.IntN(2) * rnd.IntN(80)})
	}
}

// TestRampLeavesNoCrumbs: what the ramp adds to the cuts has enough letters on both sides, and comes after a clause.
func TestRampLeavesNoCrumbs(t *testing.T) {
	clauses := []string{"Well", "yes", "好", "今天天气很好", "我们去公园散步吧", "this is a clause of a sentence", "and that is one more", "no", "a longer clause, that goes on for a while"}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var b strings.Builder
		for range 1 + rnd.IntN(8) {
			b.WriteString(clauses[rnd.IntN(len(clauses))])
			b.WriteString([]string{", ", "，", "; ", " – ", " "}[rnd.IntN(5)])
		}
		b.WriteString("and the end.")
		text := b.String()
		plain := make(map[int]bool)
		for _, seg := range segments(text, Options{}) {
			plain[seg.Offset] = true
		}
		all := segments(text, Options{First: 10 + rnd.IntN(60)})
		for i, seg := range all {
			if plain[seg.Offset] {
				continue
			}
			before := all[i-1]
			if letters(before.Text) < crumb || letters(seg.Text) < crumb {
				t.Fatalf("%q: %q is cut from %q", text, seg.Text, before.Text)
			}
			if Ending(before.Text) == 0 {
				t.Fatalf("%q is cut after no clause: %q", text, before.Text)
			}
		}
	}
}

// letters counts those that are said, East Asian ones twice.
func letters(s string) int {
	n := 0
	for _, r := range s {
		if speakable(r) {
			n++
			if scriptOf(r).isCJK() {
				n++
			}
		}
	}
	return n
}

// TestRampDoubles shows the limits of a long sentence of short clauses.
func TestRampDoubles(t *testing.T) {
	text := strings.Repeat("a clause of some words, ", 60)
	var got []int
	for _, seg := range segments(text, Options{First: 60}) {
		got = append(got, characters(seg.Text))
	}
	for i, limit := range []int{60, 120, 240, 240} {
		if got[i] > limit || got[i] < limit-30 {
			t.Errorf("segment %d has %d characters, want some %d", i, got[i], limit)
		}
	}
}
