package text

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEnding(t *testing.T) {
	for s, want := range map[string]rune{
		"": 0, " ": 0, "word": 0, "5": 0, "50%": 0, "pre-": 0, "(": 0, "a)": 0, "a (": 0, "a”": 0, "C++": 0, "a/": 0, "日本語": 0, "½": 0, "#": 0,
		"a,": ',', "好，": ',', "好、": ',', "مرحبا،": ',', "a,\"": ',', "“a,” ": ',', "ﾊﾝｶｸ､": ',',
		"a;": ';', "好；": ';', "كيف؛": ';', "a:": ':', "好：": ':', "he said: “": ':', "他说：「": 0,
		"a -": '-', "a –": '-', "a—": '-', "a ——": '-', "我——": '-', "a --": '-', "我-": '-', "3‑": 0,
		"a.": '.', "好。": '.', "好．": '.', "好｡": '.', "नमस्ते।": '.', "ठीक॥": '.', "شكرا۔": '.', "Այո։": '.', "አዎ።": '.', "(a.)": '.', "a.”": '.', "好。」』": '.', "« a. »": '.',
		"etc.": '.', "a.</b>": '.', `a.<break time="1s"/>`: '.', "a. 😀": '.', "a.*": '.', "a.’”)": '.',
		"a?": '?', "好？": '?', "كيف؟": '?', "ነህ፧": '?', "Τι\u037e": '?', "a!?": '?', "...?": '?', "⁇": '?', "a?”": '?', "a ?": '?',
		"a!": '!', "好！": '!', "？！": '!', "a?!": '!', "‼": '!', "¡Ven!»": '!', "a!)": '!',
		"a...": '…', "a…": '…', "好……": '…', "好。。。": '…', "a ⋯": '…', "a..": '…', "a…。": '…', "“a…”": '…', "a?...": '…',
		"\xff": 0, "a.\xff": '.', "a <": 0, "a.>": '.',
	} {
		if got := Ending(s); got != want {
			t.Errorf("%q ends with %q, want %q", s, got, want)
		}
	}
}

func TestAppendWords(t *testing.T) {
	for s, want := range map[string]string{
		"":                                   "",
		" ... !?":                            "",
		"Hello, world!":                      "Hello|world",
		"don't can’t 'tis rock 'n' roll":     "don't|can’t|tis|rock|n|roll",
		"an e-mail, well-known, a - b":       "an|e-mail|well-known|a|b",
		"3.14 1,234.56 10:30 5, 6 7. 8":      "3.14|1,234.56|10:30|5|6|7|8",
		"-3.5°C 50% $5.50 1/2 ½":             "3.5°C|50%|$5.50|1/2|½",
		"C++ C# R&D @name #tag a@b.com & =":  "C++|C#|R&D|@name|#tag|a@b.com|&|=",
		"See https://ex.com/a_(b)?c=d#e, ok": "See|https://ex.com/a_(b)?c=d#e|ok",
		"(https://ex.com/).":                 "https://ex.com/",
		"U.S. and U.S.A. v1.2.3.":            "U.S|and|U.S.A|v1.2.3",
		"word—word word,word wow!!!nice":     "word|word|word|word|wow|nice",
		"“quoted” (in) [it]*":                "quoted|in|it",
		"今天，天气。3月5日":                         "今|天|天|气|3|月|5|日",
		"二〇二六 人々":                            "二|〇|二|六|人|々",
		"これはペンです。":                           "これは|ペン|です",
		"コーヒーを飲みました":                         "コーヒー|を|飲|みました",
		"ﾃﾞｰﾀ":                               "ﾃﾞｰﾀ",
		"我用Go 1.26写":                         "我|用|Go|1.26|写",
		"한국어와 English를":                      "한국어와|English를",
		"नमस्ते दुनिया।":                     "नमस्ते|दुनिया",
		"مرحبا بالعالم":                      "مرحبا|بالعالم",
		"สวัสดีครับวันนี้อากาศดี":  "สวัสดีครับวันนี้อา|กาศดี",
		"e\u0301te\u0301 👍🏽 naïve": "e\u0301te\u0301|naïve",
		`a<break time="1.5s"/>b`:   `a|<break time="1.5s"/>|b`,
		"a < b":                    "a|b",
		"a\xffb":                   "a|b",
	} {
		if got := strings.Join(words(s, ""), "|"); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	if got := words("EU:n a:b", "fi-FI"); !slices.Equal(got, []string{"EU:n", "a:b"}) {
		t.Errorf("%q", got)
	}
}

func words(s, language string) []string {
	var all []string
	for _, w := range AppendWords(nil, s, language) {
		all = append(all, s[w.Offset:w.Offset+w.Length])
	}
	return all
}

// FuzzWords holds that words are in order, whole, and have in them all that is said.
func FuzzWords(f *testing.F) {
	for _, c := range slices.Concat(segmentCases, hardCases) {
		f.Add(c.text, c.opts.Language)
	}
	f.Fuzz(func(t *testing.T, s, language string) {
		end := 0
		for _, w := range AppendWords(nil, s, language) {
			switch {
			case w.Offset < end || w.Length <= 0 || w.Offset+w.Length > len(s):
				t.Fatalf("%q: a word at %d of %d bytes, after %d", s, w.Offset, w.Length, end)
			case Speakable(s[end:w.Offset]):
				t.Fatalf("%q: %q is in no word", s, s[end:w.Offset])
			case utf8.ValidString(s) && !utf8.ValidString(s[w.Offset:w.Offset+w.Length]):
				t.Fatalf("%q is cut inside a character", s)
			}
			end = w.Offset + w.Length
		}
		if Speakable(s[end:]) {
			t.Fatalf("%q: %q is in no word", s, s[end:])
		}
		if m := Ending(s); m != 0 && !strings.ContainsRune(",;:-.?!…", m) {
			t.Fatalf("%q ends with %q", s, m)
		}
	})
}

func TestAppendWordsDoesNotAllocate(t *testing.T) {
	text := strings.Repeat(mixed, 20)
	dst := AppendWords(nil, text, "")
	if n := testing.AllocsPerRun(10, func() { dst = AppendWords(dst[:0], text, "") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendWords(b *testing.B) {
	text := strings.Repeat(mixed, 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var dst []Span
	for b.Loop() {
		dst = AppendWords(dst[:0], text, "")
	}
}
