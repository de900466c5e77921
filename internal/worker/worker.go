// Package worker supervises native worker programs: it spawns them, reads their handshake, watches their health, starts them
// again when they die, and kills them. It is the only package that runs other programs. What a worker is, from its own side, is
// documented in api/orotund/engine/v1/engine.proto.
package worker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// Spec says what to run.
type Spec struct {
	Name    string            // for logs and errors, for example "flite"
	Service string            // the contract that the handshake must name, for example "orotund.engine.v1"
	Command []string          // program and arguments; a program without a slash is looked for as Find does
	Env     []string          // added to the small environment that workers get
	Dial    []grpc.DialOption // added to the connection's options
}

// Limits of a worker's life. The zero value of a field takes the default.
type Limits struct {
	Handshake      time.Duration // to print the handshake line; 10 s
	HealthInterval time.Duration // between two health checks; 5 s
	HealthTimeout  time.Duration // for one check; 2 s
	HealthFailures int           // running, before the worker is killed; 3
	CancelGrace    time.Duration // for a cancelled call to leave the worker before it is killed; 2 s
	StopGrace      time.Duration // between closing its standard input and SIGKILL; 2 s
	BackoffMin     time.Duration // before the first restart; 100 ms, doubling
	BackoffMax     time.Duration // 10 s
	Stable         time.Duration // after so long alive a worker's next crash starts at BackoffMin again; 2 s
}

func (l Limits) withDefaults() Limits {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&l.Handshake, 10*time.Second)
	def(&l.HealthInterval, 5*time.Second)
	def(&l.HealthTimeout, 2*time.Second)
	def(&l.CancelGrace, 2*time.Second)
	def(&l.StopGrace, 2*time.Second)
	def(&l.BackoffMin, 100*time.Millisecond)
	def(&l.BackoffMax, 10*time.Second)
	def(&l.Stable, 2*time.Second)
	if l.HealthFailures <= 0 {
		l.HealthFailures = 3
	}
	return l
}

// Probe asks a worker for its health: how many calls it runs now.
type Probe func(ctx context.Context, conn *grpc.ClientConn) (active int, err error)

// NotInstalledError says that a worker's program is not there.
type NotInstalledError struct {
	Program  string
	Searched []string
}

// Error names the program and where it was looked for.
func (e *NotInstalledError) Error() string {
	return fmt.Sprintf("program %s not found (looked in %s)", e.Program, strings.Join(e.Searched, ", "))
}

// Find resolves a program's name: as it is if it holds a slash, else beside this executable, in ../libexec/orotund, and on the PATH.
func Find(program string) (string, error) {
	if program == "" {
		return "", fmt.Errorf("no program named")
	}
	if strings.ContainsRune(program, filepath.Separator) {
		if _, err := exec.LookPath(program); err != nil {
			return "", &NotInstalledError{Program: program, Searched: []string{filepath.Dir(program)}}
		}
		return program, nil
	}
	var searched []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		for _, dir := range []string{filepath.Dir(exe), filepath.Join(filepath.Dir(exe), "..", "libexec", "orotund")} {
			dir = filepath.Clean(dir)
			searched = append(searched, dir)
			if p, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
				return p, nil
			}
		}
	}
	if p, err := exec.LookPath(program); err == nil {
		return p, nil
	}
	return "", &NotInstalledError{Program: program, Searched: append(searched, "PATH")}
}

// environment is what a worker sees: enough to find libraries, data and a locale, and none of our secrets.
func environment(base, extra []string) []string {
	keep := map[string]bool{
		"PATH": true, "HOME": true, "LANG": true, "LC_ALL": true, "LD_LIBRARY_PATH": true, "TMPDIR": true, "TZ": true,
		"ESPEAK_DATA_PATH": true, "PYTHONPATH": true, "CUDA_VISIBLE_DEVICES": true, "SSL_CERT_FILE": true, "SSL_CERT_DIR": true,
		"GOCOVERDIR": true,
	}
	var env []string
	for _, kv := range base {
		if name, _, ok := strings.Cut(kv, "="); ok && keep[name] {
			env = append(env, kv)
		}
	}
	return append(env, extra...)
}
