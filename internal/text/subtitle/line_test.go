package subtitle

import (
	"strings"
	"testing"
)

// TestSplitGap shows how much of what stands between two words goes with the first.
func TestSplitGap(t *testing.T) {
	for gap, want := range map[string]string{
		" ": "", ", ": ",", ".": ".", `," `: `,"`, `, "`: ",", "” (": "”", ") $": ")", "» « ": "»", " » ": " »", "« »": "«", "“ „": "“", ".“ ": ".“",
		"：“": "：", "」「": "」", "」（": "」", " — ": " —", "… ¿": "…", "!!! #": "!!!", "\n- ": "", ".\n* ": ".", " - ": " -", "</b> <i>": "</b>",
		`："`: "：", `。"`: `。"`, "😀 ": "😀", " 🎉 ": " 🎉", "’ ‘": "’", "": "", " & ": " &", "->": "->",
	} {
		s := "x" + gap + "y"
		if got := s[1:splitGap(s, 1, 1+len(gap))]; got != want {
			t.Errorf("%q is divided after %q, want %q", gap, got, want)
		}
	}
}

func TestRuneEdges(t *testing.T) {
	s := "a好😀\xffb\xe4\xbd"
	for i, want := range [][2]int{{0, 0}, {1, 1}, {1, 4}, {1, 4}, {4, 4}, {4, 8}, {4, 8}, {4, 8}, {8, 8}, {9, 9}, {10, 10}, {11, 11}, {12, 12}} {
		if from, to := runeStart(s, i), runeEnd(s, i); from != want[0] || to != want[1] {
			t.Errorf("byte %d: %d to %d, want %v", i, from, to, want)
		}
	}
}

func TestWideTextOverLines(t *testing.T) {
	r := cuesOf(t, "今天天气\r\n很好 abc\nxyz", Options{}, [][4]int{{0, 12, 0, 500}, {14, 6, 500, 500}, {21, 3, 1000, 300}, {25, 3, 1300, 300}})
	if len(r.cues) != 1 || r.cues[0].Text != "今天天气很好 abc xyz" {
		t.Errorf("%+v", r.cues)
	}
	if n := (&Builder{opts: Options{}.withDefaults()}).width("a好\u0301👩\u200d👧"); n != 20+3*42 {
		t.Error(n)
	}
	if strings.Contains(r.cues[0].Text, "\r") {
		t.Error("a carriage return is left")
	}
}
