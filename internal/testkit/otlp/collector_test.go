package otlp

import (
	"context"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCollector sends a span as a client over the network does.
func TestCollector(t *testing.T) {
	c := Start(t)
	conn, err := grpc.NewClient(c.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	str := func(s string) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
	}
	list := &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{str("a"), {Value: &common.AnyValue_IntValue{IntValue: 2}}}}}}
	req := &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: str("svc")}}},
		ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "scope"}, Spans: []*trace.Span{{
			TraceId: []byte{0xab, 1}, SpanId: []byte{2}, ParentSpanId: []byte{3}, Name: "work", Kind: trace.Span_SPAN_KIND_CLIENT,
			StartTimeUnixNano: 1e9, EndTimeUnixNano: 2e9, Attributes: []*common.KeyValue{{Key: "l", Value: list}},
			Events: []*trace.Span_Event{{Name: "ev"}}, Links: []*trace.Span_Link{{TraceId: []byte{9}}},
			Status: &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: "broken"},
		}}}},
	}}}
	client := collector.NewTraceServiceClient(conn)
	sent := make(chan error, 1)
	go func() { // Wait must see it whether it comes before or after the call
		_, err := client.Export(context.Background(), req)
		sent <- err
	}()
	s := c.WaitNames(t, "work")["work"]
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if s.TraceID != "ab01" || s.SpanID != "02" || s.ParentID != "03" || s.Service != "svc" || s.Scope != "scope" || !s.Error || s.Message != "broken" ||
		s.Attributes["l"] != "[a 2]" || s.Events[0] != "ev" || s.Links[0] != "09" || s.End.Sub(s.Start).Seconds() != 1 || s.Kind != trace.Span_SPAN_KIND_CLIENT {
		t.Errorf("got %+v", s)
	}
	c.Reset()
	c.Refuse(status.Error(codes.ResourceExhausted, "full"))
	if _, err := client.Export(context.Background(), req); status.Code(err) != codes.ResourceExhausted || len(c.Spans()) != 0 {
		t.Errorf("%v, %d spans", err, len(c.Spans()))
	}
}
