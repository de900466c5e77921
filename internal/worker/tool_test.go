package worker_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/worker"
)

// shell is a tool that runs a script.
func shell(script string) worker.Tool {
	return worker.Tool{Name: "shell", Command: []string{"/bin/sh", "-c", script}, Time: time.Minute, Output: 1 << 20}
}

// input is a file with a text, at its beginning.
func input(t *testing.T, text string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func start(ctx context.Context, t *testing.T, tool worker.Tool, in *os.File) *worker.ToolRun {
	t.Helper()
	r, err := tool.Start(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestToolPassesAFileOn(t *testing.T) {
	long := strings.Repeat("all of it ", 100_000)
	r := start(t.Context(), t, shell("cat"), input(t, long))
	got, err := io.ReadAll(r)
	if err != nil || string(got) != long {
		t.Fatalf("%d bytes of %d, %v", len(got), len(long), err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %d, %v", n, err)
	}
}

func TestToolSeesNothingOfOurs(t *testing.T) {
	t.Setenv("SECRET", "x")
	tool := worker.Tool{Name: "env", Command: []string{"env"}, Time: time.Minute, Output: 1 << 20}
	if got, err := io.ReadAll(start(t.Context(), t, tool, input(t, ""))); err != nil || len(got) != 0 {
		t.Errorf("environment %q, %v", got, err)
	}
	if got, err := io.ReadAll(start(t.Context(), t, shell("pwd; ls /proc/self/fd"), input(t, ""))); err != nil || string(got) != "/\n0\n1\n2\n3\n" {
		t.Errorf("%q, %v; want the root, and three descriptors and the one that ls opens", got, err)
	}
}

func TestToolIsHeldToItsLimits(t *testing.T) {
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	tool := shell("read x; ulimit -t; ulimit -f; ulimit -c; ulimit -n; ulimit -v")
	tool.Memory = 256 << 20
	r := start(t.Context(), t, tool, in)
	_, _ = w.WriteString("go\n") // once the limits hold
	_ = w.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "61\n0\n0\n64\n262144\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestToolErrors(t *testing.T) {
	limited := shell("cat /dev/zero")
	limited.Output = 100_000
	slow := shell("sleep 1000 & sleep 1000")
	slow.Time = 50 * time.Millisecond
	escaped := shell("setsid sleep 5 & echo gone") // holds the output, outside the group that is killed
	escaped.Time = 50 * time.Millisecond
	for name, tc := range map[string]struct {
		tool  worker.Tool
		is    error
		says  string
		bytes int
	}{
		"fails":           {shell("echo half; echo no such codec >&2; exit 7"), nil, "tool shell failed: exit status 7; its last words:\nno such codec", 5},
		"is killed":       {shell("kill -SEGV $$"), nil, "signal: segmentation fault", 0},
		"writes too much": {limited, worker.ErrToolOutput, "tool shell: wrote too much", 100_000},
		"takes too long":  {slow, worker.ErrToolTime, "tool shell: ran for too long", 0},
		"leaves a child":  {escaped, worker.ErrToolTime, "tool shell: ran for too long", 5},
	} {
		r := start(t.Context(), t, tc.tool, input(t, ""))
		got, err := io.ReadAll(r)
		if err == nil || !strings.Contains(err.Error(), tc.says) || len(got) != tc.bytes {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: %v is not %v", name, err, tc.is)
		}
	}
}

func TestToolIsNotThere(t *testing.T) {
	var missing *worker.NotInstalledError
	tool := worker.Tool{Name: "nobody", Command: []string{"orotund-no-such-program"}, Time: time.Second, Output: 1}
	if _, err := tool.Start(t.Context(), input(t, "")); !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
	if _, err := (worker.Tool{Name: "boundless", Command: []string{"cat"}}).Start(t.Context(), input(t, "")); err == nil {
		t.Error("a tool without limits ran")
	}
}

func TestToolDiesWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := start(ctx, t, shell("echo $$; sleep 1000"), input(t, ""))
	pid := firstLine(t, r)
	cancel()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the program is still there: %v", err)
	}
}

func TestToolDiesOnClose(t *testing.T) {
	r := start(t.Context(), t, shell("echo $$; cat /dev/zero"), input(t, ""))
	pid := firstLine(t, r)
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the program is still there: %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a closed run can be read")
	}
}

// firstLine reads the number that a tool writes first.
func firstLine(t *testing.T, r io.Reader) (n int) {
	t.Helper()
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(err)
		}
		if b[0] == '\n' {
			return n
		}
		n = 10*n + int(b[0]-'0')
	}
}
