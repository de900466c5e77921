// Package lifecycle says what a service is, and starts and stops many of them in the order of their dependencies.
//
// A Service is made by a Module, which names the modules it needs. The Manager makes and starts what its targets need, those that
// do not need each other at once, and stops everything in the reverse order within a grace time.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Service is something that runs between Start and Stop.
type Service interface {
	// Name names the service in logs and errors.
	Name() string
	// Start returns nil once the service runs, or why it cannot. Its context bounds the start alone and ends when all services
	// have started: what runs on must not hang on it. A service whose Start failed is not stopped, so it leaves nothing behind.
	Start(ctx context.Context) error
	// Stop ends the service: it refuses new work at once, finishes what runs while ctx lasts, then drops the rest and returns. It
	// is called once at most.
	Stop(ctx context.Context) error
}

// Failer is a Service that can die while it runs. Failed delivers at most one error that is not nil, or is closed without one for
// an end that is in order; it is read from the end of Start on.
type Failer interface {
	Failed() <-chan error
}

// Module is a row in the table of what a process can be made of.
type Module struct {
	// Name is unique in the table.
	Name string
	// Needs names the modules that run before this one is made, and until it has stopped.
	Needs []string
	// Init makes the service, when everything in Needs runs; one Init runs at a time, so they may share what they wire. A nil
	// Service means that there is nothing to run; a nil Init that the module only stands for what it needs.
	Init func() (Service, error)
}

// RunOptions says what Run runs, and how.
type RunOptions struct {
	// Targets names the modules to run, with all that they need. Empty: every module.
	Targets []string
	// StartTimeout bounds each Start; 0: no bound but Run's context.
	StartTimeout time.Duration
	// Grace bounds the stopping of all services together. A Stop that begins after it has run out still has LastMoment to let
	// go of what it holds.
	Grace time.Duration
	// Ready is called once, when all services run. May be nil.
	Ready func()
}

// LastMoment is what a Stop is given at least, however much of the grace time others have used.
const LastMoment = time.Second

// overrun is how long a Start or Stop may stay after its context has ended, before it is left behind.
const overrun = 500 * time.Millisecond

// ErrGrace is found with errors.Is in what Run returns when services did not finish within their time. errors.As finds the
// *GraceError with their names.
var ErrGrace = errors.New("grace time ran out")

// GraceError names the modules that did not stop, or start, in time.
type GraceError struct {
	// Grace is the time that was given.
	Grace time.Duration
	// Unfinished names the modules whose Stop failed because its context had ended, in the order of stopping.
	Unfinished []string
	// Abandoned names those of them that did not return at all: their goroutines may still run.
	Abandoned []string
}

// Error lists the modules.
func (e *GraceError) Error() string {
	s := fmt.Sprintf("%v: %s was not enough for %s", ErrGrace, e.Grace, strings.Join(e.Unfinished, ", "))
	if len(e.Abandoned) > 0 {
		s += fmt.Sprintf(" (left behind: %s)", strings.Join(e.Abandoned, ", "))
	}
	return s
}

// Is makes errors.Is(err, ErrGrace) true.
func (e *GraceError) Is(target error) bool { return target == ErrGrace }
