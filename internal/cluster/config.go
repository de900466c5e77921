package cluster

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/orotund/orotund/internal/config"
)

// Modes of Config.Mode.
const (
	ModeEmbedded = "embedded"
	ModeExternal = "external"
)

// Config sets the replicated store.
type Config struct {
	Mode           string         `yaml:"mode" doc:"Where the state is kept: embedded (an etcd member in this process, which opens no port) or external (an etcd that already runs)."`
	DataDir        string         `yaml:"data_dir" doc:"Directory of the embedded member, for one process at a time; empty means \"state\" in Orotund's data directory."`
	Prefix         string         `yaml:"prefix" doc:"What all keys begin with in etcd, so that several installations can share an external one; ends with a slash."`
	Quota          config.Bytes   `yaml:"quota" doc:"Size at which the embedded member stops taking writes."`
	Compaction     time.Duration  `yaml:"compaction" doc:"How long the embedded member keeps the history of changes, from which watches resume."`
	StartTimeout   time.Duration  `yaml:"start_timeout" doc:"How long the store may take to start or to be reached."`
	RequestTimeout time.Duration  `yaml:"request_timeout" doc:"How long one call to the store may take."`
	WatchProgress  time.Duration  `yaml:"watch_progress" doc:"How often a quiet watch learns how far the store has come."`
	External       ExternalConfig `yaml:"external" doc:"How to reach an external etcd."`
}

// ExternalConfig says how to reach an etcd that already runs (3.5 or later).
type ExternalConfig struct {
	Endpoints []string      `yaml:"endpoints" doc:"URLs of its members, http://host:port or https://host:port."`
	User      string        `yaml:"user" doc:"User name, if it asks for one."`
	Password  config.Secret `yaml:"password" doc:"Password of that user."`
	CAFile    string        `yaml:"ca_file" doc:"PEM file of the authority that signed its certificates; empty means the system's."`
	CertFile  string        `yaml:"cert_file" doc:"PEM file of the certificate that Orotund shows."`
	KeyFile   string        `yaml:"key_file" doc:"PEM file of that certificate's key."`
}

// Bounds of settings.
const (
	minQuota      = 64 << 20
	maxQuota      = 16 << 30
	minCompaction = time.Minute
	maxCompaction = 24 * time.Hour
	maxTimeout    = 10 * time.Minute
	minProgress   = 100 * time.Millisecond
)

// DefaultConfig returns an embedded member with room for 2 GiB.
func DefaultConfig() Config {
	return Config{
		Mode:           ModeEmbedded,
		Prefix:         "orotund/",
		Quota:          2 << 30,
		Compaction:     5 * time.Minute,
		StartTimeout:   30 * time.Second,
		RequestTimeout: 5 * time.Second,
		WatchProgress:  10 * time.Second,
		External:       ExternalConfig{Endpoints: []string{"http://127.0.0.1:2379"}},
	}
}

// Validate reports everything that is wrong with the settings.
func (c Config) Validate() error {
	var errs []error
	add := func(bad bool, key, format string, args ...any) {
		if bad {
			errs = append(errs, config.Invalid(key, format, args...))
		}
	}
	add(c.Mode != ModeEmbedded && c.Mode != ModeExternal, "mode", "%q is not one of %s, %s", c.Mode, ModeEmbedded, ModeExternal)
	add(len(c.Prefix) > 128 || !strings.HasSuffix(c.Prefix, "/") || ValidatePrefix(c.Prefix) != nil,
		"prefix", "%q is not a path of letters and digits that ends with a slash, of 128 bytes at most", c.Prefix)
	add(c.Quota < minQuota || c.Quota > maxQuota, "quota", "%d bytes are not between 64 MiB and 16 GiB", int64(c.Quota))
	add(c.Compaction < minCompaction || c.Compaction > maxCompaction,
		"compaction", "%s is not between %s and %s", c.Compaction, minCompaction, maxCompaction)
	add(c.StartTimeout <= 0 || c.StartTimeout > maxTimeout, "start_timeout", "%s is not between 0 and %s", c.StartTimeout, maxTimeout)
	add(c.RequestTimeout <= 0 || c.RequestTimeout > maxTimeout,
		"request_timeout", "%s is not between 0 and %s", c.RequestTimeout, maxTimeout)
	add(c.WatchProgress < minProgress || c.WatchProgress > maxTimeout,
		"watch_progress", "%s is not between %s and %s", c.WatchProgress, minProgress, maxTimeout)
	if c.Mode == ModeExternal {
		errs = append(errs, c.External.validate()...)
	}
	return errors.Join(errs...)
}

func (c ExternalConfig) validate() []error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, config.Invalid("external."+key, format, args...))
	}
	if len(c.Endpoints) == 0 {
		bad("endpoints", "must name at least one")
	}
	secure := 0
	for _, e := range c.Endpoints {
		u, err := url.Parse(e)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Hostname() == "" || u.User != nil ||
			u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			// The URL itself may hold a password, so it is not repeated.
			bad("endpoints", "must be like http://host:port or https://host:port")
			continue
		}
		if u.Scheme == "https" {
			secure++
		}
	}
	if secure != 0 && secure != len(c.Endpoints) {
		bad("endpoints", "must be all http or all https")
	}
	if (c.User == "") != (c.Password.Reveal() == "") {
		bad("password", "goes with user: set both or neither")
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		bad("key_file", "goes with cert_file: set both or neither")
	}
	if secure == 0 && (c.CAFile != "" || c.CertFile != "") {
		bad("ca_file", "and cert_file need https endpoints")
	}
	return errs
}
