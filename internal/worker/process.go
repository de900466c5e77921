package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Process is one worker program that runs, or ran.
type Process struct {
	spec   Spec
	limits Limits
	log    *slog.Logger

	cmd    *exec.Cmd
	dir    string
	stdin  io.Closer
	stderr tail
	conn   *grpc.ClientConn

	waited  chan struct{} // closed when the program has ended and been reaped
	waitErr error
	stop    sync.Once
	stopped chan struct{} // closed when we asked it to end
}

// Start runs the program and returns when its handshake has been read and its address dialled. When ctx ends before, the program
// is killed. Afterwards the process lives until Stop, Kill, its own end, or the end of this process.
func Start(ctx context.Context, spec Spec, limits Limits, log *slog.Logger) (*Process, error) {
	if len(spec.Command) == 0 {
		return nil, fmt.Errorf("worker %s: no command", spec.Name)
	}
	path, err := Find(spec.Command[0])
	if err != nil {
		return nil, fmt.Errorf("worker %s: %w", spec.Name, err)
	}
	p := &Process{spec: spec, limits: limits.withDefaults(), log: log, waited: make(chan struct{}), stopped: make(chan struct{})}
	p.stderr.onLine = func(line string) { log.Debug("worker says", "line", line) }
	p.dir, err = os.MkdirTemp("", socketDirPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, fmt.Errorf("worker %s: make socket directory: %w", spec.Name, err)
	}
	stdout, err := p.spawn(path)
	if err != nil {
		_ = os.RemoveAll(p.dir)
		return nil, fmt.Errorf("worker %s: start %s: %w", spec.Name, path, err)
	}
	if err := p.handshake(ctx, stdout); err != nil {
		p.Kill()
		<-p.waited
		return nil, err
	}
	return p, nil
}

// spawn starts the program from a thread that stays with it: the kernel sends the parent-death signal when the *thread* that forked
// ends, so that thread waits for the child. Standard input is the first cord between the two, this signal the second, for a
// worker that is too stuck to read.
func (p *Process) spawn(path string) (io.Reader, error) {
	cmd := exec.Command(path, p.spec.Command[1:]...)
	cmd.Env = append(environment(os.Environ(), p.spec.Env),
		"OROTUND_WORKER_SOCKET="+filepath.Join(p.dir, "s"), "OROTUND_WORKER_SERVICE="+p.spec.Service)
	cmd.Stderr = &p.stderr
	cmd.WaitDelay = time.Second // a grandchild that holds stderr open does not hold us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = w
	p.cmd, p.stdin = cmd, stdin
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = w.Close()
		started <- err
		if err != nil {
			return
		}
		p.waitErr = cmd.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever it left behind in its group
		_ = os.RemoveAll(p.dir)
		close(p.waited)
	}()
	if err := <-started; err != nil {
		_ = stdout.Close()
		return nil, err
	}
	return stdout, nil
}

func (p *Process) handshake(ctx context.Context, stdout io.Reader) error {
	type result struct {
		addr string
		err  error
	}
	got := make(chan result, 1)
	go func() { // ends with the program, which holds the other end of the pipe
		r := bufio.NewReaderSize(stdout, 1024)
		addr, err := readHandshake(r, p.spec.Service)
		got <- result{addr, err}
		_, _ = io.Copy(io.Discard, r)
		_ = stdout.(io.Closer).Close()
	}()
	timeout := time.NewTimer(p.limits.Handshake)
	defer timeout.Stop()
	var res result
	select {
	case res = <-got:
	case <-timeout.C:
		res.err = fmt.Errorf("no handshake within %v", p.limits.Handshake)
	case <-ctx.Done():
		res.err = ctx.Err()
	}
	if res.err != nil {
		p.Kill()
		<-p.waited // so that the tail is whole
		return p.explain(res.err)
	}
	conn, err := grpc.NewClient(res.addr, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithIdleTimeout(0),
		grpc.WithStaticStreamWindowSize(4 << 20), // a segment's audio never waits for a window, and no BDP pings
		grpc.WithStaticConnWindowSize(16 << 20),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(4 << 20)),
	}, p.spec.Dial...)...)
	if err != nil {
		return p.explain(fmt.Errorf("dial: %w", err))
	}
	p.conn = conn
	conn.Connect()
	return nil
}

// explain adds how the program ended and its last words to an error.
func (p *Process) explain(err error) error {
	msg := "worker " + p.spec.Name + ": " + err.Error()
	if p.ended() {
		if end := exitText(p.waitErr); !strings.Contains(msg, end) {
			msg += " (" + end + ")"
		}
	}
	if t := p.stderr.String(); t != "" {
		msg += "; its last words:\n" + t
	}
	return errors.New(msg)
}

func exitText(err error) string {
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		return ee.Error()
	}
	if err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// Conn is the connection to the worker.
func (p *Process) Conn() *grpc.ClientConn { return p.conn }

// Pid is the program's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.waited }

// ended tells whether the program has ended.
func (p *Process) ended() bool {
	select {
	case <-p.waited:
		return true
	default:
		return false
	}
}

// Err says how the program ended, with its last lines of standard error; nil while it runs and after Stop.
func (p *Process) Err() error {
	if !p.ended() {
		return nil
	}
	select {
	case <-p.stopped:
		return nil
	default:
		return p.explain(errors.New("ended unasked"))
	}
}

// ExitStatus says in a few words how the program ended, fit to be shown to a caller: "signal: killed"; "" while it runs.
func (p *Process) ExitStatus() string {
	if !p.ended() {
		return ""
	}
	return exitText(p.waitErr)
}

// hangUp closes the connection. Calls on it fail.
func (p *Process) hangUp() {
	if p.conn != nil {
		_ = p.conn.Close()
	}
}

// Kill sends SIGKILL to the worker and to whatever it started. It does not wait.
func (p *Process) Kill() {
	p.hangUp()
	if !p.ended() { // else it is reaped, and its number may be another's by now
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// Stop closes the worker's standard input, waits for its end, and kills it after the stop grace or when ctx ends. It returns when
// the program has been reaped.
func (p *Process) Stop(ctx context.Context) {
	p.stop.Do(func() { close(p.stopped) })
	_ = p.stdin.Close()
	p.hangUp()
	t := time.NewTimer(p.limits.StopGrace)
	defer t.Stop()
	select {
	case <-p.waited:
		return
	case <-t.C:
		p.log.Warn("worker did not end when asked; killed", "worker", p.spec.Name, "pid", p.Pid())
	case <-ctx.Done():
	}
	p.Kill()
	<-p.waited
}
