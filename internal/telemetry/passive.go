package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"
)

// passiveProvider makes spans that only carry valid ids: for logs, answers and those called, while nothing is exported. Unlike the
// SDK's dropped spans, which cost as much, they leave the caller's sampled flag as it is: a trace goes on behind a process that
// takes no part in it (W3C Trace Context).
type passiveProvider struct {
	embedded.TracerProvider
	blank trace.Span // does nothing; one for all spans, because noop.Span holds ids of its own
}

var _ trace.TracerProvider = (*passiveProvider)(nil)

// newPassiveProvider makes one.
func newPassiveProvider() *passiveProvider { return &passiveProvider{blank: noop.Span{}} }

// Tracer returns the one kind of tracer.
func (p *passiveProvider) Tracer(string, ...trace.TracerOption) trace.Tracer {
	return &passiveTracer{provider: p}
}

// passiveTracer makes passiveSpans.
type passiveTracer struct {
	embedded.Tracer
	provider *passiveProvider
}

// Start makes a child of ctx's span, or a new trace.
func (t *passiveTracer) Start(ctx context.Context, _ string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	if ctx == nil {
		ctx = context.Background() //nolint:contextcheck // what the SDK does too
	}
	parent := trace.SpanContextFromContext(ctx)
	if len(opts) > 0 {
		if c := trace.NewSpanStartConfig(opts...); c.NewRoot() {
			parent = trace.SpanContext{}
		}
	}
	c := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceFlags: parent.TraceFlags(), TraceState: parent.TraceState()}
	for !c.TraceID.IsValid() {
		binary.NativeEndian.PutUint64(c.TraceID[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(c.TraceID[8:], rand.Uint64())
	}
	for !c.SpanID.IsValid() {
		binary.NativeEndian.PutUint64(c.SpanID[:], rand.Uint64())
	}
	s := &passiveSpan{Span: t.provider.blank, ids: trace.NewSpanContext(c), provider: t.provider}
	return trace.ContextWithSpan(ctx, s), s
}

// passiveSpan has ids and forgets everything else.
type passiveSpan struct {
	trace.Span // the provider's blank
	ids        trace.SpanContext
	provider   *passiveProvider
}

// SpanContext returns the ids.
func (s *passiveSpan) SpanContext() trace.SpanContext { return s.ids }

// TracerProvider returns the provider.
func (s *passiveSpan) TracerProvider() trace.TracerProvider { return s.provider }
