package engine

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/orotund/orotund/internal/config"
)

// Config is one engine's.
type Config struct {
	Command       []string      `yaml:"command" doc:"Program that serves orotund.engine.v1, and its arguments. A name without a slash is looked for beside orotund, in ../libexec/orotund and on the PATH."`
	Disabled      bool          `yaml:"disabled" doc:"Leave this engine out."`
	Instances     int           `yaml:"instances" doc:"Worker processes at most; 0 is one for each core."`
	Concurrency   int           `yaml:"concurrency" doc:"Calls at once in one worker; an engine that allows fewer does not start."`
	Queue         int           `yaml:"queue" doc:"Segments that may wait for a worker; more are refused with 429."`
	QueueWait     time.Duration `yaml:"queue_wait" doc:"Longest wait of a segment for a worker; longer ends in 503."`
	StartTimeout  time.Duration `yaml:"start_timeout" doc:"Time a worker has to print its handshake and describe itself."`
	StallTimeout  time.Duration `yaml:"stall_timeout" doc:"Longest silence of a worker within a segment before it counts as hung."`
	SegmentLimit  time.Duration `yaml:"segment_limit" doc:"Longest audio of one segment; a worker that sends more is cut off."`
	HealthPeriod  time.Duration `yaml:"health_period" doc:"Time between two health checks of a worker; three failures running kill it."`
	HealthTimeout time.Duration `yaml:"health_timeout" doc:"Time a worker has to answer a health check."`
}

// DefaultConfig is what an engine's entry need not say.
func DefaultConfig() Config {
	return Config{
		Concurrency: 1, Queue: 256, QueueWait: 30 * time.Second, StartTimeout: 10 * time.Second, StallTimeout: 20 * time.Second,
		SegmentLimit: 10 * time.Minute, HealthPeriod: 5 * time.Second, HealthTimeout: 2 * time.Second,
	}
}

// SetDefaults gives a map entry that a file introduces the defaults that it leaves out (config.Load calls it).
func (c *Config) SetDefaults() { *c = DefaultConfig() }

// Validate tells every value that cannot be used.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) { errs = append(errs, config.Invalid(key, format, args...)) }
	if len(c.Command) == 0 || c.Command[0] == "" {
		bad("command", "must name a program")
	}
	if c.Instances < 0 || c.Instances > 1024 {
		bad("instances", "must be from 0 to 1024")
	}
	if c.Concurrency < 1 || c.Concurrency > 4096 {
		bad("concurrency", "must be from 1 to 4096")
	}
	if c.Queue < 1 || c.Queue > 1_000_000 {
		bad("queue", "must be from 1 to 1000000")
	}
	for _, d := range []struct {
		key      string
		d        time.Duration
		min, max time.Duration
	}{
		{"queue_wait", c.QueueWait, time.Millisecond, time.Hour},
		{"start_timeout", c.StartTimeout, 100 * time.Millisecond, time.Hour},
		{"stall_timeout", c.StallTimeout, 10 * time.Millisecond, time.Hour},
		{"segment_limit", c.SegmentLimit, time.Second, 24 * time.Hour},
		{"health_period", c.HealthPeriod, 10 * time.Millisecond, time.Hour},
		{"health_timeout", c.HealthTimeout, 10 * time.Millisecond, time.Hour},
	} {
		if d.d < d.min || d.d > d.max {
			bad(d.key, "must be from %v to %v", d.min, d.max)
		}
	}
	return errors.Join(errs...)
}

// VoicesConfig names voices.
type VoicesConfig struct {
	Default  string                       `yaml:"default" doc:"Voice id or profile of requests that name none."`
	Profiles map[string]map[string]string `yaml:"profiles" doc:"Names that stand for one voice in each language: language tag (or *) to voice id. What a profile leaves out comes from the default profile, then from any voice that speaks the language."`
}

// DefaultVoices maps the voice names of OpenAI's clients to the voices that Debian's engines have.
func DefaultVoices() VoicesConfig {
	v := VoicesConfig{Default: "auto", Profiles: map[string]map[string]string{
		"auto": {"en": "flite.rms", "zh": "espeak.cmn-latn-pinyin"},
	}}
	for _, name := range []string{"ash", "ballad", "cedar", "echo", "onyx", "verse"} {
		v.Profiles[name] = map[string]string{"en": "flite.rms"}
	}
	for _, name := range []string{"alloy", "coral", "marin", "nova", "sage", "shimmer"} {
		v.Profiles[name] = map[string]string{"en": "flite.slt"}
	}
	v.Profiles["fable"] = map[string]string{"en": "flite.awb"}
	return v
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// Validate tells every value that cannot be used. Voices need not exist: their engine may come later.
func (c VoicesConfig) Validate() error {
	var errs []error
	if c.Default == "" {
		errs = append(errs, config.Invalid("default", "must name a voice or a profile"))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Profiles)) {
		if !nameForm.MatchString(name) {
			errs = append(errs, config.Invalid("profiles."+name, "a name is 1 to 64 of a-z, 0-9, '_', '.', '-' and begins with a letter or digit"))
		}
		for _, lang := range slices.Sorted(maps.Keys(c.Profiles[name])) {
			if c.Profiles[name][lang] == "" {
				errs = append(errs, config.Invalid("profiles."+name+"."+lang, "must be a voice id"))
			}
		}
	}
	return errors.Join(errs...)
}

// DefaultModels lists the models of OpenAI's clients; each may use every engine.
func DefaultModels() map[string][]string {
	return map[string][]string{"orotund": {}, "tts-1": {}, "tts-1-hd": {}, "gpt-4o-mini-tts": {}, "gpt-4o-mini-tts-2025-12-15": {}}
}

var engineForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// ValidName tells whether an engine may have a name. It holds no dot, which parts an engine from its voice in a voice's id.
func ValidName(name string) bool { return engineForm.MatchString(name) }
