package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
)

// Exit codes of Main.
const (
	exitOK    = 0 // asked to end
	exitError = 1 // the worker could not start or serve
	exitUsage = 2 // started in a way that cannot work
	exitPanic = 3 // a handler panicked
)

// The environment that the parent gives a worker.
const (
	envSocket  = "OROTUND_WORKER_SOCKET"
	envService = "OROTUND_WORKER_SERVICE"
)

// flushTime bounds what the last spans may take on the way out.
const flushTime = 300 * time.Millisecond

// Open prepares a worker before it announces itself and returns what registers its services. The logger writes to standard
// error. An error ends the program, explained, with status 1.
type Open func(log *slog.Logger) (register func(*grpc.Server), err error)

// Main runs a worker program whose service needs no preparation; see MainWith.
func Main(service string, register func(*grpc.Server)) int {
	return MainWith(service, func(*slog.Logger) (func(*grpc.Server), error) { return register, nil })
}

// MainWith runs a worker program that serves service, for example "orotund.engine.v1", and returns its exit status: 0 after it
// was asked to end, 1 when it could not start, 2 when it was started by hand. It answers --version and --help, opens the
// worker, listens on the Unix socket named by the environment, prints the handshake line, and serves.
//
// The program ends with status 0, at once and from whatever it does, when standard input reaches its end or SIGTERM comes, even
// while native code is stuck in a call; it then does not return. SIGINT is ignored: a terminal sends it to the whole process
// group, and the parent decides. A panic in a handler is logged as one line, and ends the program with status 3.
func MainWith(service string, open Open) int {
	if code, done := answerArgs(service, os.Args[1:], os.Stdout); done {
		return code
	}
	socket, err := environment(service, os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+": "+err.Error())
		return exitUsage
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	tracing, err := newTracing(context.Background(), os.Getenv, log)
	if err != nil {
		log.Error("tracing could not be set up; the worker goes on without it", "error", err)
	}
	leave := sync.OnceFunc(func() { // never returns
		tracing.shutdown(flushTime)
		removeSocket(socket)
		os.Exit(exitOK)
	})
	signal.Ignore(syscall.SIGINT)
	go leaveOnTerm(leave)
	go leaveOnEOF(os.Stdin, leave)

	if err := listenAndServe(service, socket, open, log, tracing); err != nil {
		log.Error("the worker ends", "error", err)
		tracing.shutdown(flushTime)
		return exitError
	}
	return exitOK
}

// answerArgs answers a lone --version or --help. Other arguments are the worker's own.
func answerArgs(service string, args []string, out io.Writer) (code int, done bool) {
	if len(args) != 1 {
		return 0, false
	}
	name := filepath.Base(os.Args[0])
	switch args[0] {
	case "--version", "-version":
		version := "unknown"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
			version = info.Main.Version
		}
		fmt.Fprintf(out, "%s %s (%s)\n", name, version, service)
	case "--help", "-help", "-h":
		fmt.Fprintf(out, "%s serves %s to Orotund on a Unix socket.\n"+
			"This program is started by orotund; see docs/engines.md.\n"+
			"To start it by hand: sleep 600 | %s=/tmp/worker.sock %s\n", name, service, envSocket, name)
	default:
		return 0, false
	}
	return exitOK, true
}

// environment returns the socket to listen on, and checks that the parent expects this service.
func environment(service string, getenv func(string) string) (string, error) {
	socket := getenv(envSocket)
	if socket == "" {
		return "", errors.New("this program is started by orotund; see docs/engines.md (" + envSocket + " is not set)")
	}
	if !filepath.IsAbs(socket) {
		return "", fmt.Errorf("%s is %q: it must be an absolute path", envSocket, socket)
	}
	if want := getenv(envService); want != "" && want != service {
		return "", fmt.Errorf("%s is %q, but this program serves %q", envService, want, service)
	}
	return socket, nil
}

// listenAndServe opens the worker, listens, announces it and serves until the program ends.
func listenAndServe(service, socket string, open Open, log *slog.Logger, tracing *tracing) error {
	register, err := open(log)
	if err != nil {
		return fmt.Errorf("open %s: %w", service, err)
	}
	removeSocket(socket) // left over from a predecessor that was killed
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listen on the worker's socket (its path may have 107 bytes at most): %w", err)
	}
	server := newServer(tracing, onPanic(log))
	register(server)
	if _, err := fmt.Printf("OROTUND-WORKER 1 %s unix:%s\n", service, socket); err != nil {
		_ = listener.Close() // the parent does not listen: there is nobody to tell
		return fmt.Errorf("print the handshake: %w", err)
	}
	if err := server.Serve(listener); err != nil {
		return fmt.Errorf("serve %s: %w", service, err)
	}
	return nil
}

// removeSocket removes the socket file if one is there. The directory is the worker's own, so nobody else's can be.
func removeSocket(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(path) // if it stays, listening fails and says so
	}
}

func leaveOnTerm(leave func()) {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	leave()
}

// leaveOnEOF waits until the parent is gone: the kernel closes its end of the pipe however it ended.
func leaveOnEOF(stdin io.Reader, leave func()) {
	_, _ = io.Copy(io.Discard, stdin) // an error means the same: no parent there
	leave()
}
