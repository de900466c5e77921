package text

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/speech"
)

func segments(text string, opts Options) []speech.Segment {
	var all []speech.Segment
	for s := NewSegmenter(text, opts); ; {
		seg, ok := s.Next()
		if !ok {
			return all
		}
		all = append(all, seg)
	}
}

func TestSegmenter(t *testing.T) {
	for _, c := range segmentCases {
		var got []string
		for _, seg := range segments(c.text, c.opts) {
			got = append(got, seg.Language+string("_,.#"[seg.Boundary])+" "+seg.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q %+v:\n got %q\nwant %q", c.text, c.opts, got, c.want)
		}
		check(t, c.text, c.opts)
	}
}

// check holds a segmentation against what is promised of all of them.
func check(t *testing.T, text string, opts Options) {
	t.Helper()
	limit := opts.MaxCharacters
	if limit <= 0 {
		limit = DefaultMaxCharacters
	}
	limit = max(limit, MinMaxCharacters) + 32
	end, valid := 0, utf8.ValidString(text)
	for n, seg := range segments(text, opts) {
		switch {
		case seg.Index != n:
			t.Fatalf("%q: segment %d has index %d", text, n, seg.Index)
		case seg.Offset < end || seg.Length <= 0 || seg.Offset+seg.Length > len(text):
			t.Fatalf("%q: segment %d covers %d to %d, the one before ends at %d", text, n, seg.Offset, seg.Offset+seg.Length, end)
		case text[seg.Offset:seg.Offset+seg.Length] != seg.Text:
			t.Fatalf("%q: segment %d is not the text that it covers", text, n)
		case !Speakable(seg.Text):
			t.Fatalf("%q: segment %d, %q, says nothing", text, n, seg.Text)
		case Speakable(text[end:seg.Offset]):
			t.Fatalf("%q: %q was left out", text, text[end:seg.Offset])
		case seg.Language == "":
			t.Fatalf("%q: segment %d has no language", text, n)
		case strings.TrimSpace(seg.Text) != seg.Text:
			t.Fatalf("%q: segment %d has white space around it", text, n)
		case valid && !utf8.ValidString(seg.Text):
			t.Fatalf("%q: segment %d was cut inside a character", text, n)
		case characters(seg.Text) > limit:
			t.Fatalf("%q: segment %d has %d characters", text, n, characters(seg.Text))
		}
		end = seg.Offset + seg.Length
	}
	if Speakable(text[end:]) {
		t.Fatalf("%q: %q was left out", text, text[end:])
	}
	if len(text) < 10_000 {
		checkWhole(t, text, opts)
	}
}

// characters counts as Options.MaxCharacters does.
func characters(s string) int {
	n, gap := 0, false
	for _, r := range s {
		if !isSpace(r) || !gap {
			n++
		}
		gap = isSpace(r)
	}
	return n
}

// TestSegmenterKeepsGraphemes shows that combined characters, flags and families stay whole at the hardest cuts.
func TestSegmenterKeepsGraphemes(t *testing.T) {
	for _, unit := range []string{"e\u0301\u0323", "나", "\u1102\u1161\u11ab", "नि", "กำ", "เก", "👩‍👩‍👧", "👍🏽", "🇩🇪", "が", "か\u3099"} {
		text := strings.Repeat("x"+unit, 50)
		for _, seg := range segments(text, Options{MaxCharacters: 17}) {
			if seg.Offset%(1+len(unit)) > 1 {
				t.Errorf("%q is cut at byte %d", unit, seg.Offset)
			}
		}
	}
}

// TestSegmenterKeepsNumbers shows that a number in text without spaces is not cut.
func TestSegmenterKeepsNumbers(t *testing.T) {
	text := strings.Repeat("一共有12345.67元钱", 40)
	for _, seg := range segments(text, Options{MaxCharacters: 20}) {
		first, _ := utf8.DecodeRuneInString(seg.Text)
		last, _ := utf8.DecodeLastRuneInString(seg.Text)
		if unicode.IsDigit(first) || unicode.IsDigit(last) || first == '.' || last == '.' {
			t.Errorf("a number is cut: %q", seg.Text)
		}
	}
}

func TestSegmenterLanguageTags(t *testing.T) {
	for _, c := range []struct{ tag, text, want string }{
		{"fr-CA", "oui", "fr-CA"}, {"no such tag!", "oui", "en"}, {"zh-TW", "東京", "zh-TW"}, {"yue", "你好", "yue"}, {"ja", "東京", "ja"},
		{"ko", "안녕", "ko"}, {"ko", "你好", "zh"}, {"uk", "Привіт", "uk"}, {"fa", "سلام", "fa"}, {"mr", "नमस्कार", "mr"}, {"uk", "hello", "en"},
		{"sr-Latn", "zdravo", "sr-Latn"}, {"sr-Latn", "здраво", "ru"}, {"fr", "42", "fr"}, {"zh", "42", "zh"}, {"", "42", "en"},
		{"zh", "ひらがな", "ja"}, {"und", "hello", "en"},
	} {
		got := segments(c.text, Options{Language: c.tag})
		if len(got) != 1 || got[0].Language != c.want {
			t.Errorf("%q declared as %q: %+v, want %q", c.text, c.tag, got, c.want)
		}
	}
}

func TestSpeakable(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, " \n": false, "...!?": false, "。！？…": false, "😀🎉": false, "--- ***": false, "\xff\xfe": false, "()[]": false, "€": false, "½": false,
		"a": true, "5": true, "你": true, "ア": true, "٣": true, "é": true, "%": true, "&": true, "+": true, "=": true, "$": true, "@": true,
		"#": true, "... 1": true, "\u0301": false,
	} {
		if got := Speakable(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestSegmenterHostile cuts long texts made to lead the scanner astray; a step backwards or a loop without progress would show.
func TestSegmenterHostile(t *testing.T) {
	for _, unit := range []string{
		".", " ", "\n", "a", "a ", "。", "\"", "e\u0301", "\u0301", "、", "好", "a好", "1", "1,", "1.", "a\n", "A. ", "... ", "あ、い", "。 ", "(", ")",
		"\xff", "👩‍", "🇩", "“a", "- ", "\n ", ".\n", "<", "<a", "<a>", "<a b=\"", "a <b c>", "&;", ".[1", "1 2 ", "! »", ".</b>", "1 a ", "(a, ", "A\u0301 B", "\u200d", "x. (", "好 ", "好A", "好 1",
	} {
		text := strings.Repeat(unit, 4000)
		check(t, text, Options{})
		check(t, text+"end", Options{MaxCharacters: 16})
		check(t, "start"+text, Options{Language: "ja"})
	}
}

// TestSegmenterDoesNotAllocate shows that a text of 1 MB costs no more than the segmenter itself.
func TestSegmenterDoesNotAllocate(t *testing.T) {
	for _, unit := range []string{mixed, prosody} {
		s, n := NewSegmenter(strings.Repeat(unit, 1_000_000/len(unit)), Options{First: DefaultFirst}), 0
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, ok := s.Next(); ok; _, ok = s.Next() {
			n++
		}
		runtime.ReadMemStats(&after)
		if got := after.Mallocs - before.Mallocs; n < 30_000 || got > 1000 { // other goroutines allocate as well
			t.Errorf("%.10q: %d allocations for %d segments", unit, got, n)
		}
	}
}

func FuzzSegmenter(f *testing.F) {
	for _, c := range slices.Concat(segmentCases, hardCases) {
		f.Add(c.text, c.opts.Language, c.opts.MaxCharacters)
	}
	f.Add("a\xffb\xc3 . \xe4\xbd", "de", 3)
	f.Add(strings.Repeat("字", 600)+"かな", "", 0)
	f.Fuzz(func(t *testing.T, text, language string, limit int) {
		if len(language) > 64 {
			t.Skip()
		}
		check(t, text, Options{Language: language, MaxCharacters: limit % 400})
		check(t, text, Options{Language: language, MaxCharacters: limit % 400, First: 1 + limit&0x7F})
	})
}

// prosody has what the cuts look at.
const prosody = "<p>He said (as he always does), \"It is 3.5 % of 10 000; or is it?\"</p> Dr. No said no. 他说：“好，走吧。”[1] « Oui ! » - EE. UU. "

const mixed = "Dr. Smith said: \"It costs $3.50, i.e. nothing.\" 我喜欢 Python 编程，也喜欢 3D打印。今天是 2026年11月21日。\n" +
	"東京タワーは333メートルです。 Visit https://example.com/a?b=c for more… Привет, мир!\n\n"

// BenchmarkSegmenter cuts texts of 1 MB; the ratio to 10 kB of the same shows that time is linear.
func BenchmarkSegmenter(b *testing.B) {
	for name, unit := range map[string]string{
		"mixed": mixed, "prosody": prosody, "english": "The quick brown fox jumps over the lazy dog, and Mr. Fox is happy. ", "chinese": "今天天气很好，我们去公园散步吧。",
		"no-spaces": "字", "one-word": "a", "dots": ". ",
	} {
		for _, size := range []int{10_000, 1_000_000} {
			text := strings.Repeat(unit, size/len(unit))
			b.Run(name+"/"+map[int]string{10_000: "10kB", 1_000_000: "1MB"}[size], func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					s := NewSegmenter(text, Options{})
					for _, ok := s.Next(); ok; _, ok = s.Next() {
						n++
					}
				}
				b.ReportMetric(float64(n)/float64(b.N), "segments/op")
			})
		}
	}
}
