package test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/testkit/otlp"
)

// TestTrace follows one request through every role and the worker, by the spans that they export: the same in both deployments.
func TestTrace(t *testing.T) {
	engines(t)
	collector := otlp.Start(t)
	extra := "telemetry:\n  traces:\n    exporter: otlp\n    insecure: true\n    endpoint: " + collector.Addr() + "\n"
	each(t, extra, func(t *testing.T, d *deployment) {
		collector.Reset()
		const trace = "0af7651916cd43dd8448eb211c80319c"
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/v1/audio/speech",
			strings.NewReader(`{"input":"A private text.","voice":"espeak.en-us","response_format":"wav"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("X-Trace-Id"); got != trace {
			t.Errorf("X-Trace-Id is %q", got)
		}
		followTrace(t, collector, trace)
		if log := d.gateway.log.String(); !strings.Contains(log, `"trace_id":"`+trace+`"`) {
			t.Error("the gateway's log does not name the trace")
		}
		for _, p := range d.processes {
			if strings.Contains(p.log.String(), "private text") {
				t.Error("a log holds the text")
			}
		}
	})
}

// followTrace waits until the spans of a request are there and checks the way from the caller down to the worker.
func followTrace(t *testing.T, collector *otlp.Collector, id string) {
	t.Helper()
	want := []string{"webui-gateway", "tts-inference-service", "style-control-service", "orotund-worker-espeak"}
	services := map[string]bool{}
	spans := collector.Wait(t, "spans of all services", func(spans []otlp.Span) bool {
		clear(services)
		root := false
		for _, s := range spans {
			if s.TraceID == id {
				services[s.Service] = true
				root = root || s.ParentID == "b7ad6b7169203331"
			}
		}
		return root && !slices.ContainsFunc(want, func(w string) bool { return !services[w] })
	})
	byID := map[string]otlp.Span{}
	for _, s := range spans {
		if s.TraceID == id {
			byID[s.SpanID] = s
		}
	}
	callers := map[string]string{} // service to the service that called it
	for _, s := range byID {
		parent, ok := byID[s.ParentID]
		if !ok && s.ParentID != "b7ad6b7169203331" {
			t.Errorf("span %s of %s hangs in the air", s.Name, s.Service)
		}
		if ok && parent.Service != s.Service {
			callers[s.Service] = parent.Service
		}
		for k, v := range s.Attributes {
			if strings.Contains(v, "private text") {
				t.Errorf("attribute %s holds the text", k)
			}
		}
	}
	wantCallers := map[string]string{"tts-inference-service": "webui-gateway", "style-control-service": "tts-inference-service",
		"orotund-worker-espeak": "tts-inference-service"}
	if !maps.Equal(callers, wantCallers) {
		t.Errorf("who called whom: %v\n%s", callers, otlp.List(spans))
	}
}
