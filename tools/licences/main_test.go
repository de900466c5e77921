package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const mit = `MIT License

Copyright (c) 2026 Someone

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

const isc = `Copyright (c) 2026 Someone

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
`

func TestClassify(t *testing.T) {
	own, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"mit":            {mit, []string{"MIT"}},
		"isc":            {isc, []string{"ISC"}},
		"apache":         {string(own), []string{"Apache-2.0"}},
		"two":            {mit + "\n\n" + isc, []string{"ISC", "MIT"}},
		"url only":       {"See https://www.apache.org/licenses/LICENSE-2.0", []string{unknown}},
		"own conditions": {strings.Repeat("You may look at this on Tuesdays when it rains. ", 60) + mit, []string{unknown}},
		"empty":          {"", []string{unknown}},
	} {
		if got := classify([]byte(c.text)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// tree writes files into a new folder: path → text.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCoveringReadsNestedLicences(t *testing.T) {
	root := tree(t, map[string]string{
		"LICENSE.md":            mit,
		"NOTICE":                "Someone made this.",
		"license_test.go":       "package x",
		"internal/fast/LICENCE": isc,
		"other/COPYING":         "Nobody may use this.",
	})
	for dir, want := range map[string][]string{
		".":             {"MIT"},
		"internal/fast": {"ISC", "MIT"},
		"other":         {"MIT", unknown},
	} {
		got, notice, err := covering(root, filepath.Join(root, dir))
		slices.Sort(got)
		if err != nil || !notice || !slices.Equal(got, want) {
			t.Errorf("%s: %v, notice %v, %v; want %v", dir, got, notice, err, want)
		}
	}
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		allowed  []string
		licences []string
		want     string
	}{
		"fine":                {permissive, []string{"Apache-2.0", "MIT"}, ""},
		"copyleft in main":    {permissive, []string{"LGPL-2.1"}, "LGPL-2.1, which may not be linked"},
		"half of it copyleft": {permissive, []string{"GPL-3.0", "MIT"}, "GPL-3.0, which may not be linked"},
		"copyleft in worker":  {nil, []string{"LGPL-2.1"}, ""},
		"unknown in worker":   {nil, []string{unknown}, "not recognised"},
		"none":                {nil, nil, "no licence file"},
	} {
		p := program{name: "p", allowed: c.allowed, modules: []module{{path: "example.com/m", version: "v1.0.0", licences: c.licences}}}
		problems := p.judge()
		switch {
		case c.want == "" && len(problems) != 0:
			t.Errorf("%s: %v", name, problems)
		case c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want)):
			t.Errorf("%s: %v, want one with %q", name, problems, c.want)
		}
	}
}

func TestCollectAndRender(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":         "module github.com/orotund/orotund\n\ngo 1.26.0\n\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep => ./dep\n",
		"cmd/p/main.go":  "package main\n\nimport _ \"example.com/dep\"\n\nfunc main() {}\n",
		"dep/go.mod":     "module example.com/dep\n\ngo 1.26.0\n",
		"dep/dep.go":     "package dep\n",
		"dep/LICENSE":    mit,
		"dep/NOTICE.txt": "Someone",
	})
	programs, err := discover(root)
	if err != nil || len(programs) != 1 {
		t.Fatalf("%v, %v", programs, err)
	}
	if err := programs[0].collect(); err != nil {
		t.Fatal(err)
	}
	if got := string(render(programs)); !strings.Contains(got, "| ./dep |  | MIT | yes |\n") {
		t.Errorf("got %s", got)
	}
}

// TestRunRefusesEmptyClosure guards the tool against a list that is silently empty.
func TestRunRefusesEmptyClosure(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":         "module github.com/orotund/orotund\n\ngo 1.26.0\n",
		"cmd/p/notes.md": "",
	})
	if err := run(root, false, false); err == nil || !strings.Contains(err.Error(), "matches none") {
		t.Errorf("a repository without cmd: %v", err)
	}
}

func TestRunWritesAndChecks(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":            "module github.com/orotund/orotund\n\ngo 1.26.0\n",
		"cmd/p/main.go":     "package main\n\nfunc main() {}\n",
		"docs/something.md": "",
	})
	if err := run(root, true, false); err == nil {
		t.Error("a missing table passes")
	}
	if err := run(root, false, true); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true, false); err != nil {
		t.Errorf("a fresh table: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, table), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true, false); err == nil {
		t.Error("an old table passes")
	}
}
