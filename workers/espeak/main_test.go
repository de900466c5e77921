// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/engine/conformance"
	"google.golang.org/grpc"
)

// envParent names the worker that the test program starts as its child, to be killed as a parent.
const envParent = "OROTUND_ESPEAK_TEST_PARENT_OF"

// testTime bounds each wait for a process.
const testTime = 30 * time.Second

func TestMain(m *testing.M) {
	if worker := os.Getenv(envParent); worker != "" {
		os.Exit(parent(worker))
	}
	os.Exit(m.Run())
}

// parent starts the worker with a pipe as its standard input, as Orotund does, and waits for it.
func parent(worker string) int {
	c := exec.Command(worker)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if _, err := c.StdinPipe(); err != nil {
		return 1
	}
	if err := c.Run(); err != nil {
		return 1
	}
	return 0
}

// build builds the worker once for a test.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "orotund-worker-espeak")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// process is a started program whose output ends when it and all that inherited it have ended.
type process struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr strings.Builder
	socket string
}

func start(t *testing.T, program string, env ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	p := &process{Cmd: exec.CommandContext(ctx, program), socket: filepath.Join(t.TempDir(), "s")}
	p.Env = append(env, "OROTUND_WORKER_SERVICE=orotund.engine.v1", "OROTUND_WORKER_SOCKET="+p.socket)
	p.Stderr = &p.stderr
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
	if want := fmt.Sprintf("OROTUND-WORKER 1 orotund.engine.v1 unix:%s\n", p.socket); line != want {
		t.Fatalf("the handshake is %q (%v), want %q; standard error: %s", line, err, want, &p.stderr)
	}
	conn, err := grpc.NewClient("unix:"+p.socket, conformance.DialOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// busy has the worker speak a long text that nobody reads.
func busy(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	stream, err := enginev1.NewEngineClient(conn).Synthesize(t.Context(),
		&enginev1.SynthesizeRequest{Text: strings.Repeat("A long text. ", 300), Voice: "en-us"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
}

func TestBinaryConforms(t *testing.T) {
	p := start(t, build(t))
	conn := p.dial(t)
	conformance.Run(t, enginev1.NewEngineClient(conn), conformance.Options{Voice: "en-us", Conn: conn, LengthTolerance: 0.04})
	_ = p.stdin.Close()
	if err := p.Wait(); err != nil {
		t.Errorf("the end: %v; standard error: %s", err, &p.stderr)
	}
	if p.stderr.Len() > 0 {
		t.Errorf("standard error is not empty: %s", &p.stderr)
	}
}

func TestEndOfStdinWhileSpeaking(t *testing.T) {
	p := start(t, build(t))
	busy(t, p.dial(t))
	_ = p.stdin.Close()
	if err := p.Wait(); err != nil {
		t.Errorf("the end: %v; standard error: %s", err, &p.stderr)
	}
}

// TestParentKilled kills the worker's parent with SIGKILL; the worker must not outlive it.
func TestParentKilled(t *testing.T) {
	p := start(t, os.Args[0], envParent+"="+build(t))
	busy(t, p.dial(t))
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, p.stdout) // the worker has inherited it
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(testTime):
		t.Error("the worker lives on")
	}
}

// TestNoData starts the worker where espeak-ng has no data: it must say so, and not announce itself.
func TestNoData(t *testing.T) {
	p := start(t, build(t), "ESPEAK_DATA_PATH="+t.TempDir())
	out, _ := io.ReadAll(p.stdout)
	err := p.Wait()
	if p.ProcessState.ExitCode() != 1 || len(out) > 0 || !strings.Contains(p.stderr.String(), "espeak-ng-data") {
		t.Errorf("the end: %v; output %q; standard error: %s", err, out, &p.stderr)
	}
}
