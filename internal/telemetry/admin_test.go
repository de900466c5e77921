package telemetry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// get asks the handler.
func get(t *testing.T, h http.Handler, method, path string, header ...string) (int, http.Header, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.String()
}

func TestAdmin(t *testing.T) {
	tel := start(t, DefaultConfig(), io.Discard)
	var ready error
	h := AdminHandler(tel, func() error { return ready })
	for path, want := range map[string]struct {
		code int
		body string
	}{
		"/":                                     {200, "/readyz"},
		"/nothing":                              {404, "not found"},
		"/healthz":                              {200, "ok\n"},
		"/readyz":                               {200, "ready\n"},
		"/metrics":                              {200, "go_goroutines"},
		"/debug/pprof/":                         {200, "goroutine"},
		"/debug/pprof/goroutine?debug=1":        {200, "goroutine profile:"},
		"/debug/pprof/cmdline":                  {200, "telemetry.test"},
		"/debug/pprof/profile?seconds=301":      {400, "seconds must be from 0 to 300"},
		"/debug/pprof/trace?seconds=-1":         {400, "seconds must be"},
		"/debug/pprof/trace?seconds=NaN":        {400, "seconds must be"},
		"/debug/pprof/trace?seconds=much":       {400, "seconds must be"},
		"/debug/pprof/trace?seconds=0.01":       {200, "go 1."},
		"/debug/pprof/heap?debug=1&gc=1":        {200, "heap profile:"},
		"/debug/pprof/symbol":                   {200, "num_symbols"},
		"/debug/pprof/there-is-no-such-profile": {404, "Unknown profile"},
	} {
		if code, _, body := get(t, h, http.MethodGet, path); code != want.code || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %.200q, want %d %q", path, code, body, want.code, want.body)
		}
	}
	ready = errors.Join(errors.New("state: no leader"), errors.New("engine flite: no worker"))
	if code, hd, body := get(t, h, http.MethodGet, "/readyz"); code != 503 || body != "state: no leader\nengine flite: no worker\n" || hd.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", code, body, hd)
	}
	if code, _, _ := get(t, h, http.MethodPost, "/readyz"); code != 405 {
		t.Errorf("POST: %d", code)
	}
	if code, _, _ := get(t, h, http.MethodHead, "/healthz"); code != 200 {
		t.Errorf("HEAD: %d", code)
	}
}

// TestMetrics shows names, units, buckets and labels as Prometheus sees them.
func TestMetrics(t *testing.T) {
	tel := start(t, DefaultConfig(), io.Discard)
	ctx := context.Background()
	m := tel.Meter("engine")
	histogram := func(name, unit string, v float64) {
		h, err := m.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription("Help for "+name+"."))
		if err != nil {
			t.Fatal(err)
		}
		h.Record(ctx, v, metric.WithAttributes(attribute.String("engine", "flite")))
	}
	histogram("orotund.gateway.ttfb", "s", 0.003)
	histogram("orotund.engine.queue", "s", 0.0005)
	histogram("orotund.gateway.request.duration", "s", 40)
	histogram("orotund.gateway.body", "By", 100)
	histogram("orotund.engine.realtime", "1", 3)
	c, err := m.Int64Counter("orotund.engine.segments", metric.WithUnit("{segment}"))
	if err != nil {
		t.Fatal(err)
	}
	c.Add(ctx, 2, metric.WithAttributes(attribute.String("engine", "flite")))
	code, hd, body := get(t, tel.MetricsHandler(), http.MethodGet, "/metrics")
	if code != 200 || !strings.HasPrefix(hd.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %v", code, hd)
	}
	for _, want := range []string{
		`orotund_gateway_ttfb_seconds_bucket{engine="flite",le="0.002"} 0`,
		`orotund_gateway_ttfb_seconds_bucket{engine="flite",le="0.005"} 1`,
		`orotund_gateway_ttfb_seconds_bucket{engine="flite",le="10"} 1`,
		"# HELP orotund_gateway_ttfb_seconds Help for orotund.gateway.ttfb.",
		`orotund_engine_queue_seconds_bucket{engine="flite",le="0.001"} 1`,
		`orotund_gateway_request_duration_seconds_bucket{engine="flite",le="60"} 1`,
		`orotund_gateway_body_bytes_bucket{engine="flite",le="256"} 1`,
		`orotund_engine_realtime_bucket{engine="flite",le="5"} 1`,
		`orotund_engine_segments_total{engine="flite"} 2`,
		`service_name="orotund",service_version="1.2.3"`,
		"go_goroutines ", "process_resident_memory_bytes ", "process_open_fds ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(body, "otel_scope") {
		t.Error("scope labels")
	}
	if t.Failed() {
		t.Log(grep(body, "orotund"))
	}
	_, hd, body = get(t, tel.MetricsHandler(), http.MethodGet, "/metrics", "Accept", "application/openmetrics-text;version=1.0.0")
	if !strings.HasPrefix(hd.Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("OpenMetrics: %v", hd)
	}
}

// grep returns the lines that hold a word.
func grep(s, word string) string {
	var out []string
	for l := range strings.Lines(s) {
		if strings.Contains(l, word) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}
