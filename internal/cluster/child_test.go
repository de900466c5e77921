package cluster_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/fault"
)

// childModes are what the test binary does as its own child. Each ends when its standard input does, at the latest.
var childModes = map[string]func(dir string, args []string) error{
	"hold":  childHold,
	"write": childWrite,
	"open":  childOpen,
	"fill":  childFill,
	"count": childCount,
	"etcd":  childEtcd,
}

// say prints one line for the parent; a pipe takes it whole.
func say(format string, args ...any) {
	if _, err := fmt.Printf(format+"\n", args...); err != nil {
		os.Exit(3)
	}
}

func child(mode string, args []string) int {
	run, ok := childModes[mode]
	if !ok || len(args) == 0 {
		return 2
	}
	if err := run(args[0], args[1:]); err != nil {
		sayError(err)
		return 1
	}
	return 0
}

// sayError prints an error as "error CODE text".
func sayError(err error) {
	code := "-"
	var e *fault.Error
	if errors.As(err, &e) && e.Code != "" {
		code = e.Code
	}
	say("error %s %v", code, err)
}

func childStart(dir string) (*cluster.Cluster, error) {
	c := cluster.New(embedded(dir), slog.New(slog.NewTextHandler(os.Stderr, nil)), nil)
	return c, c.Start(context.Background())
}

func childStop(c *cluster.Cluster) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.Stop(ctx)
}

// leash waits for the end of standard input, and so of the parent.
func leash() { _, _ = io.Copy(io.Discard, os.Stdin) }

// childHold keeps the store open. With an argument it puts that key under a lease first.
func childHold(dir string, args []string) error {
	c, err := childStart(dir)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		l, err := c.Store().Grant(context.Background(), cluster.MinLease)
		if err != nil {
			return err
		}
		txn := cluster.Txn{Puts: []cluster.Put{{Key: args[0], Lease: l.ID()}}}
		if _, err := c.Store().Commit(context.Background(), txn); err != nil {
			return err
		}
	}
	say("ready")
	leash()
	return childStop(c)
}

// childWrite writes keys below a prefix until it is killed, and says "ack KEY" for each that was acknowledged.
func childWrite(dir string, args []string) error {
	c, err := childStart(dir)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	for w := range 8 {
		go func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%s/%d/%d", args[0], w, n)
				txn := cluster.Txn{
					If:   []cluster.Condition{cluster.Absent(key)},
					Puts: []cluster.Put{{Key: key, Value: []byte("value of " + key)}},
				}
				if _, err := c.Store().Commit(context.Background(), txn); err != nil {
					sayError(err)
					return
				}
				mu.Lock()
				say("ack %s", key)
				mu.Unlock()
			}
		}()
	}
	leash()
	return nil
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	leash io.Closer
	lines *bufio.Scanner
}

// command prepares a child; it is not started.
func command(t *testing.T, mode, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{"child", mode, dir}, args...)...)
	cmd.Stderr = t.Output()
	return cmd
}

// spawn starts a child; it is killed when the test ends.
func spawn(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p, err := trySpawn(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// trySpawn is spawn where the system may refuse.
func trySpawn(t *testing.T, cmd *exec.Cmd) (*process, error) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, leash: in, lines: bufio.NewScanner(out)}
	t.Cleanup(p.kill)
	return p, nil
}

// kill ends the child with SIGKILL; it may be called again.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	for p.lines.Scan() {
	}
	_ = p.cmd.Wait()
}

// line returns the child's next line, "" at the end.
func (p *process) line() string {
	p.lines.Scan()
	return p.lines.Text()
}

// want reads a line that begins so, and returns the rest.
func (p *process) want(t *testing.T, begin string) string {
	t.Helper()
	line := p.line()
	rest, ok := strings.CutPrefix(line, begin)
	if !ok {
		t.Fatalf("child says %q, want %q", line, begin)
	}
	return strings.TrimSpace(rest)
}
