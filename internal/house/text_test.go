package house

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The expressions are put together from parts so that they do not find themselves.
var (
	// unfinished marks work that was left: it belongs in an issue.
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`)
	// machinePath is a path of a machine that the project was developed on.
	machinePath = regexp.MustCompile(`(^|[^\w./-])/(wo` + `rk/|tmp/(exp|tools|probe)\b|ro` + `ot/go|home/\w+/)`)
)

// checkText holds what no file of the repository may contain, and the length of scripts. Go files
// have their length checked elsewhere.
func checkText(name string, text []byte) []string {
	if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
		return nil // not text
	}
	var wrong []string
	for i, line := range bytes.Split(text, []byte("\n")) {
		if m := unfinished.Find(line); m != nil {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s: finish it or file an issue", name, i+1, m))
		}
		if m := machinePath.Find(line); m != nil {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s: a path of one machine", name, i+1, bytes.TrimSpace(m)))
		}
	}
	if n := bytes.Count(text, []byte("\n")); n >= maxLines && isSource(name, text) {
		wrong = append(wrong, fmt.Sprintf("%s has %d lines: fewer than %d are allowed", name, n, maxLines))
	}
	return wrong
}

// isSource reports whether a file that is not Go was written by hand as a program or an interface.
func isSource(name string, text []byte) bool {
	switch filepath.Ext(name) {
	case ".sh", ".py", ".proto", ".s", ".c", ".h", ".js", ".ts", ".css":
		return true
	}
	return bytes.HasPrefix(text, []byte("#!"))
}

func TestTextRules(t *testing.T) {
	for _, c := range []struct{ name, text, finds string }{
		{"a.md", "All is well.\n", ""},
		{"a.md", "x\n// TO" + "DO: more\n", "a.md:2: TO" + "DO"},
		{"a.go", "/* FIX" + "ME */\n", "FIX" + "ME"},
		{"a.md", "the method\n", ""},
		{"run.sh", "cd /wo" + "rk/main\n", "path of one machine"},
		{"a.md", "(/tmp/ex" + "p/x)\n", "path of one machine"},
		{"a.md", "see https://example.com/wo" + "rk/x and ./wo" + "rk/x\n", ""},
		{"a.md", "/workers/espeak and /tmp/orotund\n", ""},
		{"a.bin", "\x00/wo" + "rk/x\n", ""},
		{"a.sh", lines(500), "500 lines"},
		{"dev", "#!/bin/sh\n" + lines(499), "500 lines"},
		{"a.sh", lines(499), ""},
		{"go.sum", lines(900), ""},
	} {
		got := checkText(c.name, []byte(c.text))
		switch {
		case c.finds == "" && len(got) > 0:
			t.Errorf("%s %q: %q", c.name, c.text, got)
		case c.finds != "" && (len(got) != 1 || !strings.Contains(got[0], c.finds)):
			t.Errorf("%s %.60q: %q, want one with %q", c.name, c.text, got, c.finds)
		}
	}
}

func TestRepositoryText(t *testing.T) {
	root := repository(t)
	for _, name := range files(t, root) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		report(t, checkText(name, text))
	}
}
