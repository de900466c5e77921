package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestReference(t *testing.T) {
	var out bytes.Buffer
	if err := Reference(&out, defaults()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/reference.md", out.String())
}

func TestHelp(t *testing.T) {
	golden(t, "testdata/help.txt", flags(t).FlagUsages())
}

// TestFlagDefaults shows that a flag's default, given back as its value, changes nothing.
func TestFlagDefaults(t *testing.T) {
	fs := flags(t)
	n := 0
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name == "other" || f.DefValue == "" {
			return
		}
		n++
		set := flags(t, "--"+f.Name+"="+f.DefValue)
		cfg := defaults()
		if err := Load(cfg, Options{Flags: set}); err != nil {
			t.Errorf("--%s=%s: %v", f.Name, f.DefValue, err)
		}
		want, got := new(bytes.Buffer), new(bytes.Buffer)
		if err := errors.Join(Write(want, defaults()), Write(got, cfg)); err != nil || want.String() != got.String() {
			t.Errorf("--%s=%s changes the settings (%v):\n%s", f.Name, f.DefValue, err, got)
		}
	})
	if n < 15 {
		t.Errorf("only %d flags have defaults", n)
	}
}

func TestCheckDocs(t *testing.T) {
	if err := CheckDocs(defaults()); err != nil {
		t.Error(err)
	}
	var bad struct {
		A int `yaml:"a"`
		B struct {
			C []struct {
				D int `doc:"x"`
			} `yaml:"c" doc:"x"`
		} `yaml:"b" doc:"x"`
		E map[int]string `yaml:"e" doc:"x"`
		F func()         `yaml:"f" doc:"x"`
		G int            `yaml:"-"`
	}
	const want = "a: no doc tag\nb.c[].d: no yaml tag\ne: a map needs keys of a string type\nf: a value of type func() cannot be set"
	if err := CheckDocs(&bad); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	type loop struct {
		Next []loop `yaml:"next" doc:"x"`
	}
	if err := CheckDocs(loop{}); err == nil || !strings.Contains(err.Error(), "contains itself") {
		t.Errorf("got %v", err)
	}
}

// roundTrip writes cfg and loads the result over defaults.
func roundTrip(t *testing.T, cfg *settings) *settings {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, cfg); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	write(t, file, out.String())
	got := defaults()
	if err := Load(got, Options{File: file}); err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	return got
}

func TestRoundTrip(t *testing.T) {
	cfg := defaults()
	cfg.Gateway = server{Listen: "[::1]:0", MaxBody: 12345, Timeout: time.Nanosecond, Origins: []string{"", " a", "b ", "null", "~", "#x", "- y", "{z", "1", "1.0", "true", "é", "日本", "\t", "a\nb\n", "\"", "'", "!!str", "&a", "*b", "0x1f", "<<", "2020-01-01"}, TLS: &keypair{Cert: "c"}}
	cfg.Engines["x: y"] = motor{Instances: 64, Weight: 1e-7, Env: map[string]string{"": "empty", "<<": "merge", "a.b": "dot"}}
	cfg.Engines["z"] = motor{Instances: 1, Weight: 123456789, Env: map[string]string{}}
	cfg.Users = []caller{{Name: "a"}, {Name: "b"}}
	cfg.Extra = map[string]any{"a": []any{1, "two", 3.5, nil, true}}
	cfg.Shared.Verbose, cfg.Small = true, 255
	got := roundTrip(t, cfg)
	for name, m := range cfg.Engines { // an empty map is written for a nil one
		if m.Env == nil {
			m.Env = map[string]string{}
			cfg.Engines[name] = m
		}
	}
	if !reflect.DeepEqual(got, cfg) {
		t.Errorf("got  %+v\nwant %+v", got, cfg)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "null", "a: b", "\x00", "\u2028", "- ", "\r\n", "\ufeff", "|", "•", "<<", "=", "\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s != strings.ToValidUTF8(s, "") {
			return // refused by Load, see FuzzEnvironment
		}
		cfg := defaults()
		cfg.Gateway.Origins = []string{s, "x"}
		cfg.Aliases[s] = s
		got := roundTrip(t, cfg)
		if !reflect.DeepEqual(got.Gateway.Origins, cfg.Gateway.Origins) || !reflect.DeepEqual(got.Aliases, cfg.Aliases) {
			t.Errorf("%q: got %q %q", s, got.Gateway.Origins, got.Aliases)
		}
	})
}

// FuzzFile shows that no file makes Load panic or hang, and that what it accepts can be written and read again.
func FuzzFile(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yml")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, fmt.Sprintf("%d.yaml", os.Getpid()))
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := defaults()
		if Load(cfg, Options{File: file}) != nil {
			return
		}
		cfg.Extra = nil // its types are YAML's own
		cfg.Users = nil // secrets do not come back
		if cfg.Gateway.TLS != nil {
			cfg.Gateway.TLS.Key = ""
		}
		var once, twice bytes.Buffer
		if err := Write(&once, cfg); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, once.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		again := defaults()
		for name := range again.Engines { // entries that the file took out
			if _, ok := cfg.Engines[name]; !ok {
				delete(again.Engines, name)
			}
		}
		for name := range again.Aliases {
			if _, ok := cfg.Aliases[name]; !ok {
				delete(again.Aliases, name)
			}
		}
		if err := Load(again, Options{File: file}); err != nil {
			t.Fatalf("%v in\n%s", err, once.String())
		}
		if err := Write(&twice, again); err != nil || once.String() != twice.String() {
			t.Errorf("%v: first\n%s\nthen\n%s", err, once.String(), twice.String())
		}
	})
}

// FuzzEnvironment shows that no variable makes Load panic, and that errors are one line each.
func FuzzEnvironment(f *testing.F) {
	f.Add("GATEWAY_LISTEN", "a:1")
	f.Add("ENGINES", "{a: {instances: 1}}")
	f.Add("ENGINES_FLITE_ENV", "{A: b}")
	f.Add("USERS", "[{name: x}]")
	f.Add("GATEWAY_TLS", "null")
	f.Add("EXTRA", "{<<: {a: 1}}")
	f.Add("NET", "\xff")
	f.Fuzz(func(t *testing.T, name, value string) {
		cfg := defaults()
		err := Load(cfg, Options{Environ: []string{EnvPrefix + name + "=" + value}})
		if err == nil {
			if werr := Write(&bytes.Buffer{}, cfg); werr != nil {
				t.Errorf("accepted, but: %v", werr)
			}
		}
	})
}

func TestDirs(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("OROTUND_CONFIG", "")
	if got, want := DataDir(), filepath.Join(home, ".local/share/orotund"); got != want {
		t.Errorf("data: %s, want %s", got, want)
	}
	t.Setenv("XDG_DATA_HOME", "relative")
	if got, want := DataDir(), filepath.Join(home, ".local/share/orotund"); got != want {
		t.Errorf("data with a relative XDG_DATA_HOME: %s, want %s", got, want)
	}
	t.Setenv("XDG_DATA_HOME", "/x")
	if got := DataDir(); got != "/x/orotund" {
		t.Errorf("data: %s", got)
	}
	own := filepath.Join(home, ".config/orotund/orotund.yaml")
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := DefaultFile(); got == own {
		t.Errorf("%s does not exist", got)
	}
	write(t, own, "")
	if got := DefaultFile(); got != own {
		t.Errorf("file: %s, want %s", got, own)
	}
	t.Setenv("OROTUND_CONFIG", "/not/there")
	if got := DefaultFile(); got != "/not/there" || os.Getenv("OROTUND_CONFIG") != got {
		t.Errorf("file: %s", got)
	}
	if got := firstFile(configDirs("/nowhere", home)); got == own {
		t.Error("XDG_CONFIG_HOME does not replace .config")
	}
	if len(Environ()) == 0 {
		t.Error("no environment")
	}
}
