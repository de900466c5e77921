package house

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// guard is one depguard rule of .golangci.yml.
type guard struct {
	Files []string
	Deny  []struct{ Pkg string }
}

// areaGlob is the one form of pattern that the import rules use for the packages they bind.
var areaGlob = regexp.MustCompile(`^\*\*/internal/(?:\{([a-z,]+)\}|([a-z]+))/\*\*$`)

// areas returns the areas that a rule binds.
func (g guard) areas() []string {
	var found []string
	for _, f := range g.Files {
		if m := areaGlob.FindStringSubmatch(f); m != nil {
			found = append(found, strings.Split(m[1]+m[2], ",")...)
		}
	}
	return found
}

func guards(t *testing.T) map[string]guard {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(t), ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var conf struct {
		Linters struct {
			Settings struct {
				Depguard struct{ Rules map[string]guard }
			}
		}
	}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&conf); err != nil {
		t.Fatal(err)
	}
	return conf.Linters.Settings.Depguard.Rules
}

// TestDepguardHoldsTheSameTiers compares, for every pair of areas, what depguard denies with what
// the table here forbids.
func TestDepguardHoldsTheSameTiers(t *testing.T) {
	denied := make(map[[2]string]bool)
	for _, g := range guards(t) {
		for _, from := range g.areas() {
			for _, d := range g.Deny {
				if to, ok := strings.CutPrefix(d.Pkg, module+"/internal/"); ok {
					denied[[2]string{from, to}] = true
				}
			}
		}
	}
	all := slices.Concat(tiers...)
	for _, from := range all {
		for _, to := range all {
			forbidden := mayImport("internal/"+from, "internal/"+to) != ""
			if got := denied[[2]string{from, to}]; got != forbidden {
				t.Errorf("%s imports %s: forbidden %v, denied by depguard %v", from, to, forbidden, got)
			}
		}
	}
}

// TestDepguardHoldsTheSameOwners compares the packages with an owner, and the owners.
func TestDepguardHoldsTheSameOwners(t *testing.T) {
	all := guards(t)
	for _, o := range owners {
		for _, prefix := range o.prefixes {
			name := ""
			for n, g := range all {
				if slices.ContainsFunc(g.Deny, func(d struct{ Pkg string }) bool { return d.Pkg == prefix }) {
					name = n
				}
			}
			if name == "" {
				t.Errorf("depguard does not know %s", prefix)
				continue
			}
			var free []string
			for _, f := range all[name].Files {
				if dir, ok := strings.CutPrefix(f, "!**/"); ok {
					free = append(free, strings.TrimSuffix(dir, "/**"))
				}
			}
			want := append([]string{"internal/testkit", "conformance", "*test", "tools"}, o.by...)
			if slices.Sort(free); !slices.Equal(free, slices.Sorted(slices.Values(want))) {
				t.Errorf("depguard leaves %s to %v, the table to %v", prefix, free, want)
			}
		}
	}
}
