package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/orotund/orotund/internal/testkit/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exporting returns a configuration that sends to addr.
func exporting(addr string) Config {
	cfg := DefaultConfig()
	cfg.Traces.Exporter, cfg.Traces.Endpoint, cfg.Traces.Insecure = exporterOTLP, addr, true
	return cfg
}

// start makes telemetry that ends with the test.
func start(t testing.TB, cfg Config, stderr io.Writer) *Telemetry {
	t.Helper()
	tel, err := New(context.Background(), cfg, "1.2.3", stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := tel.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return tel
}

// TestTraceThroughRoles sends one trace through every role, as a request in one process makes it, and looks at what arrives.
func TestTraceThroughRoles(t *testing.T) {
	before := otel.GetTracerProvider()
	c := otlp.Start(t)
	tel := start(t, exporting(c.Addr()), io.Discard)
	ctx := tel.Propagator().Extract(context.Background(), propagation.MapCarrier{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "tenant=a",
	})
	roles := []string{"gateway", "inference", "style", "prompt", "storage", "state", "bench"}
	var spans []trace.Span
	for _, r := range roles {
		var s trace.Span
		ctx, s = tel.Tracer(r).Start(ctx, "at "+r, trace.WithAttributes(attribute.Int("n", 1)))
		spans = append(spans, s)
	}
	carrier := propagation.MapCarrier{}
	tel.Propagator().Inject(ctx, carrier)
	slices.Reverse(spans)
	for _, s := range spans {
		s.End()
	}
	if err := tel.ForceFlush(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := c.WaitNames(t, "at gateway", "at inference", "at style", "at prompt", "at storage", "at state", "at bench")
	services := map[string]string{
		"gateway": "webui-gateway", "inference": "tts-inference-service", "style": "style-control-service",
		"prompt": "prompt-audio-service", "storage": "output-storage-service", "state": "state", "bench": "orotund-bench",
	}
	parent, instance := "b7ad6b7169203331", got["at gateway"].Resource["service.instance.id"]
	for _, r := range roles {
		s := got["at "+r]
		if s.TraceID != "0af7651916cd43dd8448eb211c80319c" || s.ParentID != parent || s.Service != services[r] {
			t.Errorf("%s: %+v, want parent %s, service %s", r, s, parent, services[r])
		}
		if s.Resource["service.version"] != "1.2.3" || len(instance) != 36 || s.Resource["service.instance.id"] != instance {
			t.Errorf("%s: resource %v", r, s.Resource)
		}
		if s.Attributes["n"] != "1" || s.Scope != scopePrefix+r {
			t.Errorf("%s: %v in %s", r, s.Attributes, s.Scope)
		}
		parent = s.SpanID
	}
	if want := "00-0af7651916cd43dd8448eb211c80319c-" + parent + "-01"; carrier["traceparent"] != want || carrier["baggage"] != "tenant=a" {
		t.Errorf("injected %v, want %s", carrier, want)
	}
	if otel.GetTracerProvider() != before {
		t.Error("the global provider was set")
	}
}

// TestShutdownSends shows that spans ended just before the end are not lost.
func TestShutdownSends(t *testing.T) {
	c := otlp.Start(t)
	tel, err := New(context.Background(), exporting(c.Addr()), "v", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 { // several batches
		_, s := tel.Tracer("gateway").Start(context.Background(), "last")
		s.End()
	}
	if err := tel.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(c.Spans()); n != 2000 {
		t.Errorf("%d spans arrived", n)
	}
	if err := tel.Shutdown(context.Background()); err != nil {
		t.Errorf("second shutdown: %v", err)
	}
	_, s := tel.Tracer("gateway").Start(context.Background(), "too late")
	s.End()
	if !s.SpanContext().IsValid() {
		t.Error("no ids after shutdown")
	}
}

func TestSampling(t *testing.T) {
	c := otlp.Start(t)
	cfg := exporting(c.Addr())
	cfg.Traces.SampleRatio = 0
	tel := start(t, cfg, io.Discard)
	sampled := tel.Propagator().Extract(context.Background(), propagation.MapCarrier{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	})
	ctx, own := tel.Tracer("gateway").Start(context.Background(), "own root")
	_, child := tel.Tracer("inference").Start(ctx, "child of own root")
	_, theirs := tel.Tracer("gateway").Start(sampled, "caller asks")
	for _, s := range []trace.Span{child, own, theirs} {
		s.End()
		if !s.SpanContext().IsValid() {
			t.Errorf("%v has no ids", s)
		}
	}
	if child.SpanContext().TraceID() != own.SpanContext().TraceID() {
		t.Error("the child is in another trace")
	}
	if err := tel.ForceFlush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if spans := c.Spans(); len(spans) != 1 || spans[0].Name != "caller asks" {
		t.Errorf("got\n%s", otlp.List(spans))
	}
}

// TestPassive checks what spans still are while nothing is exported.
func TestPassive(t *testing.T) {
	tel := start(t, DefaultConfig(), io.Discard)
	tracer := tel.Tracer("gateway")
	ctx, root := tracer.Start(context.Background(), "root")
	cctx, child := tel.Tracer("inference").Start(ctx, "child", trace.WithSpanKind(trace.SpanKindServer))
	_, other := tracer.Start(cctx, "other", trace.WithNewRoot())
	if !root.SpanContext().IsValid() || !child.SpanContext().IsValid() || root.IsRecording() || root.SpanContext().IsSampled() {
		t.Errorf("%+v %+v", root.SpanContext(), child.SpanContext())
	}
	if a, b := root.SpanContext(), child.SpanContext(); a.TraceID() != b.TraceID() || a.SpanID() == b.SpanID() || b.IsRemote() {
		t.Errorf("%+v %+v", a, b)
	}
	if other.SpanContext().TraceID() == root.SpanContext().TraceID() || trace.SpanFromContext(cctx) != child {
		t.Error("new root or context")
	}
	root.SetAttributes(attribute.Int("a", 1))
	root.RecordError(errors.New("x"))
	root.End()
	if root.TracerProvider() != tel.Provider("state") {
		t.Error("another provider")
	}
	carrier := propagation.MapCarrier{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}
	ctx, _ = tracer.Start(tel.Propagator().Extract(context.Background(), carrier), "theirs")
	out := propagation.MapCarrier{}
	tel.Propagator().Inject(ctx, out)
	if tp := out["traceparent"]; !strings.HasPrefix(tp, "00-0af7651916cd43dd8448eb211c80319c-") || !strings.HasSuffix(tp, "-01") ||
		strings.Contains(tp, "b7ad6b7169203331") || out["tracestate"] != "a=b" {
		t.Errorf("injected %v", out)
	}
	if err := tel.ForceFlush(context.Background()); err != nil || tel.WorkerEnv("flite") != nil {
		t.Errorf("%v %v", err, tel.WorkerEnv("flite"))
	}
}

// lockedBuffer takes logs from several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestExportFails shows that failures reach our logger, once, and ForceFlush's caller, and that Shutdown is bounded by its context.
func TestExportFails(t *testing.T) {
	c := otlp.Start(t)
	c.Refuse(status.Error(codes.PermissionDenied, "no such tenant")) // not to be retried
	var logs lockedBuffer
	tel := start(t, exporting(c.Addr()), &logs)
	for range 3 {
		_, s := tel.Tracer("gateway").Start(context.Background(), "x")
		s.End()
		if err := tel.ForceFlush(context.Background()); status.Code(errors.Unwrap(err)) != codes.PermissionDenied && !strings.Contains(err.Error(), "no such tenant") {
			t.Errorf("flush: %v", err)
		}
	}
	if n := strings.Count(logs.String(), "spans were not exported"); n != 1 {
		t.Errorf("%d lines: %s", n, logs.String())
	}
	c.Refuse(nil)
	_, s := tel.Tracer("gateway").Start(context.Background(), "again")
	s.End()
	if err := tel.ForceFlush(context.Background()); err != nil {
		t.Errorf("flush: %v", err)
	}
	c.WaitNames(t, "again")
}

func TestShutdownBounded(t *testing.T) {
	c := otlp.Start(t)
	c.Refuse(status.Error(codes.Unavailable, "later")) // to be retried, for longer than we wait
	tel, err := New(context.Background(), exporting(c.Addr()), "v", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, s := tel.Tracer("gateway").Start(context.Background(), "x")
	s.End()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := tel.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	} // goleak sees whether the export goes on
}

func TestWorkerEnv(t *testing.T) {
	c := otlp.Start(t)
	cfg := exporting(c.Addr())
	cfg.Traces.SampleRatio = 0.25
	env := start(t, cfg, io.Discard).WorkerEnv("flite")
	for _, want := range []string{
		"OTEL_SERVICE_NAME=orotund-worker-flite", "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + c.Addr(), "OTEL_TRACES_EXPORTER=otlp",
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25",
		"OTEL_PROPAGATORS=tracecontext,baggage", "OTEL_EXPORTER_OTLP_INSECURE=true",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
	cfg.Traces.Insecure = false
	if env := start(t, cfg, io.Discard).WorkerEnv("x"); !slices.Contains(env, "OTEL_EXPORTER_OTLP_ENDPOINT=https://"+c.Addr()) {
		t.Errorf("%q", env)
	}
}
