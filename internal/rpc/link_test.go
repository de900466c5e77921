package rpc_test

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	rolev1 "github.com/orotund/orotund/api/gen/orotund/role/v1"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/rpc"
)

// pair returns the client's and the server's span of the only call.
func pair(t *testing.T, spans []sdktrace.ReadOnlySpan) (client, server sdktrace.ReadOnlySpan) {
	t.Helper()
	for _, s := range spans {
		switch s.SpanKind() {
		case trace.SpanKindClient:
			client = s
		case trace.SpanKindServer:
			server = s
		}
	}
	if client == nil || server == nil || len(spans) != 2 {
		t.Fatalf("spans %v", spans)
	}
	if server.Parent().SpanID() != client.SpanContext().SpanID() || server.SpanContext().TraceID() != client.SpanContext().TraceID() {
		t.Error("the server's span is not the client's child")
	}
	return client, server
}

// TestSpansAlike: a call has the same spans in one process and over the network.
func TestSpansAlike(t *testing.T) {
	n := start(t, &role{voices: func(ctx context.Context) (*rolev1.VoicesResponse, error) {
		if !trace.SpanContextFromContext(ctx).IsValid() {
			t.Error("the handler has no span")
		}
		return &rolev1.VoicesResponse{}, nil
	}})
	if _, err := n.client.Voices(t.Context(), &rolev1.VoicesRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := n.server.Stop(t.Context()); err != nil { // after it the handler's span has ended
		t.Fatal(err)
	}
	netClient, netServer := pair(t, n.spans.Ended())

	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	link := rpc.Link{Client: provider.Tracer("gateway"), Server: provider.Tracer("inference"), Service: "orotund.role.v1.Inference"}
	ctx, end := link.Begin(t.Context(), "Voices")
	end(nil)
	client, server := pair(t, spans.Ended())
	if trace.SpanContextFromContext(ctx).SpanID() != server.SpanContext().SpanID() {
		t.Error("the callee's context is not the server's span")
	}
	if client.Name() != netClient.Name() || server.Name() != netServer.Name() {
		t.Errorf("names %q and %q, over the network %q and %q", client.Name(), server.Name(), netClient.Name(), netServer.Name())
	}
	if client.InstrumentationScope().Name != "gateway" || server.InstrumentationScope().Name != "inference" {
		t.Error("the spans are not of their roles")
	}
}

func TestEndSpan(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code codes.Code
		says string
	}{
		{nil, codes.Unset, ""},
		{context.Canceled, codes.Unset, "canceled"},
		{fault.New(fault.Unavailable, "no worker").WithCause(errors.New("private")), codes.Error, "unavailable"},
		{errors.New("private"), codes.Error, "internal"},
	} {
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		link := rpc.Link{Client: provider.Tracer(""), Server: provider.Tracer(""), Service: "s"}
		_, end := link.Begin(t.Context(), "m")
		end(tc.err)
		client, server := pair(t, spans.Ended())
		for _, s := range []sdktrace.ReadOnlySpan{client, server} {
			kind := ""
			for _, kv := range s.Attributes() {
				if kv.Key == "orotund.error.kind" {
					kind = kv.Value.AsString()
				}
			}
			if s.Status().Code != tc.code || kind != tc.says || s.Status().Description == "private" {
				t.Errorf("%v: %+v, kind %q", tc.err, s.Status(), kind)
			}
		}
	}
}
