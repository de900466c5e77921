package worker_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/worker"
)

func TestProcessLivesAndEnds(t *testing.T) {
	p, err := worker.Start(t.Context(), spec(), worker.Limits{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if active, err := probe(t.Context(), p.Conn()); err != nil || active != 0 {
		t.Fatal(active, err)
	}
	p.Stop(t.Context())
	if err := p.Err(); err != nil {
		t.Fatalf("a worker that was stopped has an error: %v", err)
	}
	if gone := syscall.Kill(p.Pid(), 0); gone != syscall.ESRCH {
		t.Fatalf("the process is still there, perhaps as a zombie: %v", gone)
	}
}

func TestStartExplainsFailures(t *testing.T) {
	for _, tc := range []struct {
		name   string
		spec   worker.Spec
		limits worker.Limits
		want   []string
	}{
		{"dies", bad("dies"), worker.Limits{}, []string{"before the handshake line", "exit status 3", "cannot find libmissing.so.7"}},
		{"mute", bad("mute"), worker.Limits{Handshake: 100 * time.Millisecond}, []string{"no handshake within 100ms"}},
		{"babbles", bad("babbles"), worker.Limits{}, []string{"no handshake line in the first 512 bytes"}},
		{"stranger", bad("stranger"), worker.Limits{}, []string{`serves "other.v1", expected "orotund.engine.v1"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := worker.Start(t.Context(), tc.spec, tc.limits, quiet())
			if err == nil {
				p.Kill()
				t.Fatal("it started")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

func TestStartNotInstalled(t *testing.T) {
	_, err := worker.Start(t.Context(), worker.Spec{Name: "x", Command: []string{"orotund-worker-nowhere"}}, worker.Limits{}, quiet())
	var ni *worker.NotInstalledError
	if !errors.As(err, &ni) || ni.Program != "orotund-worker-nowhere" {
		t.Fatal(err)
	}
}

func TestStartObeysContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := worker.Start(ctx, bad("mute"), worker.Limits{}, quiet()); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Fatal(err)
	}
}

func TestCrashIsExplained(t *testing.T) {
	p, err := worker.Start(t.Context(), spec(), worker.Limits{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(p.Pid(), syscall.SIGSEGV) // the Go runtime writes its last words
	<-p.Done()
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "its last words") || !strings.Contains(err.Error(), "SIGSEGV") {
		t.Fatal(err)
	}
	p.Kill() // harmless now
}

func TestStopKillsTheStubborn(t *testing.T) {
	p, err := worker.Start(t.Context(), bad("stubborn"), worker.Limits{StopGrace: 50 * time.Millisecond}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	p.Stop(t.Context())
	if s := p.ExitStatus(); s != "signal: killed" {
		t.Fatal(s)
	}
}

// TestNoOrphan kills the parent as hard as can be: workers must notice by themselves, even one that does not read its standard input.
func TestNoOrphan(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "parent")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the worker does not run: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, "the worker is gone", func() bool { return ended(pid) })
	worker.SweepSockets()
}

// ended tells whether a process that is not our child is gone; one that nobody reaps (in a container without init) counts.
func ended(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}
