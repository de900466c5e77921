// Package app puts the system together: the one table of modules, the configuration of all of them, and what a process of
// this binary can be. It is the one place that knows everything.
package app

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/gateway"
	"github.com/orotund/orotund/internal/inference"
	"github.com/orotund/orotund/internal/style"
	"github.com/orotund/orotund/internal/telemetry"
)

// Version is set by the linker.
var Version = "dev"

// Config is the whole configuration.
type Config struct {
	Roles     []string                 `yaml:"roles" doc:"Roles of this process: any of gateway, inference, style, state; all is every one."`
	DataDir   string                   `yaml:"data_dir" doc:"Directory for what must survive a restart; empty means $XDG_DATA_HOME/orotund, else ~/.local/share/orotund, else /var/lib/orotund."`
	Grace     time.Duration            `yaml:"shutdown_grace" doc:"Time that running requests have to finish after SIGTERM."`
	Admin     AdminConfig              `yaml:"admin" doc:"Metrics, health and profiles for operators."`
	RPC       RPCConfig                `yaml:"rpc" doc:"How roles in different processes reach each other."`
	Gateway   gateway.Config           `yaml:"gateway" doc:"The public API (webui-gateway)."`
	Inference inference.Config         `yaml:"inference" doc:"Running of requests (tts-inference-service)."`
	Style     style.Config             `yaml:"style" doc:"The text front end (style-control-service)."`
	State     cluster.Config           `yaml:"state" doc:"The replicated store."`
	Engines   map[string]engine.Config `yaml:"engines" doc:"Speech engines by name; the name is the first part of their voices' ids."`
	Codec     CodecConfig              `yaml:"codec" doc:"The workers that encode MP3 and AAC."`
	Voices    engine.VoicesConfig      `yaml:"voices" doc:"Names of voices."`
	Models    map[string][]string      `yaml:"models" doc:"Model names to the engines that they may use; an empty list is all. Each engine is also a model of its own name."`
	Telemetry telemetry.Config         `yaml:"telemetry" doc:"Logs, traces and metrics."`
}

// AdminConfig is the operators' listener.
type AdminConfig struct {
	Listen string `yaml:"listen" doc:"Address of /metrics, /healthz, /readyz and /debug/pprof; empty turns it off."`
}

// CodecConfig is the workers that encode what this program cannot by itself.
type CodecConfig struct {
	Command       []string      `yaml:"command" doc:"Program that serves orotund.codec.v1, and its arguments; it is looked for as an engine's is."`
	Disabled      bool          `yaml:"disabled" doc:"Do without MP3 and AAC."`
	Instances     int           `yaml:"instances" doc:"Worker processes, each of which encodes on one core; 0 is one for each."`
	Queue         int           `yaml:"queue" doc:"Requests that may wait for a worker; more are refused with 429."`
	QueueWait     time.Duration `yaml:"queue_wait" doc:"Longest wait of a request for a worker; longer ends in 503."`
	StartTimeout  time.Duration `yaml:"start_timeout" doc:"Time a worker has to print its handshake."`
	HealthPeriod  time.Duration `yaml:"health_period" doc:"Time between two health checks of a worker; three failures running kill it."`
	HealthTimeout time.Duration `yaml:"health_timeout" doc:"Time a worker has to answer a health check."`
}

// Validate tells every value that cannot be used. The bounds are those of an engine.
func (c CodecConfig) Validate() error {
	e := engine.DefaultConfig()
	e.Command, e.Instances, e.Queue, e.QueueWait = c.Command, c.Instances, c.Queue, c.QueueWait
	e.StartTimeout, e.HealthPeriod, e.HealthTimeout = c.StartTimeout, c.HealthPeriod, c.HealthTimeout
	return e.Validate()
}

// defaultCodec is the worker that Orotund brings, with the limits that an engine has.
func defaultCodec() CodecConfig {
	e := engine.DefaultConfig()
	return CodecConfig{Command: []string{"orotund-worker-codec"}, Queue: e.Queue, QueueWait: e.QueueWait, StartTimeout: e.StartTimeout,
		HealthPeriod: e.HealthPeriod, HealthTimeout: e.HealthTimeout}
}

// RPCConfig is the network between roles.
type RPCConfig struct {
	Listen    string `yaml:"listen" doc:"Address on which this process serves its inference and style roles to others, used when not all roles run here."`
	Inference string `yaml:"inference" doc:"Address of the inference role, where it does not run in this process."`
	Style     string `yaml:"style" doc:"Address of the style role, where it does not run in this process."`
}

// Role names.
const (
	RoleGateway   = "gateway"
	RoleInference = "inference"
	RoleStyle     = "style"
	RoleState     = "state"
	roleAll       = "all"
)

var roles = []string{RoleGateway, RoleInference, RoleStyle, RoleState}

// DefaultConfig is a whole system on one machine.
func DefaultConfig() Config {
	engineOf := func(program string) engine.Config {
		c := engine.DefaultConfig()
		c.Command = []string{program}
		return c
	}
	return Config{
		Roles: []string{roleAll},
		Grace: 30 * time.Second,
		Admin: AdminConfig{Listen: "127.0.0.1:8709"},
		RPC:   RPCConfig{Listen: "127.0.0.1:8702", Inference: "127.0.0.1:8702", Style: "127.0.0.1:8702"},

		Gateway: gateway.DefaultConfig(), Inference: inference.DefaultConfig(), Style: style.DefaultConfig(), State: cluster.DefaultConfig(),
		Engines: map[string]engine.Config{
			"espeak": engineOf("orotund-worker-espeak"),
			"flite":  engineOf("orotund-worker-flite"),
		},
		Codec:  defaultCodec(),
		Voices: engine.DefaultVoices(), Models: engine.DefaultModels(), Telemetry: telemetry.DefaultConfig(),
	}
}

// Validate checks what concerns more than one part; each part checks itself.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) { errs = append(errs, config.Invalid(key, format, args...)) }
	if len(c.Roles) == 0 {
		bad("roles", "must name at least one of %s, all", strings.Join(roles, ", "))
	}
	for _, r := range c.Roles {
		if r != roleAll && !slices.Contains(roles, r) {
			bad("roles", "%q is not one of %s, all", r, strings.Join(roles, ", "))
		}
	}
	if c.Grace < 0 || c.Grace > time.Hour {
		bad("shutdown_grace", "must be from 0s to 1h")
	}
	addr := func(key, value string, empty bool) {
		if value == "" && empty {
			return
		}
		if _, _, err := net.SplitHostPort(value); err != nil {
			bad(key, "must be HOST:PORT")
		}
	}
	addr("admin.listen", c.Admin.Listen, true)
	addr("rpc.listen", c.RPC.Listen, false)
	addr("rpc.inference", c.RPC.Inference, false)
	addr("rpc.style", c.RPC.Style, false)
	for _, name := range slices.Sorted(maps.Keys(c.Engines)) {
		if !engine.ValidName(name) {
			bad("engines."+name, "a name is 1 to 64 of a-z, 0-9, '_', '-' and begins with a letter or digit")
		}
	}
	for _, model := range slices.Sorted(maps.Keys(c.Models)) {
		for _, name := range c.Models[model] {
			if _, ok := c.Engines[name]; !ok {
				bad("models."+model, "engine %q is not configured", name)
			}
		}
	}
	return errors.Join(errs...)
}

// has tells whether a role runs in this process.
func (c Config) has(role string) bool {
	return slices.Contains(c.Roles, roleAll) || slices.Contains(c.Roles, role)
}

// served lists the roles of this process that others may call.
func (c Config) served() []string {
	return slices.DeleteFunc([]string{RoleInference, RoleStyle}, func(r string) bool { return !c.has(r) })
}

// whole tells whether every role runs in this process.
func (c Config) whole() bool {
	return !slices.ContainsFunc(roles, func(r string) bool { return !c.has(r) })
}
