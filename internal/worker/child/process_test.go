package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// envRole makes the test program run as a worker.
const envRole = "OROTUND_CHILD_TEST_ROLE"

// testTime bounds each wait for a process.
const testTime = 20 * time.Second

// workerProcess is the main of that worker. Its engine speaks, hangs as native code might, or panics, as the text says.
func workerProcess() int {
	if os.Getenv(envRole) == "broken" {
		return MainWith("orotund.engine.v1", func(*slog.Logger) (func(*grpc.Server), error) { return nil, errors.New("no voice data") })
	}
	return Main("orotund.engine.v1", func(s *grpc.Server) {
		enginev1.RegisterEngineServer(s, tone{speak: func(req *enginev1.SynthesizeRequest, stream SynthesizeStream) error {
			switch req.GetText() {
			case "hang":
				if err := stream.Send(&enginev1.SynthesizeResponse{}); err != nil {
					return err
				}
				select {} // deaf to its context
			case "panic":
				panic("the engine broke")
			}
			u, err := NewUtterance(stream, req, 8000)
			if err != nil {
				return err
			}
			return u.End()
		}})
	})
}

// process is a running worker.
type process struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *strings.Builder
	socket string
}

// start starts the test program as a worker with more environment.
func start(t *testing.T, args []string, env ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	p := &process{Cmd: exec.CommandContext(ctx, os.Args[0], args...), stderr: &strings.Builder{}, socket: filepath.Join(t.TempDir(), "s")}
	p.Env = append([]string{envRole + "=worker", envSocket + "=" + p.socket}, env...)
	p.Stderr = p.stderr
	var err error
	if p.stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = p.Wait()
	})
	return p
}

// dial reads the handshake and connects.
func (p *process) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	if want := "OROTUND-WORKER 1 orotund.engine.v1 unix:" + p.socket + "\n"; line != want {
		t.Fatalf("the handshake is %q (%v), want %q; stderr: %s", line, err, want, p.stderr)
	}
	conn, err := grpc.NewClient("unix:"+p.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// say speaks text and returns the first error.
func say(ctx context.Context, conn *grpc.ClientConn, text string) error {
	stream, err := enginev1.NewEngineClient(conn).Synthesize(ctx, &enginev1.SynthesizeRequest{Text: text})
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// wantExit waits for the end and checks the status.
func (p *process) wantExit(t *testing.T, code int) {
	t.Helper()
	err := p.Wait()
	if got := p.ProcessState.ExitCode(); got != code {
		t.Errorf("exit status %d (%v), want %d; stderr: %s", got, err, code, p.stderr)
	}
	if _, err := os.Lstat(p.socket); err == nil && code == exitOK {
		t.Error("the socket file was left behind")
	}
}

func TestEndOfStdin(t *testing.T) {
	p := start(t, nil)
	conn := p.dial(t)
	if err := say(t.Context(), conn, "hang"); err != nil {
		t.Fatal(err)
	}
	_ = p.stdin.Close()
	p.wantExit(t, exitOK)
}

func TestSignals(t *testing.T) {
	p := start(t, nil)
	conn := p.dial(t)
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := say(t.Context(), conn, "hang"); err != nil {
		t.Fatalf("after SIGINT: %v", err)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wantExit(t, exitOK)
}

func TestPanic(t *testing.T) {
	p := start(t, nil)
	conn := p.dial(t)
	if err := say(t.Context(), conn, "panic"); status.Code(err) != codes.Unavailable {
		t.Errorf("the caller sees %v", err)
	}
	p.wantExit(t, exitPanic)
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "the engine broke") || !strings.Contains(last, "process_test.go") {
		t.Errorf("the log's last line is %q", last)
	}
}

// TestStaleSocket starts a worker where a killed one has left its socket.
func TestStaleSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "old")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	p := start(t, nil, envSocket+"="+socket)
	p.socket = socket
	if err := say(t.Context(), p.dial(t), "x"); err != nil {
		t.Error(err)
	}
}

func TestStartedWrongly(t *testing.T) {
	for name, c := range map[string]struct {
		env    []string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"by hand":       {env: []string{envSocket + "="}, code: exitUsage, stderr: "this program is started by orotund; see docs/engines.md"},
		"relative":      {env: []string{envSocket + "=x/y"}, code: exitUsage, stderr: "absolute"},
		"other service": {env: []string{envService + "=orotund.codec.v1"}, code: exitUsage, stderr: `"orotund.codec.v1"`},
		"no directory":  {env: []string{envSocket + "=/nonexistent/s"}, code: exitError, stderr: "listen"},
		"not ready":     {env: []string{envRole + "=broken"}, code: exitError, stderr: "no voice data"},
		"version":       {args: []string{"--version"}, code: exitOK, stdout: "(orotund.engine.v1)"},
		"help":          {args: []string{"--help"}, code: exitOK, stdout: "docs/engines.md"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, c.args, c.env...)
			out, _ := io.ReadAll(p.stdout)
			p.wantExit(t, c.code)
			if !strings.Contains(string(out), c.stdout) || c.stdout == "" && len(out) > 0 {
				t.Errorf("standard output is %q", out)
			}
			if !strings.Contains(p.stderr.String(), c.stderr) {
				t.Errorf("standard error is %q", p.stderr)
			}
		})
	}
}

// sinkServer is an OTLP receiver that keeps spans.
type sinkServer struct {
	collector.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []*trace.Span
	names []string // service.name of each
}

// Export implements the OTLP trace service.
func (s *sinkServer) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range req.GetResourceSpans() {
		name := ""
		for _, a := range r.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				name = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range r.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.spans, s.names = append(s.spans, span), append(s.names, name)
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// TestTracing checks that a call's span continues the caller's trace, bears the configured name, and that Health makes none.
func TestTracing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sink, server := &sinkServer{}, grpc.NewServer()
	collector.RegisterTraceServiceServer(server, sink)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()

	p := start(t, nil, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+listener.Addr().String(), "OTEL_SERVICE_NAME=worker under test")
	conn := p.dial(t)
	const traceID, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+traceID+"-"+parent+"-01")
	if _, err := enginev1.NewEngineClient(conn).Health(ctx, &enginev1.HealthRequest{}); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	if err := say(ctx, conn, "x"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil { // ends the call, and so the span
		t.Fatal(err)
	}
	deadline := time.Now().Add(testTime)
	for sink.count() == 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond) // until another process has exported
	}
	_ = p.stdin.Close()
	p.wantExit(t, exitOK)

	sink.mu.Lock()
	defer sink.mu.Unlock()
	if len(sink.spans) != 1 {
		t.Fatalf("%d spans came, want 1; stderr: %s", len(sink.spans), p.stderr)
	}
	span := sink.spans[0]
	if got := fmt.Sprintf("%x %x", span.GetTraceId(), span.GetParentSpanId()); got != traceID+" "+parent {
		t.Errorf("trace and parent are %s", got)
	}
	if span.GetName() != "orotund.engine.v1.Engine/Synthesize" || span.GetKind() != trace.Span_SPAN_KIND_SERVER || sink.names[0] != "worker under test" {
		t.Errorf("the span is %s, %v, of %s", span.GetName(), span.GetKind(), sink.names[0])
	}
}

func (s *sinkServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spans)
}
