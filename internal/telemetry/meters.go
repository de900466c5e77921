package telemetry

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Bounds of /metrics.
const (
	maxScrapes    = 4
	scrapeTimeout = 10 * time.Second
	maxSeries     = 2000 // attribute sets an instrument keeps apart; the rest are counted together
)

// newMeters makes the meter provider of a process and the handler that shows it, over a registry of its own which also has the
// Go runtime's and the process's metrics.
func newMeters(res *resource.Resource, log *slog.Logger) (*sdkmetric.MeterProvider, http.Handler, error) {
	reg := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := reg.Register(c); err != nil {
			return nil, nil, fmt.Errorf("register runtime metrics: %w", err)
		}
	}
	reader, err := otelprom.New(otelprom.WithRegisterer(reg), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, nil, fmt.Errorf("make Prometheus exporter: %w", err)
	}
	mp := sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(res), sdkmetric.WithReader(reader), sdkmetric.WithView(view), sdkmetric.WithCardinalityLimit(maxSeries),
	)
	h := promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorLog:            promLog{log},
		ErrorHandling:       promhttp.ContinueOnError,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
	})
	return mp, h, nil
}

// promLog takes the complaints of promhttp.
type promLog struct{ log *slog.Logger }

// Println logs one.
func (p promLog) Println(v ...any) { p.log.Warn("metrics", "error", fmt.Sprint(v...)) }
