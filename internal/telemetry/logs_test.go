package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"github.com/orotund/orotund/internal/config"
)

func TestLogger(t *testing.T) {
	var buf bytes.Buffer
	tel := start(t, DefaultConfig(), &buf)
	ctx, span := tel.Tracer("gateway").Start(context.Background(), "x")
	log := tel.Logger().With("component", "c").WithGroup("g").With("a", 1).WithGroup("h")
	log.InfoContext(ctx, "hello", "b", 2)
	log.Info("no span", "b", 2)
	log.DebugContext(ctx, "below the level")
	tel.Logger().WarnContext(ctx, "plain", "b", 3)
	want := []map[string]any{
		{"level": "INFO", "msg": "hello", "component": "c", "g": map[string]any{"a": 1.0, "h": map[string]any{"b": 2.0}}, "trace": true},
		{"level": "INFO", "msg": "no span", "component": "c", "g": map[string]any{"a": 1.0, "h": map[string]any{"b": 2.0}}},
		{"level": "WARN", "msg": "plain", "b": 3.0, "trace": true},
	}
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, l := range lines {
		var got map[string]any
		if err := json.Unmarshal([]byte(l), &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "time")
		if want[i]["trace"] == true {
			delete(want[i], "trace")
			want[i]["trace_id"], want[i]["span_id"] = span.SpanContext().TraceID().String(), span.SpanContext().SpanID().String()
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want[i])
		if string(a) != string(b) {
			t.Errorf("got  %s\nwant %s", a, b)
		}
	}
}

// TestHandlerContract runs the standard library's suite for handlers.
func TestHandlerContract(t *testing.T) {
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return newLogger(DefaultConfig().Log, &buf).Handler()
	}, func(t *testing.T) map[string]any {
		var got map[string]any
		if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return got
	})
}

func TestTextLog(t *testing.T) {
	var buf bytes.Buffer
	cfg := DefaultConfig()
	cfg.Log = LogConfig{Level: "debug", Format: "text"}
	tel := start(t, cfg, &buf)
	ctx, _ := tel.Tracer("x").Start(context.Background(), "x")
	tel.Logger().DebugContext(ctx, "hello", "a", 1)
	if got := buf.String(); !strings.Contains(got, "level=DEBUG msg=hello a=1 trace_id=") || !strings.Contains(got, " span_id=") {
		t.Error(got)
	}
}

func TestConfig(t *testing.T) {
	def := DefaultConfig()
	if err := config.CheckDocs(def); err != nil {
		t.Error(err)
	}
	if err := config.Load(&def, config.Options{}); err != nil {
		t.Error(err)
	}
	for env, want := range map[string]string{
		"LOG_LEVEL=loud":               `"loud" is none of debug, info, warn, error`,
		"LOG_FORMAT=xml":               `"xml" is neither json nor text`,
		"TRACES_EXPORTER=jaeger":       `"jaeger" is neither none nor otlp`,
		"TRACES_ENDPOINT=http://x:1":   `"http://x:1" is not host:port; write for example 127.0.0.1:4317`,
		"TRACES_ENDPOINT=:4317":        `":4317" is not host:port; write for example 127.0.0.1:4317`,
		"TRACES_ENDPOINT=x:0":          `"x:0" is not host:port; write for example 127.0.0.1:4317`,
		"TRACES_ENDPOINT=x:99999":      `"x:99999" is not host:port; write for example 127.0.0.1:4317`,
		"TRACES_SAMPLE_RATIO=1.5":      `1.5 is not from 0 to 1`,
		"TRACES_SAMPLE_RATIO=-0.00001": `-1e-05 is not from 0 to 1`,
	} {
		cfg := DefaultConfig()
		name, _, _ := strings.Cut(env, "=")
		err := config.Load(&cfg, config.Options{Environ: []string{"OROTUND_" + env}})
		if err == nil || err.Error() != "OROTUND_"+name+": "+want {
			t.Errorf("%s: %v", env, err)
		}
		if tel, err := New(context.Background(), cfg, "v", io.Discard); err == nil || tel != nil {
			t.Errorf("%s: New accepts it", env)
		}
	}
}
