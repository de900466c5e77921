// Package rpc is how Orotund's roles call each other: in one process through a Link, which opens the spans that a network call would,
// or over gRPC through a Server and Dial. Which of the two a role gets is app's decision; neither side notices.
package rpc

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/orotund/orotund/internal/fault"
)

// Link joins two roles in one process.
type Link struct {
	Client  trace.Tracer // the caller's role
	Server  trace.Tracer // the callee's role
	Service string       // full gRPC name of the callee, for example "orotund.role.v1.Style"
}

// Begin opens the client's and the server's span of one call, as gRPC would name them. The returned function closes both, with the
// call's error if it has one; it must be called once.
func (l Link) Begin(ctx context.Context, method string) (context.Context, func(error)) {
	name := l.Service + "/" + method
	attrs := trace.WithAttributes(
		attribute.String("rpc.system", "grpc"), attribute.String("rpc.service", l.Service), attribute.String("rpc.method", method),
		attribute.Bool("orotund.in_process", true))
	ctx, client := l.Client.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), attrs)
	ctx, server := l.Server.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), attrs)
	return ctx, func(err error) {
		EndSpan(server, err)
		EndSpan(client, err)
	}
}

// EndSpan closes a span with the outcome of what it stood for. A caller that went away is no error of ours.
func EndSpan(span trace.Span, err error) {
	if f := fault.From(err); f != nil {
		span.SetAttributes(attribute.String("orotund.error.kind", string(f.Kind)))
		if f.Kind != fault.Canceled {
			span.SetStatus(codes.Error, f.Message)
		}
	}
	span.End()
}
