package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Bounds of the export. A full queue drops spans: a slow collector never slows speech.
const (
	queueSpans    = 4096
	batchSpans    = 512
	batchDelay    = time.Second
	exportTimeout = 10 * time.Second
	complainEvery = time.Minute
)

// exporter wraps the OTLP exporter. It reports failures to our logger, one a minute at most, where the SDK would give them to a
// global handler; and it can be cut short.
type exporter struct {
	next sdktrace.SpanExporter
	log  *slog.Logger
	ctx  context.Context // ended by abort; a struct field, because the SDK's queue has no context of ours to pass
	stop context.CancelFunc

	mu       sync.Mutex
	failures int
	last     error
	lost     int // spans lost since the last complaint
	quiet    time.Time
}

var _ sdktrace.SpanExporter = (*exporter)(nil)

// newExporter makes an exporter; it connects when it has something to send.
func newExporter(ctx context.Context, cfg TracesConfig, log *slog.Logger) (*exporter, error) {
	opts := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(cfg.Endpoint),
		otlptracegrpc.WithTimeout(exportTimeout),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: 250 * time.Millisecond, MaxInterval: 2 * time.Second, MaxElapsedTime: exportTimeout,
		}),
	}
	if cfg.Insecure {
		opts = append(opts, otlptracegrpc.WithInsecure())
	}
	next, err := otlptracegrpc.New(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("make OTLP exporter for %s: %w", cfg.Endpoint, err)
	}
	e := &exporter{next: next, log: log}
	e.ctx, e.stop = context.WithCancel(context.Background())
	return e, nil
}

// ExportSpans sends a batch. It returns nil whatever happens: the failure is reported here.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	if err := e.next.ExportSpans(ctx, spans); err != nil {
		e.report(err, len(spans))
	}
	return nil
}

// report counts and logs a failure.
func (e *exporter) report(err error, spans int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failures++
	e.last = err
	e.lost += spans
	if now := time.Now(); now.After(e.quiet) {
		e.log.Warn("spans were not exported", "spans", e.lost, "error", err.Error())
		e.quiet, e.lost = now.Add(complainEvery), 0
	}
}

// Shutdown closes the connection.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer e.stop()
	return e.next.Shutdown(ctx)
}

// failed returns the number of failures and the last one.
func (e *exporter) failed() (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failures, e.last
}

// shared is the processor as a role's provider sees it: one role's end is not everyone's.
type shared struct{ sdktrace.SpanProcessor }

// Shutdown leaves the processor to Telemetry.Shutdown.
func (shared) Shutdown(context.Context) error { return nil }
