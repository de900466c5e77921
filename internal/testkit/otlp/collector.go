// Package otlp is a real OTLP/gRPC trace collector for tests: it keeps the spans that it receives, with their resource, and lets
// a test wait until they are as they should be.
package otlp

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Bounds of a collector.
const (
	maxSpans = 100_000 // further ones are refused with an error to the sender
	patience = 20 * time.Second
)

// Span is a span as it was received. Ids are lower-case hex; a root's ParentID is empty. Values of attributes are in the notation
// of fmt.
type Span struct {
	TraceID, SpanID, ParentID string
	Name                      string
	Service                   string // service.name of the resource
	Scope                     string // name of the instrumentation scope
	Kind                      trace.Span_SpanKind
	Start, End                time.Time
	Attributes                map[string]string
	Resource                  map[string]string
	Events                    []string // their names
	Links                     []string // trace ids
	Error                     bool     // status is error
	Message                   string   // of the status
}

// Collector receives spans on a port of its own on the loopback interface.
type Collector struct {
	collector.UnimplementedTraceServiceServer
	listener net.Listener
	server   *grpc.Server

	mu      sync.Mutex
	spans   []Span
	changed chan struct{} // closed and replaced when spans come
	refuse  error
}

// Start starts a collector, which ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("otlp collector: %v", err)
	}
	c := &Collector{listener: l, server: grpc.NewServer(), changed: make(chan struct{})}
	collector.RegisterTraceServiceServer(c.server, c)
	served := make(chan error, 1)
	go func() { served <- c.server.Serve(l) }()
	t.Cleanup(func() {
		c.server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("otlp collector: %v", err)
		}
	})
	return c
}

// Addr returns host:port.
func (c *Collector) Addr() string { return c.listener.Addr().String() }

// Refuse makes every following export fail with err (a gRPC status error); nil ends that.
func (c *Collector) Refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = err
}

// Export receives spans; it is the OTLP service's method.
func (c *Collector) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return nil, c.refuse
	}
	for _, rs := range req.GetResourceSpans() {
		resource := attributes(rs.GetResource().GetAttributes())
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				if len(c.spans) == maxSpans {
					return nil, fmt.Errorf("test collector is full: %d spans", maxSpans)
				}
				c.spans = append(c.spans, convert(s, ss.GetScope().GetName(), resource))
			}
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return &collector.ExportTraceServiceResponse{}, nil
}

// Spans returns what has been received, in the order of arrival.
func (c *Collector) Spans() []Span {
	spans, _ := c.snapshot()
	return spans
}

// snapshot returns the spans and a channel that is closed when there are more.
func (c *Collector) snapshot() ([]Span, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...), c.changed
}

// Reset forgets the spans.
func (c *Collector) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = nil
}

// Wait waits until done says so about all spans received, and returns them. It fails the test with their list when that takes
// more than 20 seconds.
func (c *Collector) Wait(t testing.TB, what string, done func([]Span) bool) []Span {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		spans, changed := c.snapshot()
		if done(spans) {
			return spans
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("waited %s in vain for %s; spans:\n%s", patience, what, List(spans))
		}
	}
}

// WaitNames waits until there is a span of each of the names, and returns the first of each.
func (c *Collector) WaitNames(t testing.TB, names ...string) map[string]Span {
	t.Helper()
	var found map[string]Span
	c.Wait(t, "spans "+strings.Join(names, ", "), func(spans []Span) bool {
		found = map[string]Span{}
		for _, s := range spans {
			for _, n := range names {
				if _, ok := found[n]; s.Name == n && !ok {
					found[n] = s
				}
			}
		}
		return len(found) == len(names)
	})
	return found
}

// List prints spans, a line each, for messages of tests.
func List(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&b, "%s %s<%s %s %q %s\n", s.TraceID, s.SpanID, s.ParentID, s.Service, s.Name, s.Kind)
	}
	return b.String()
}

// convert makes a Span.
func convert(s *trace.Span, scope string, resource map[string]string) Span {
	out := Span{
		TraceID: hex.EncodeToString(s.GetTraceId()), SpanID: hex.EncodeToString(s.GetSpanId()), ParentID: hex.EncodeToString(s.GetParentSpanId()),
		Name: s.GetName(), Service: resource["service.name"], Scope: scope, Kind: s.GetKind(),
		Start:      time.Unix(0, int64(s.GetStartTimeUnixNano())), //nolint:gosec // nanoseconds since 1970 fit until 2262
		End:        time.Unix(0, int64(s.GetEndTimeUnixNano())),   //nolint:gosec // likewise
		Attributes: attributes(s.GetAttributes()), Resource: resource,
		Error: s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR, Message: s.GetStatus().GetMessage(),
	}
	for _, e := range s.GetEvents() {
		out.Events = append(out.Events, e.GetName())
	}
	for _, l := range s.GetLinks() {
		out.Links = append(out.Links, hex.EncodeToString(l.GetTraceId()))
	}
	return out
}

// attributes makes a map of texts.
func attributes(kvs []*common.KeyValue) map[string]string {
	out := make(map[string]string, len(kvs))
	for _, kv := range kvs {
		out[kv.GetKey()] = text(kv.GetValue())
	}
	return out
}

// text prints a value.
func text(v *common.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	case *common.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *common.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	case *common.AnyValue_BytesValue:
		return hex.EncodeToString(v.BytesValue)
	case *common.AnyValue_ArrayValue:
		parts := make([]string, len(v.ArrayValue.GetValues()))
		for i, e := range v.ArrayValue.GetValues() {
			parts[i] = text(e)
		}
		return fmt.Sprint(parts)
	case *common.AnyValue_KvlistValue:
		return fmt.Sprint(attributes(v.KvlistValue.GetValues()))
	default:
		return ""
	}
}
