package telemetry

import (
	"context"
	"io"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/orotund/orotund/internal/testkit/otlp"
)

// benchSpans times a child span in a request: bare, and with the five attributes of an ordinary one, added as our code adds them.
func benchSpans(b *testing.B, tracer trace.Tracer) {
	ctx, root := tracer.Start(context.Background(), "root")
	defer root.End()
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, s := tracer.Start(ctx, "child")
			s.End()
		}
	})
	b.Run("attributes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, s := tracer.Start(ctx, "child", trace.WithSpanKind(trace.SpanKindServer))
			if s.IsRecording() {
				s.SetAttributes(attribute.String("voice", "rms"), attribute.String("engine", "flite"), attribute.Int("segment", 3),
					attribute.Int("characters", 120), attribute.Bool("first", true))
			}
			s.End()
		}
	})
}

// BenchmarkSpan compares: nothing exported; the SDK's own way to drop; all exported to a collector in this process (whose work is in
// the time); an exporter with ratio 0.
func BenchmarkSpan(b *testing.B) {
	b.Run("none", func(b *testing.B) { benchSpans(b, start(b, DefaultConfig(), io.Discard).Tracer("inference")) })
	b.Run("sdk-never", func(b *testing.B) {
		benchSpans(b, sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("x"))
	})
	b.Run("otlp", func(b *testing.B) {
		cfg := exporting(otlp.Start(b).Addr())
		benchSpans(b, start(b, cfg, io.Discard).Tracer("inference"))
	})
	b.Run("otlp-ratio0", func(b *testing.B) {
		cfg := exporting(otlp.Start(b).Addr())
		cfg.Traces.SampleRatio = 0
		benchSpans(b, start(b, cfg, io.Discard).Tracer("inference"))
	})
}

// BenchmarkLog compares a line with and without ids.
func BenchmarkLog(b *testing.B) {
	tel := start(b, DefaultConfig(), io.Discard)
	ctx, span := tel.Tracer("gateway").Start(context.Background(), "x")
	defer span.End()
	for name, c := range map[string]context.Context{"span": ctx, "none": context.Background()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tel.Logger().InfoContext(c, "segment", "characters", 120, "engine", "flite")
			}
		})
	}
}
