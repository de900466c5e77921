package lifecycle

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table makes modules without services from lines "name: need need".
func table(lines ...string) []Module {
	var out []Module
	for _, l := range lines {
		name, needs, _ := strings.Cut(l, ":")
		out = append(out, Module{Name: name, Needs: strings.Fields(needs)})
	}
	return out
}

func TestNewManagerRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		modules []Module
		want    []string
	}{
		"unknown":  {table("a: b c", "d: e"), []string{`module a needs "b", which does not exist`, `module a needs "c"`, `module d needs "e"`}},
		"double":   {table("a", "a"), []string{"module a is there twice"}},
		"twice":    {table("a: b b", "b"), []string{"module a needs b twice"}},
		"no name":  {table(""), []string{"a module has no name"}},
		"self":     {table("a: a"), []string{"a cycle: a needs a"}},
		"cycle":    {table("z: a", "a: b", "b: c", "c: a"), []string{"a cycle: a needs b needs c needs a"}},
		"together": {table("a: x", "a"), []string{"there twice", `needs "x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := NewManager(slog.New(slog.DiscardHandler), tc.modules)
			if err == nil || m != nil {
				t.Fatal("accepted")
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v; want %s", err, w)
				}
			}
		})
	}
}

func TestClosure(t *testing.T) {
	m, err := NewManager(slog.New(slog.DiscardHandler), table("gateway: rpc inference", "inference: rpc engine state", "style: rpc", "rpc: config", "engine: config", "state", "config"))
	if err != nil {
		t.Fatal(err)
	}
	for targets, want := range map[string]string{
		"gateway":       "config rpc engine state inference gateway",
		"style":         "config rpc style",
		"state":         "state",
		"style state":   "config rpc state style",
		"config config": "config",
		"":              "config rpc engine state inference gateway style",
		"gateway style": "config rpc engine state inference gateway style",
	} {
		got, err := m.Closure(strings.Fields(targets)...)
		if err != nil || !sameOrder(t, m, got) || strings.Join(sorted(got), " ") != strings.Join(sorted(strings.Fields(want)), " ") {
			t.Errorf("%s: %v %v, want %s", targets, got, err, want)
		}
	}
	if got, err := m.Closure("gateway", "nope", "none"); err == nil || !strings.Contains(err.Error(), `"nope"`) || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("%v %v", got, err)
	}
}

// sameOrder tells whether every module stands behind what it needs.
func sameOrder(t *testing.T, m *Manager, names []string) bool {
	t.Helper()
	for i, n := range names {
		for _, need := range m.modules[n].Needs {
			if j := slices.Index(names, need); j < 0 || j > i {
				t.Errorf("%s stands before %s in %v", n, need, names)
				return false
			}
		}
	}
	return true
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
