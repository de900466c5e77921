package app

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/lifecycle"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

func TestDefaults(t *testing.T) {
	cfg := DefaultConfig()
	if err := config.Load(&cfg, config.Options{}); err != nil {
		t.Error(err)
	}
	if err := config.CheckDocs(cfg); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		says   []string // none: it is good
	}{
		"every role by name":  {func(c *Config) { c.Roles = slices.Clone(roles) }, nil},
		"no admin":            {func(c *Config) { c.Admin.Listen = "" }, nil},
		"no grace":            {func(c *Config) { c.Grace = 0 }, nil},
		"no roles":            {func(c *Config) { c.Roles = nil }, []string{"roles: must name at least one of gateway, inference, style, state, all"}},
		"unknown roles":       {func(c *Config) { c.Roles = []string{"gatway", "stile"} }, []string{`roles: "gatway" is not one of`, `roles: "stile" is not`}},
		"grace":               {func(c *Config) { c.Grace = -time.Second }, []string{"shutdown_grace: must be"}},
		"long grace":          {func(c *Config) { c.Grace = 2 * time.Hour }, []string{"shutdown_grace: must be"}},
		"addresses":           {func(c *Config) { c.Admin.Listen, c.RPC = "8709", RPCConfig{"a", "b", ""} }, []string{"admin.listen: ", "rpc.listen: ", "rpc.inference: ", "rpc.style: "}},
		"engine with a dot":   {func(c *Config) { c.Engines["a.b"] = c.Engines["flite"] }, []string{"engines.a.b: a name is"}},
		"engine of no model":  {func(c *Config) { c.Models["m"] = []string{"flite", "none"} }, []string{`models.m: engine "none" is not configured`}},
		"parts check as well": {func(c *Config) { c.Gateway.MaxBody = 1; c.Codec.Queue = 0; c.Engines["flite"] = engine.Config{} }, []string{"gateway.max_body", "codec.queue", "engines.flite.command"}},
	} {
		cfg := DefaultConfig()
		tc.change(&cfg)
		err := config.Load(&cfg, config.Options{})
		if (err == nil) != (tc.says == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, says := range tc.says {
			if err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q is not in\n%v", name, says, err)
			}
		}
	}
}

// TestClosure: what each role needs, and nothing else, runs in its process.
func TestClosure(t *testing.T) {
	for _, tc := range []struct {
		roles, targets []string
		want           string // sorted
	}{
		{[]string{"all"}, []string{"gateway", "inference", "style", "state", "admin"}, "admin codecs engines gateway inference state style"},
		{[]string{"gateway"}, []string{"gateway"}, "admin gateway"},
		{[]string{"inference"}, []string{"inference", "rpc"}, "admin codecs engines inference rpc"},
		{[]string{"style"}, []string{"style", "rpc"}, "admin rpc style"},
		{[]string{"state"}, []string{"state"}, "admin state"},
		{[]string{"gateway", "inference"}, []string{"gateway", "rpc"}, "admin codecs engines gateway inference rpc"},
		{[]string{"inference", "style"}, []string{"inference"}, "admin codecs engines inference style"},
	} {
		cfg := DefaultConfig()
		cfg.Roles = tc.roles
		a, log := newApp(t, cfg)
		m, err := lifecycle.NewManager(a.log, a.modules())
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Closure(tc.targets...)
		if err != nil || got[0] != "admin" {
			t.Fatal(err, got, log)
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%v: %s", tc.roles, s)
		}
		a.close()
	}
}

const preface = `# Configuration

Every setting can stand in the configuration file, in an environment variable, or as a flag of ` + "`orotund serve`" + ` (` + "`--gateway.listen 127.0.0.1:8800`" + `).
Flags win over the environment, the environment over the file, the file over the defaults below.

The file is YAML: the one that ` + "`--config`" + ` or ` + "`OROTUND_CONFIG`" + ` names, else ` + "`~/.config/orotund/orotund.yaml`, else `/etc/orotund/orotund.yaml`" + `.
Unknown keys are refused, and every error is reported at once. ` + "`orotund serve --print-config`" + ` prints the configuration in force as a file that can be used.

A dot in a key is a level in the file; ` + "`<name>`" + ` is a name of your choice. Durations are written ` + "`500ms`, `10s`, `2m`, `1h`; sizes `64KiB`, `10MiB`" + `.

This page is written by ` + "`go test ./internal/app -run TestReference -update`" + `.

`

// TestReference: docs/configuration.md is what the code says.
func TestReference(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(preface)
	if err := config.Reference(&b, DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "configuration.md")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("docs/configuration.md is out of date (%v): run go test ./internal/app -run TestReference -update", err)
	}
	host, _ := os.Hostname()
	home, _ := os.UserHomeDir()
	for _, mine := range []string{host, home, os.TempDir() + "/"} {
		if len(mine) > 4 && regexp.MustCompile(`\b`+regexp.QuoteMeta(mine)).Match(b.Bytes()) {
			t.Errorf("the reference holds %q of this machine", mine)
		}
	}
}
