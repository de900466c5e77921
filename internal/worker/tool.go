package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Tool is a program that reads a file from its standard input and writes what it makes of it to its standard output, such as a decoder of outside
// bytes. It runs without a shell, in the folder /, with an empty environment and no files but those two and its standard error. When this process ends,
// so does it.
type Tool struct {
	Name    string        // for errors, for example "ffmpeg"
	Command []string      // program and arguments; a program without a slash is looked for as Find does
	Time    time.Duration // it may run for; required
	Output  int64         // bytes it may write; required
	Memory  uint64        // bytes of address space it may have; 0: no limit
}

// Errors of a tool that did not keep to its limits.
var (
	ErrToolTime   = errors.New("ran for too long")
	ErrToolOutput = errors.New("wrote too much")
)

// ToolRun is a run of a tool. It is read by one goroutine; Close may be called by any.
type ToolRun struct {
	tool   Tool
	ctx    context.Context // of the run: ends with the caller's, at the time limit, and on Close
	cancel context.CancelCauseFunc
	clock  context.CancelFunc
	unhook func() bool
	cmd    *exec.Cmd
	out    *os.File
	stderr tail
	left   int64 // bytes of output allowed

	waited  chan struct{} // closed when the program has ended and been reaped
	waitErr error
	err     error // of an earlier Read
}

var _ io.ReadCloser = (*ToolRun)(nil)

// errClosed is the cause of a run's end that Close asked for.
var errClosed = errors.New("closed")

// Start runs the program on in, from its present offset on; it shares the offset. When ctx ends, the program is killed. A program that is
// not there is a *NotInstalledError. The caller must call Close.
func (t Tool) Start(ctx context.Context, in *os.File) (*ToolRun, error) {
	if len(t.Command) == 0 || t.Time <= 0 || t.Output <= 0 {
		return nil, fmt.Errorf("tool %s: it needs a command and limits", t.Name)
	}
	path, err := Find(t.Command[0])
	if err != nil {
		return nil, fmt.Errorf("tool %s: %w", t.Name, err)
	}
	r := &ToolRun{tool: t, left: t.Output, waited: make(chan struct{})}
	ctx, r.cancel = context.WithCancelCause(ctx)
	r.ctx, r.clock = context.WithTimeoutCause(ctx, t.Time, ErrToolTime)
	if err := r.spawn(path, in); err != nil {
		r.clock()
		r.cancel(errClosed)
		return nil, fmt.Errorf("tool %s: start %s: %w", t.Name, path, err)
	}
	r.unhook = context.AfterFunc(r.ctx, r.kill)
	return r, nil
}

// spawn starts the program from a thread that stays with it, as Process.spawn does.
func (r *ToolRun) spawn(path string, in *os.File) error {
	out, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(path, r.tool.Command[1:]...)
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, w, &r.stderr
	cmd.WaitDelay = time.Second // a grandchild that holds stderr open does not hold us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r.cmd, r.out = cmd, out
	// What Go opens no child inherits, but what this process inherited itself a child would. Kernels before 5.11 do not know the call.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = w.Close()
		if err != nil {
			started <- err
			return
		}
		limitErr := r.limit()
		if limitErr != nil {
			_ = cmd.Process.Kill()
		}
		started <- limitErr
		r.waitErr = cmd.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever it left behind in its group
		close(r.waited)
	}()
	if err := <-started; err != nil {
		_ = out.Close()
		return err
	}
	return nil
}

// limit sets what the kernel holds the program to. It has just begun: what it does in the microseconds before is loading its
// libraries.
func (r *ToolRun) limit() error {
	limits := map[int]uint64{
		unix.RLIMIT_CPU:    uint64(r.tool.Time/time.Second) + 1,
		unix.RLIMIT_FSIZE:  0, // it writes no file
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_NOFILE: 64,
	}
	if r.tool.Memory > 0 {
		limits[unix.RLIMIT_AS] = r.tool.Memory
	}
	for what, most := range limits {
		err := unix.Prlimit(r.cmd.Process.Pid, what, &unix.Rlimit{Cur: most, Max: most}, nil)
		if err != nil && !errors.Is(err, syscall.ESRCH) { // it may have ended already
			return fmt.Errorf("set limit: %w", err)
		}
	}
	return nil
}

// kill ends the program and whatever it started, and makes a Read return that a grandchild with the pipe in hand would hold.
func (r *ToolRun) kill() {
	select {
	case <-r.waited: // its number may be another's by now
	default:
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	}
	_ = r.out.SetReadDeadline(time.Unix(1, 0))
}

// Read reads what the program writes. io.EOF tells that it ended well. Any other error is final: that ctx or the time limit ended
// the run, that the output was too much, or how the program failed with its last words.
func (r *ToolRun) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n, err := r.out.Read(p)
	if int64(n) > r.left {
		r.cancel(ErrToolOutput)
		n, err = int(r.left), io.EOF
	}
	r.left -= int64(n)
	if err != nil {
		r.err = r.end(err)
	}
	return n, r.err
}

// end waits for the program, which has closed its output or was killed, and says how it went.
func (r *ToolRun) end(err error) error {
	<-r.waited // the time limit holds here too
	switch cause := context.Cause(r.ctx); {
	case cause != nil:
		return fmt.Errorf("tool %s: %w", r.tool.Name, cause)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("tool %s: %w", r.tool.Name, err)
	case r.waitErr != nil:
		said := r.Said()
		if said != "" {
			said = "; its last words:\n" + said
		}
		return fmt.Errorf("tool %s failed: %s%s", r.tool.Name, exitText(r.waitErr), said)
	}
	return io.EOF
}

// Said is the last lines of the program's standard error, as it wrote them; all that it will say, after Read has returned an error.
func (r *ToolRun) Said() string { return r.stderr.String() }

// Close kills the program if it still runs, and returns when it has been reaped. It may be called more than once.
func (r *ToolRun) Close() error {
	r.cancel(errClosed)
	<-r.waited
	r.unhook()
	r.clock()
	_ = r.out.Close()
	return nil
}
