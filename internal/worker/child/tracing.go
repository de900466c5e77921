package child

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// Bounds of the export.
const (
	spanQueue  = 1024
	spanBatch  = 256
	exportTime = 5 * time.Second
)

// tracing makes a server span of every call and exports it by OTLP. A nil *tracing does nothing, and costs nothing.
type tracing struct {
	provider *sdktrace.TracerProvider
}

// newTracing returns nil unless the environment names an OTLP endpoint. The exporter, sampler and resource read the standard
// OTEL_ variables themselves.
func newTracing(ctx context.Context, getenv func(string) string, log *slog.Logger) (*tracing, error) {
	if getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, nil
	}
	if getenv("OTEL_SDK_DISABLED") == "true" {
		return nil, nil
	}
	res, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", filepath.Base(os.Args[0]))), // OTEL_SERVICE_NAME, read next, wins
		resource.WithAttributes(attribute.Int("process.pid", os.Getpid())),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe the worker to the trace exporter: %w", err)
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithTimeout(exportTime))
	if err != nil {
		return nil, fmt.Errorf("open the trace exporter: %w", err)
	}
	return &tracing{provider: sdktrace.NewTracerProvider(
		sdktrace.WithResource(res),
		sdktrace.WithBatcher(&reportingExporter{SpanExporter: exporter, log: log},
			sdktrace.WithMaxQueueSize(spanQueue), sdktrace.WithMaxExportBatchSize(spanBatch), sdktrace.WithBatchTimeout(time.Second)),
	)}, nil
}

// serverOptions makes the server's spans children of the caller's. Health, asked every few seconds, gets none.
func (t *tracing) serverOptions() []grpc.ServerOption {
	if t == nil {
		return nil
	}
	return []grpc.ServerOption{grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(t.provider),
		otelgrpc.WithMeterProvider(metricnoop.NewMeterProvider()),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !strings.HasSuffix(info.FullMethodName, "/Health") }),
	))}
}

// shutdown exports what is left, for at most the given time.
func (t *tracing) shutdown(limit time.Duration) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter has reported what went wrong
}

// reportingExporter logs when exports begin to fail and when they succeed again, and passes no error on: the SDK would hand it to
// a process-wide handler that prints each one.
type reportingExporter struct {
	sdktrace.SpanExporter
	log    *slog.Logger
	failed atomic.Bool
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *reportingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if failed := err != nil; e.failed.Swap(failed) != failed {
		if failed {
			e.log.Warn("spans cannot be exported", "error", err)
		} else {
			e.log.Info("spans are exported again")
		}
	}
	return nil
}
