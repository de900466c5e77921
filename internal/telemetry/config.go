package telemetry

import (
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/orotund/orotund/internal/config"
)

// Config sets logs and traces. Metrics have no settings: they are always there to be read.
type Config struct {
	Log    LogConfig    `yaml:"log" doc:"What the process logs, on standard error."`
	Traces TracesConfig `yaml:"traces" doc:"Where spans go."`
}

// LogConfig sets the logger.
type LogConfig struct {
	Level  string `yaml:"level" doc:"The least level to log: debug, info, warn or error."`
	Format string `yaml:"format" doc:"Format of the lines: json or text."`
}

// TracesConfig sets the tracers.
type TracesConfig struct {
	Exporter    string  `yaml:"exporter" doc:"Where spans are sent: none or otlp (gRPC). With none requests still have trace ids in logs."`
	Endpoint    string  `yaml:"endpoint" doc:"Host and port of the OTLP collector."`
	Insecure    bool    `yaml:"insecure" doc:"Send to the collector without TLS."`
	SampleRatio float64 `yaml:"sample_ratio" doc:"Share of the traces begun here that are recorded, 0 to 1; a caller's decision is kept."`
}

// Values of LogConfig.Format and TracesConfig.Exporter.
const (
	formatJSON   = "json"
	formatText   = "text"
	exporterNone = "none"
	exporterOTLP = "otlp"
)

// DefaultConfig logs JSON from info on and sends no spans.
func DefaultConfig() Config {
	return Config{
		Log:    LogConfig{Level: "info", Format: formatJSON},
		Traces: TracesConfig{Exporter: exporterNone, Endpoint: "127.0.0.1:4317", SampleRatio: 1},
	}
}

// Validate checks nothing of its own: the sections check themselves.
func (c Config) Validate() error { return nil }

// Validate checks level and format.
func (c LogConfig) Validate() error {
	var errs []error
	if _, ok := levels[c.Level]; !ok {
		errs = append(errs, config.Invalid("level", "%q is none of debug, info, warn, error", c.Level))
	}
	if c.Format != formatJSON && c.Format != formatText {
		errs = append(errs, config.Invalid("format", "%q is neither json nor text", c.Format))
	}
	return errors.Join(errs...)
}

// Validate checks exporter, endpoint (also where nothing is sent) and ratio.
func (c TracesConfig) Validate() error {
	var errs []error
	if c.Exporter != exporterNone && c.Exporter != exporterOTLP {
		errs = append(errs, config.Invalid("exporter", "%q is neither none nor otlp", c.Exporter))
	}
	host, port, err := net.SplitHostPort(c.Endpoint)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/ ") {
		errs = append(errs, config.Invalid("endpoint", "%q is not host:port; write for example 127.0.0.1:4317", c.Endpoint))
	}
	if !(c.SampleRatio >= 0 && c.SampleRatio <= 1) { // not <: it also refuses NaN
		errs = append(errs, config.Invalid("sample_ratio", "%v is not from 0 to 1", c.SampleRatio))
	}
	return errors.Join(errs...)
}

// levels maps the names of levels.
var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
