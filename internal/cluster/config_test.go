package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/config"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	external := func(change func(*ExternalConfig)) func(*Config) {
		return func(c *Config) {
			c.Mode = ModeExternal
			change(&c.External)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   []string // keys that the error must name; none: valid
	}{
		{"external on loopback", external(func(*ExternalConfig) {}), nil},
		{"external with all", external(func(x *ExternalConfig) {
			x.Endpoints = []string{"https://a:2379", "https://[::1]:2379"}
			x.User, x.Password, x.CAFile, x.CertFile, x.KeyFile = "u", "p", "c", "d", "e"
		}), nil},
		{"mode", func(c *Config) { c.Mode = "raft" }, []string{"mode"}},
		{"prefix", func(c *Config) { c.Prefix = "a" }, []string{"prefix"}},
		{"no prefix", func(c *Config) { c.Prefix = "" }, []string{"prefix"}},
		{"small quota", func(c *Config) { c.Quota = 1 << 20 }, []string{"quota"}},
		{"many", func(c *Config) { c.Compaction, c.StartTimeout, c.RequestTimeout, c.WatchProgress = 0, 0, -1, time.Hour },
			[]string{"compaction", "start_timeout", "request_timeout", "watch_progress"}},
		{"embedded ignores external", func(c *Config) { c.External.Endpoints = nil }, nil},
		{"no endpoint", external(func(x *ExternalConfig) { x.Endpoints = nil }), []string{"external.endpoints"}},
		{"no port", external(func(x *ExternalConfig) { x.Endpoints = []string{"http://host"} }), []string{"external.endpoints"}},
		{"no scheme", external(func(x *ExternalConfig) { x.Endpoints = []string{"host:2379"} }), []string{"external.endpoints"}},
		{"path", external(func(x *ExternalConfig) { x.Endpoints = []string{"http://host:1/x"} }), []string{"external.endpoints"}},
		{"mixed", external(func(x *ExternalConfig) { x.Endpoints = []string{"http://a:1", "https://b:1"} }), []string{"external.endpoints"}},
		{"user alone", external(func(x *ExternalConfig) { x.User = "u" }), []string{"external.password"}},
		{"certificate alone", external(func(x *ExternalConfig) {
			x.Endpoints, x.CertFile = []string{"https://a:1"}, "c"
		}), []string{"external.key_file"}},
		{"TLS files without TLS", external(func(x *ExternalConfig) { x.CAFile = "c" }), []string{"external.ca_file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			c.change(&cfg)
			err := cfg.Validate()
			if err == nil {
				if len(c.want) > 0 {
					t.Fatalf("no error, want one about %q", c.want)
				}
				return
			}
			if len(c.want) == 0 {
				t.Fatal(err)
			}
			for _, key := range c.want {
				if !strings.Contains(err.Error(), key) {
					t.Errorf("%q is not about %s", err, key)
				}
			}
		})
	}
}

func TestConfigDocs(t *testing.T) {
	if err := config.CheckDocs(DefaultConfig()); err != nil {
		t.Fatal(err)
	}
}

// TestConfigKeepsSecrets wants a URL with a password not to come back in the error.
func TestConfigKeepsSecrets(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Mode, cfg.External.Endpoints = ModeExternal, []string{"http://user:hunter2@host:1"}
	err := cfg.Validate()
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("error %v", err)
	}
}
