package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	rolev1 "github.com/orotund/orotund/api/gen/orotund/role/v1"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/testkit/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// role is a service of both kinds of call, whose answers a test chooses.
type role struct {
	rolev1.UnimplementedInferenceServer
	voices func(ctx context.Context) (*rolev1.VoicesResponse, error)
	speak  func(m *rolev1.SpeakRequest, out grpc.ServerStreamingServer[rolev1.Event]) error
}

func (r *role) Voices(ctx context.Context, _ *rolev1.VoicesRequest) (*rolev1.VoicesResponse, error) {
	return r.voices(ctx)
}

func (r *role) Speak(m *rolev1.SpeakRequest, out grpc.ServerStreamingServer[rolev1.Event]) error {
	return r.speak(m, out)
}

// fails makes both calls fail the same way.
func fails(f func() error) *role {
	return &role{
		voices: func(context.Context) (*rolev1.VoicesResponse, error) { return nil, f() },
		speak:  func(*rolev1.SpeakRequest, grpc.ServerStreamingServer[rolev1.Event]) error { return f() },
	}
}

type network struct {
	server *rpc.Server
	client rolev1.InferenceClient
	health healthpb.HealthClient
	spans  *tracetest.SpanRecorder
	log    *logs.Buffer
}

// start serves r on a port of its own, until the end of the test.
func start(t *testing.T, r *role) *network {
	t.Helper()
	n := &network{spans: tracetest.NewSpanRecorder(), log: &logs.Buffer{}}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(n.spans))
	n.server = rpc.NewServer("127.0.0.1:0", provider, propagation.TraceContext{}, slog.New(slog.NewTextHandler(n.log, nil)))
	rolev1.RegisterInferenceServer(n.server.Registrar(), r)
	if err := n.server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = n.server.Stop(ctx) // cuts what a test has left
	})
	conn := dial(t, n.server.Addr().String(), provider)
	n.client, n.health = rolev1.NewInferenceClient(conn), healthpb.NewHealthClient(conn)
	return n
}

func dial(t *testing.T, addr string, provider trace.TracerProvider) *grpc.ClientConn {
	t.Helper()
	conn, err := rpc.Dial(addr, provider, propagation.TraceContext{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call makes both calls and returns their errors as a caller of the role sees them.
func call(ctx context.Context, t *testing.T, c rolev1.InferenceClient) map[string]error {
	t.Helper()
	_, unary := c.Voices(ctx, &rolev1.VoicesRequest{})
	st, err := c.Speak(ctx, &rolev1.SpeakRequest{})
	if err == nil {
		_, err = st.Recv()
	}
	return map[string]error{"unary": rpc.FromRole(ctx, "inference", unary), "stream": rpc.FromRole(ctx, "inference", err)}
}

// TestFaults: an error is on the caller's side what it was on the other, less its cause.
func TestFaults(t *testing.T) {
	for _, give := range []*fault.Error{
		fault.InvalidField("voice", "unknown").WithCode("voice_not_found"),
		fault.New(fault.Exhausted, "queue full").WithRetryAfter(1500 * time.Millisecond),
		fault.New(fault.Unavailable, "no worker").WithCode("worker_lost").WithCause(errors.New("signal: killed")),
		fault.New(fault.TooLarge, "too much"), fault.New(fault.Internal, "internal error").WithCause(errors.New("private")),
		fault.New(fault.Unimplemented, "not built"), fault.New(fault.Deadline, "too late"),
	} {
		n := start(t, fails(func() error { return fmt.Errorf("wrapped: %w", give) }))
		want := *give
		want.Cause = nil
		for kind, err := range call(t.Context(), t, n.client) {
			if got := fault.From(err); !reflect.DeepEqual(got, &want) {
				t.Errorf("%s: %#v, want %#v", kind, got, &want)
			}
		}
	}
	n := start(t, fails(func() error { return errors.New("open /etc/secret") }))
	for kind, err := range call(t.Context(), t, n.client) {
		if f := fault.From(err); f.Kind != fault.Internal || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestPanic: a handler that panics fails its own call only.
func TestPanic(t *testing.T) {
	calls := 0
	n := start(t, fails(func() error {
		if calls++; calls <= 2 {
			panic("private")
		}
		return fault.New(fault.NotFound, "alive")
	}))
	for kind, err := range call(t.Context(), t, n.client) {
		if f := fault.From(err); f.Kind != fault.Internal || f.Message != "internal error" || strings.Contains(err.Error(), "private") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if log := n.log.String(); strings.Count(log, "panic=private") != 2 || !strings.Contains(log, "rpc_test.go") {
		t.Errorf("the log does not say where it panicked: %s", log)
	}
	for kind, err := range call(t.Context(), t, n.client) {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s after a panic: %v", kind, err)
		}
	}
}

// TestMissing: a role that is not there is an error that names it, in bounded time, and tells no address.
func TestMissing(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	other := rpc.NewServer("127.0.0.1:0", sdktrace.NewTracerProvider(), propagation.TraceContext{}, slog.New(slog.DiscardHandler))
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer other.Stop(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, addr := range map[string]string{"refused": gone.Addr().String(), "silent": silent.Addr().String(), "another role": other.Addr().String()} {
		c := rolev1.NewInferenceClient(dial(t, addr, sdktrace.NewTracerProvider()))
		for kind, err := range call(ctx, t, c) {
			f := fault.From(err)
			if f.Kind != fault.Unavailable || f.Code != rpc.CodeRoleUnavailable || f.Message != "the inference role does not answer" || f.RetryAfter <= 0 || f.Cause == nil {
				t.Errorf("%s, %s: %#v", name, kind, f)
			}
		}
	}
	if ctx.Err() != nil {
		t.Error("only the caller's deadline ended it")
	}
}

// TestLostConnection: the end of the other process in the middle of a stream is the role's absence, not the stream's end.
func TestLostConnection(t *testing.T) {
	n := start(t, &role{speak: func(_ *rolev1.SpeakRequest, out grpc.ServerStreamingServer[rolev1.Event]) error {
		if err := out.Send(&rolev1.Event{}); err != nil {
			return err
		}
		<-out.Context().Done()
		return out.Context().Err()
	}})
	st, err := n.client.Speak(t.Context(), &rolev1.SpeakRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Recv(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.server.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop: %v", err)
	}
	_, err = st.Recv()
	if f := fault.From(rpc.FromRole(t.Context(), "inference", err)); f.Kind != fault.Unavailable || f.Code != rpc.CodeRoleUnavailable {
		t.Errorf("%#v", f)
	}
}

// TestCancel: the caller's cancel and deadline reach the handler, and are told as such.
func TestCancel(t *testing.T) {
	running, ended := make(chan struct{}, 2), make(chan error, 2)
	wait := func(ctx context.Context) error {
		running <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	n := start(t, &role{
		voices: func(ctx context.Context) (*rolev1.VoicesResponse, error) { return nil, wait(ctx) },
		speak: func(_ *rolev1.SpeakRequest, out grpc.ServerStreamingServer[rolev1.Event]) error {
			return wait(out.Context())
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-running
		cancel()
	}()
	_, err := n.client.Voices(ctx, &rolev1.VoicesRequest{})
	if f := fault.From(rpc.FromRole(ctx, "inference", err)); f.Kind != fault.Canceled {
		t.Errorf("%v", err)
	}
	await(t, ended)
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	st, err := n.client.Speak(ctx, &rolev1.SpeakRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Recv()
	if f := fault.From(rpc.FromRole(ctx, "inference", err)); f.Kind != fault.Deadline || strings.Contains(f.Message, "context") {
		t.Errorf("%v", err)
	}
	await(t, ended)
}

func await(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the handler's context did not end")
		}
	case <-time.After(patience):
		t.Fatal("the handler did not end")
	}
}

// TestStop: what runs is finished, new calls are refused.
func TestStop(t *testing.T) {
	running, let := make(chan struct{}), make(chan struct{})
	n := start(t, &role{
		voices: func(context.Context) (*rolev1.VoicesResponse, error) { return &rolev1.VoicesResponse{}, nil },
		speak: func(_ *rolev1.SpeakRequest, out grpc.ServerStreamingServer[rolev1.Event]) error {
			close(running)
			<-let
			return out.Send(&rolev1.Event{Event: &rolev1.Event_Warning{Warning: "last words"}})
		},
	})
	if r, err := n.health.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v %v", r, err)
	}
	st, err := n.client.Speak(t.Context(), &rolev1.SpeakRequest{})
	if err != nil {
		t.Fatal(err)
	}
	<-running
	stopped := make(chan error, 1)
	go func() { stopped <- n.server.Stop(t.Context()) }()
	for deadline := time.Now().Add(patience); ; {
		if _, err := n.client.Voices(t.Context(), &rolev1.VoicesRequest{}); err != nil {
			if f := fault.From(rpc.FromRole(t.Context(), "inference", err)); f.Code != rpc.CodeRoleUnavailable {
				t.Errorf("%v", err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it takes calls for ever")
		}
	}
	close(let)
	if m, err := st.Recv(); err != nil || m.GetWarning() != "last words" {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := st.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStartFails(t *testing.T) {
	n := start(t, &role{})
	second := rpc.NewServer(n.server.Addr().String(), sdktrace.NewTracerProvider(), propagation.TraceContext{}, slog.New(slog.DiscardHandler))
	if err := second.Start(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "rpc.listen: ") {
		t.Error(err)
	}
}

// TestTooLarge: a message over the limit is our mistake and does not come out in gRPC's words.
func TestTooLarge(t *testing.T) {
	n := start(t, &role{voices: func(context.Context) (*rolev1.VoicesResponse, error) {
		return &rolev1.VoicesResponse{Voices: []*rolev1.Voice{{Name: strings.Repeat("x", rpc.MaxMessage)}}}, nil
	}})
	_, err := n.client.Voices(t.Context(), &rolev1.VoicesRequest{})
	f := fault.From(rpc.FromRole(t.Context(), "inference", err))
	if f.Kind != fault.Internal || f.Message != "internal error" || !strings.Contains(f.Cause.Error(), "larger than max") {
		t.Errorf("%#v", f)
	}
}

func TestFromRole(t *testing.T) {
	if err := rpc.FromRole(t.Context(), "x", nil); err != nil {
		t.Error(err)
	}
	if err := rpc.FromRole(t.Context(), "x", io.EOF); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{context.Canceled, status.Error(codes.Canceled, "grpc"), fault.ToGRPC(context.Canceled)} {
		if f := fault.From(rpc.FromRole(gone, "x", err)); f.Kind != fault.Canceled || f.Message != "the request was cancelled" {
			t.Errorf("%#v", f)
		}
	}
	for _, tc := range []struct {
		err  error
		want fault.Kind
		code string
	}{
		{context.DeadlineExceeded, fault.Deadline, rpc.CodeRoleTimeout},
		{status.Error(codes.Canceled, "grpc"), fault.Unavailable, rpc.CodeRoleUnavailable},
		{fault.ToGRPC(context.Canceled), fault.Unavailable, rpc.CodeRoleUnavailable},
		{status.Error(codes.Unavailable, "dial tcp 10.0.0.1:1"), fault.Unavailable, rpc.CodeRoleUnavailable},
		{status.Error(codes.Unimplemented, "unknown service"), fault.Unavailable, rpc.CodeRoleUnavailable},
		{status.Error(codes.ResourceExhausted, "grpc: larger than max"), fault.Internal, ""},
		{errors.New("what"), fault.Internal, ""},
	} {
		f := fault.From(rpc.FromRole(t.Context(), "style", tc.err))
		if f.Kind != tc.want || f.Code != tc.code || f.Cause == nil || strings.Contains(f.Message, "grpc") || strings.Contains(f.Message, "10.0") {
			t.Errorf("%v became %#v", tc.err, f)
		}
	}
}
