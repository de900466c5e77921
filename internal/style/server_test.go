package style

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/speech"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func overNetwork(t *testing.T) (*Client, *rpc.Server) {
	t.Helper()
	server := rpc.NewServer("127.0.0.1:0", noop.NewTracerProvider(), propagation.TraceContext{}, slog.New(slog.DiscardHandler))
	Register(server.Registrar(), newService(t, 0))
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(server.Addr().String(), noop.NewTracerProvider(), propagation.TraceContext{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return NewClient(conn), server
}

// collect reads all segments.
func collect(ctx context.Context, st speech.SegmentStream, err error) ([]speech.Segment, error) {
	if err != nil {
		return nil, err
	}
	defer st.Close()
	var all []speech.Segment
	for {
		seg, err := st.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, seg)
	}
}

// TestBothWaysAlike: the segments and the errors are the same in process and over the network.
func TestBothWaysAlike(t *testing.T) {
	client, _ := overNetwork(t)
	tracer := noop.NewTracerProvider().Tracer("")
	local := Local{Service: newService(t, 0), Link: rpc.Link{Client: tracer, Server: tracer, Service: ServiceName}}
	for text, n := range map[string]int{
		"One, two; three. 你好，世界。\n\nA new paragraph!": 3, strings.Repeat("Many sentences are here. ", 500): 500, "?!": 0,
	} {
		st, err := local.Segments(t.Context(), text, "")
		want, wantErr := collect(t.Context(), st, err)
		st, err = client.Segments(t.Context(), text, "")
		got, gotErr := collect(t.Context(), st, err)
		if !reflect.DeepEqual(got, want) || len(want) < n {
			t.Errorf("%.20q: %d segments, in process %d", text, len(got), len(want))
		}
		if a, b := fault.From(wantErr), fault.From(gotErr); !reflect.DeepEqual(a, b) || (a == nil) != (n > 0) {
			t.Errorf("%.20q: %#v, in process %#v", text, b, a)
		}
	}
	st, err := client.Segments(t.Context(), "Hallo", "de")
	if got, err := collect(t.Context(), st, err); err != nil || len(got) != 1 || got[0].Language != "de" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCancelRemote(t *testing.T) {
	client, server := overNetwork(t)
	long := strings.Repeat("A sentence of many in a long text. ", 20_000)
	st, err := client.Segments(t.Context(), long, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for last == nil { // what has arrived may still be read
		_, last = st.Next(ctx)
	}
	if !fault.Is(last, fault.Canceled) {
		t.Errorf("%v", last)
	}
	if _, again := st.Next(t.Context()); !fault.Is(again, fault.Canceled) {
		t.Errorf("the error is not final: %v", again)
	}
	_ = st.Close()
	_ = st.Close()

	if st, err = client.Segments(t.Context(), long, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = st.Close()
	if _, err := st.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after Close: %v", err)
	}

	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	_ = server.Stop(stopped)
	st, err = client.Segments(t.Context(), "Hello.", "")
	if _, err = collect(t.Context(), st, err); fault.From(err).Code != rpc.CodeRoleUnavailable || fault.From(err).Message != "the style role does not answer" {
		t.Errorf("%#v", err)
	}
}

func TestLocalSpans(t *testing.T) {
	for text, status := range map[string]codes.Code{"Hello.": codes.Unset, "?": codes.Error} {
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		l := Local{Service: newService(t, 0), Link: rpc.Link{Client: provider.Tracer("inference"), Server: provider.Tracer("style"), Service: ServiceName}}
		st, err := l.Segments(t.Context(), text, "")
		if err == nil {
			_ = st.Close()
		}
		ended := spans.Ended()
		if len(ended) != 2 || ended[0].SpanKind() != trace.SpanKindServer || ended[0].Parent().SpanID() != ended[1].SpanContext().SpanID() ||
			ended[1].Name() != "orotund.role.v1.Style/Segments" || ended[0].Status().Code != status {
			t.Errorf("%q: %v", text, ended)
		}
	}
}
