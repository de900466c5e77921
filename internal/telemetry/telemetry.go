// Package telemetry makes the loggers, tracers and meters that the rest of Orotund is given. Nothing in it is global: no provider,
// propagator or handler of the otel package is set.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scopePrefix begins the instrumentation scope of tracers and meters.
const scopePrefix = "github.com/orotund/orotund/"

// Telemetry holds what one process logs, traces and measures with. Its methods may be called at the same time.
type Telemetry struct {
	cfg        Config
	version    string
	instance   string // service.instance.id: new for each process
	log        *slog.Logger
	propagator propagation.TextMapPropagator
	meters     *sdkmetric.MeterProvider
	metrics    http.Handler

	// One processor and one sampler stand behind the providers of all roles. nil, nil and passive while nothing is exported.
	processor sdktrace.SpanProcessor
	exporter  *exporter
	passive   *passiveProvider
	sampler   sdktrace.Sampler

	mu        sync.Mutex
	providers map[string]trace.TracerProvider // by role
}

// New makes the telemetry of a process. It logs to stderr. version is the build's; cfg is checked. No connection is
// made here: a collector that is away costs spans and a line in the log each minute, nothing else. End it with Shutdown.
func New(ctx context.Context, cfg Config, version string, stderr io.Writer) (*Telemetry, error) {
	if err := errors.Join(cfg.Log.Validate(), cfg.Traces.Validate()); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	t := &Telemetry{
		cfg: cfg, version: version, instance: uuid.NewString(), log: newLogger(cfg.Log, stderr),
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		providers:  map[string]trace.TracerProvider{},
		passive:    newPassiveProvider(),
	}
	var err error
	if t.meters, t.metrics, err = newMeters(t.resource(""), t.log); err != nil {
		return nil, err
	}
	if cfg.Traces.Exporter == exporterOTLP {
		if t.exporter, err = newExporter(ctx, cfg.Traces, t.log); err != nil {
			return nil, errors.Join(err, t.meters.Shutdown(ctx))
		}
		t.sampler = sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Traces.SampleRatio))
		t.processor = sdktrace.NewBatchSpanProcessor(t.exporter,
			sdktrace.WithMaxQueueSize(queueSpans), sdktrace.WithMaxExportBatchSize(batchSpans),
			sdktrace.WithBatchTimeout(batchDelay), sdktrace.WithExportTimeout(exportTimeout))
	}
	return t, nil
}

// Logger returns the process's logger: one line a record, with trace_id and span_id where the context has a span (use the
// …Context methods).
func (t *Telemetry) Logger() *slog.Logger { return t.log }

// Tracer returns the tracer of a role.
func (t *Telemetry) Tracer(role string) trace.Tracer {
	return t.Provider(role).Tracer(scopePrefix+role, trace.WithInstrumentationVersion(t.version))
}

// Provider returns the provider behind a role's spans, for otelgrpc and otelhttp. Its resource says service.name (ServiceName),
// service.version and service.instance.id.
func (t *Telemetry) Provider(role string) trace.TracerProvider {
	if t.processor == nil {
		return t.passive
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.providers[role]
	if !ok {
		p = sdktrace.NewTracerProvider(
			sdktrace.WithResource(t.resource(role)), sdktrace.WithSampler(t.sampler), sdktrace.WithSpanProcessor(shared{t.processor}),
		)
		t.providers[role] = p
	}
	return p
}

// resource describes a role of this process.
func (t *Telemetry) resource(role string) *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("service.name", ServiceName(role)),
		attribute.String("service.version", t.version),
		attribute.String("service.instance.id", t.instance),
	)
}

// Propagator carries W3C trace context and baggage.
func (t *Telemetry) Propagator() propagation.TextMapPropagator { return t.propagator }

// Meter returns a meter. Instruments are named orotund.<part>.<what> with a unit; views.go chooses the buckets.
func (t *Telemetry) Meter(scope string) metric.Meter {
	return t.meters.Meter(scopePrefix+scope, metric.WithInstrumentationVersion(t.version))
}

// MeterProvider returns the process's one meter provider, for otelgrpc and otelhttp.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// MetricsHandler serves all metrics to Prometheus, four scrapes at once at most.
func (t *Telemetry) MetricsHandler() http.Handler { return t.metrics }

// WorkerEnv returns the OTEL_* variables, NAME=value, by which any OpenTelemetry SDK in an engine's worker sends its spans where ours go. Nil
// while nothing is exported.
func (t *Telemetry) WorkerEnv(engine string) []string {
	if t.processor == nil {
		return nil
	}
	scheme := "https://"
	if t.cfg.Traces.Insecure {
		scheme = "http://"
	}
	return []string{
		"OTEL_SERVICE_NAME=" + WorkerServiceName(engine),
		"OTEL_TRACES_EXPORTER=otlp",
		"OTEL_METRICS_EXPORTER=none",
		"OTEL_LOGS_EXPORTER=none",
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + scheme + t.cfg.Traces.Endpoint,
		"OTEL_EXPORTER_OTLP_INSECURE=" + strconv.FormatBool(t.cfg.Traces.Insecure),
		"OTEL_PROPAGATORS=tracecontext,baggage",
		"OTEL_TRACES_SAMPLER=parentbased_traceidratio",
		"OTEL_TRACES_SAMPLER_ARG=" + strconv.FormatFloat(t.cfg.Traces.SampleRatio, 'g', -1, 64),
	}
}

// ForceFlush sends all ended spans now. It returns the export's error, or ctx's.
func (t *Telemetry) ForceFlush(ctx context.Context) error {
	if t.processor == nil {
		return nil
	}
	before, _ := t.exporter.failed()
	if err := t.processor.ForceFlush(ctx); err != nil {
		return fmt.Errorf("flush spans: %w", err)
	}
	if after, err := t.exporter.failed(); after > before {
		return fmt.Errorf("flush spans: %w", err)
	}
	return nil
}

// Shutdown sends what spans there are, while ctx lasts, and ends the export. The logger works on; spans made later are lost.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	if t.processor != nil {
		if err := t.processor.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("end span export: %w", err))
		}
		t.exporter.stop() // what still sends has had its time
	}
	if err := t.meters.Shutdown(ctx); err != nil && !errors.Is(err, sdkmetric.ErrReaderShutdown) {
		errs = append(errs, fmt.Errorf("end metrics: %w", err))
	}
	return errors.Join(errs...)
}
