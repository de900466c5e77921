package english

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		skipped    int
	}{
		{"plain text", "plain text", 0},
		{"“Don’t”", `"Don't"`, 0},
		{"naïve café Ångström Łódź", "naive cafe Angstrom Lodz", 0},
		{"e\u0301t\u00e9", "ete", 0},
		{"a—b", "a , b", 0},
		{"wait…", "wait... ", 0},
		{"ﬁne Ｆｕｌｌ １２", "fine Full 12", 0},
		{"x\u00a0y\u200bz\tq\n", "x yz q ", 0},
		{"5 × 3 ≤ 20°", "5  times  3  at most  20 degrees ", 0},
		{"a<b>c", "a b c", 2},
		{"你好, world", "  , world", 2},
		{"hi 👩🏽‍🚀!", "hi   !", 2}, // woman, skin tone, joiner, rocket
		{"❤️", " ", 1},            // heart and variation selector
		{"straße Æsir", "strasse Aesir", 0},
		{"½ ⅔ x²", " one half   two thirds  x2", 0},
		{"\x00\x7f", "  ", 0},
		{"", "", 0},
	} {
		f := Fold(tc.text)
		if got := string(f.ascii); got != tc.want || f.Skipped != tc.skipped {
			t.Errorf("Fold(%q) = %q, %d skipped; want %q, %d", tc.text, got, f.Skipped, tc.want, tc.skipped)
		}
	}
}

// show writes tokens as Pre|Name|Post@source.
func show(text string, tokens []Token) string {
	var parts []string
	for _, t := range tokens {
		parts = append(parts, fmt.Sprintf("%s|%s|%s@%s", t.Pre, t.Name, t.Post, text[t.Offset:t.Offset+t.Length]))
	}
	return strings.Join(parts, " ")
}

func TestTokens(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"Hello, world!", "|Hello|,@Hello |world|!@world"},
		{"“Don’t…” (he said)", `"|Don't|..."@Don’t (|he|@he |said|)@said`},
		{"café au lait", "|cafe|@café |au|@au |lait|@lait"},
		{"cafe\u0301 au", "|cafe|@cafe\u0301 |au|@au"},
		{"yes — no", "|yes|,@yes |no|@no"},
		{"yes—no", "|yes|,@yes |no|@no"},
		{"end . Next", "|end|.@end |Next|@Next"},
		{"... a", "|a|@a"},
		{"$5.50 & 3%", "|$5.50|@$5.50 |&|@& |3%|@3%"},
		{"- -- ' \"", ""},
		{"你好", ""},
		{"你好 ok 世界", "|ok|@ok"},
		{strings.Repeat("!", 2000), ""},
		{"so" + strings.Repeat("!", 2000), "|so|!!!!!!!!@so"},
		{strings.Repeat("ab", 40), "|" + strings.Repeat("ab", 24) + "|@" + strings.Repeat("ab", 24) +
			" |" + strings.Repeat("ab", 16) + "|@" + strings.Repeat("ab", 16)},
	} {
		if got := show(tc.text, Fold(tc.text).Tokens()); got != tc.want {
			t.Errorf("tokens of %q:\n got %s\nwant %s", tc.text, got, tc.want)
		}
	}
}

func TestUtterances(t *testing.T) {
	long := strings.Repeat("the long way home ", 40)
	for _, tc := range []struct {
		name, text string
		budget     int
		want       []int // tokens of each piece
	}{
		{"one sentence", "Hello there, how are you?", 400, []int{5}},
		{"two sentences", "This is the first sentence of the two. This is the second one.", 400, []int{8, 5}},
		{"short sentences stay together", "No. Yes. Why? I do not know at all.", 400, []int{9}},
		{"abbreviation", "They went to see the famous Dr. Smith of London.", 400, []int{10}},
		{"clause", "When it rained they stayed, and when it was dry they went.", 30, []int{5, 7}},
		{"no mark", long, 100, nil},
		{"dear token", "go " + strings.Repeat("9", 48) + " on", 100, []int{1, 1, 1}},
		{"nothing", "", 400, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tokens := Fold(tc.text).Tokens()
			pieces := Utterances(tokens, tc.budget)
			var got []int
			for _, p := range pieces {
				got = append(got, len(p))
			}
			if tc.want != nil && fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("pieces of %v tokens, want %v", got, tc.want)
			}
			checkPieces(t, tokens, pieces, tc.budget)
		})
	}
}

// checkPieces checks what holds for any text: nothing lost, no piece empty, none of several tokens over budget.
func checkPieces(t *testing.T, tokens []Token, pieces [][]Token, budget int) {
	t.Helper()
	k := 0
	for _, p := range pieces {
		if len(p) == 0 {
			t.Fatal("an empty piece")
		}
		total := 0
		for _, token := range p {
			if token != tokens[k] {
				t.Fatalf("token %d is %+v, want %+v", k, token, tokens[k])
			}
			total += cost(token.Name)
			k++
		}
		if len(p) > 1 && total > budget {
			t.Fatalf("a piece of %d tokens costs %d, budget %d", len(p), total, budget)
		}
	}
	if k != len(tokens) {
		t.Fatalf("%d tokens in pieces, want %d", k, len(tokens))
	}
}

func FuzzTokens(f *testing.F) {
	for _, s := range []string{"Hello, world!", "“e\u0301” 你好 <b> 👩🏽‍🚀 ½", "a\x00b", strings.Repeat("(", 400), "́x", "A.B.C. $1,2.3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip()
		}
		folded := Fold(text)
		if folded.Skipped > utf8.RuneCountInString(text) {
			t.Fatalf("%d characters skipped of %d", folded.Skipped, utf8.RuneCountInString(text))
		}
		tokens := folded.Tokens()
		end := 0
		for _, token := range tokens {
			if token.Name == "" || len(token.Name) > maxName || len(token.Pre) > maxPunctuation || len(token.Post) > maxPunctuation {
				t.Fatalf("token out of bounds: %+v", token)
			}
			for _, c := range []byte(token.Name + token.Pre + token.Post) {
				if c <= ' ' || c >= utf8.RuneSelf-1 {
					t.Fatalf("byte %#x in %+v", c, token)
				}
			}
			if token.Length <= 0 || token.Offset+token.Length > len(text) {
				t.Fatalf("span out of the text: %+v of %d bytes", token, len(text))
			}
			// A character that unfolds to several words, such as '½', gives each of them its own span.
			if source := text[token.Offset : token.Offset+token.Length]; !utf8.ValidString(source) || token.Offset < end && !unfolds(source) {
				t.Fatalf("span %q of %+v cuts a character or overlaps the one before", source, token)
			}
			end = token.Offset + token.Length
		}
		checkPieces(t, tokens, Utterances(tokens, 400), 400)
	})
}

// unfolds tells whether source begins with a character whose folded form has a blank.
func unfolds(source string) bool {
	r, _ := utf8.DecodeRuneInString(source)
	return r >= utf8.RuneSelf
}

func BenchmarkFold(b *testing.B) {
	text := strings.Repeat("“Don’t worry,” said the naïve café owner — and smiled. ", 6)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		Fold(text).Tokens()
	}
}
