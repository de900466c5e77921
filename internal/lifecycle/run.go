package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// node is one module during a Run.
type node struct {
	name    string
	mod     Module
	needs   []*node
	svc     Service       // nil until Start has succeeded, and for a module with nothing to run
	up      chan struct{} // closed when the start has ended, one way or the other
	ok      bool          // whether it has succeeded; read after up
	down    chan struct{} // closed when stopped
	users   []*node       // who needs it
	stopErr error         // read after down
	left    bool          // its Stop or Start has not returned; read after down
}

// run is the state of one Run.
type run struct {
	m      *Manager
	opts   RunOptions
	nodes  []*node // in start order
	initMu sync.Mutex
	failed chan error // the first failure; buffered for one, the rest wait in nobody's way
}

// Run makes and starts the targets and what they need, calls opts.Ready, and waits until ctx ends or a service fails; then it
// stops everything, those first that nobody needs. It returns what failed, joined: a start, a running service, stops, and a
// *GraceError. The end of ctx alone is no failure: it returns nil. Every goroutine of Run has ended when it returns, but those in
// GraceError.Abandoned.
func (m *Manager) Run(ctx context.Context, opts RunOptions) error {
	names, err := m.Closure(opts.Targets...)
	if err != nil {
		return err
	}
	if err := m.begin(); err != nil {
		return err
	}
	defer m.end()
	r := &run{m: m, opts: opts, failed: make(chan error, 1)}
	byName := make(map[string]*node, len(names))
	for _, name := range names {
		n := &node{name: name, mod: m.modules[name], up: make(chan struct{}), down: make(chan struct{})}
		for _, need := range n.mod.Needs {
			n.needs = append(n.needs, byName[need])
			byName[need].users = append(byName[need].users, n)
		}
		byName[name] = n
		r.nodes = append(r.nodes, n)
	}
	return r.run(ctx)
}

// run starts, waits and stops.
func (r *run) run(ctx context.Context) error {
	watchCtx, unwatch := context.WithCancel(context.Background())
	var watchers sync.WaitGroup
	defer unwatch()

	startCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	startErrs := make(chan error, len(r.nodes))
	for _, n := range r.nodes {
		go func() {
			err := r.start(startCtx, n)
			if err == nil && n.svc != nil {
				r.watch(watchCtx, &watchers, n)
			}
			startErrs <- err
		}()
	}
	errs := r.await(ctx, cancel, startErrs)
	cancel() // a start has had its time
	unwatch()
	watchers.Wait()
	select {
	case err := <-r.failed: // while others failed to start
		errs = append(errs, err)
	default:
	}
	return errors.Join(append(errs, r.stop())...)
}

// await waits for all starts, and if they succeed for the end: of ctx, or of a service. It returns what failed.
func (r *run) await(ctx context.Context, cancel context.CancelFunc, startErrs <-chan error) []error {
	var errs []error
	failed := r.failed
	for range r.nodes {
		for waiting := true; waiting; {
			select {
			case err := <-startErrs:
				waiting = false
				if err != nil {
					errs = append(errs, err)
					cancel()
				}
			case err := <-failed:
				errs, failed = append(errs, err), nil
				cancel()
			}
		}
	}
	if len(errs) > 0 || ctx.Err() != nil {
		return errs
	}
	cancel()
	if r.opts.Ready != nil {
		r.opts.Ready()
	}
	select {
	case <-ctx.Done():
		r.m.log.Info("stopping", "reason", context.Cause(ctx).Error(), "grace", r.opts.Grace.String())
	case err := <-failed:
		r.m.log.Error("stopping", "reason", err.Error(), "grace", r.opts.Grace.String())
		errs = append(errs, err)
	}
	return errs
}

// start waits for what n needs, makes it and starts it. It returns an error only for n's own failure, not where another's failure
// or the end of ctx is the reason.
func (r *run) start(ctx context.Context, n *node) error {
	defer close(n.up)
	for _, need := range n.needs {
		<-need.up
		if !need.ok {
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	svc, err := r.init(n)
	if err != nil {
		return fmt.Errorf("init %s: %w", n.name, err)
	}
	if svc == nil {
		n.ok = true
		return nil
	}
	began := time.Now()
	returned, err := r.call(ctx, r.opts.StartTimeout, svc.Start)
	switch {
	case !returned:
		n.left = true
		return fmt.Errorf("start %s: not done and not to be interrupted: %w", n.name, err)
	case err != nil && ctx.Err() != nil:
		r.m.log.Warn("start interrupted", "module", n.name, "error", err.Error())
		return nil // a consequence; the cause is another's failure, or the caller's wish
	case err != nil:
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	n.svc, n.ok = svc, true
	r.m.record(n.name, svc.Name(), time.Since(began))
	return nil
}

// init makes the service, one at a time.
func (r *run) init(n *node) (Service, error) {
	if n.mod.Init == nil {
		return nil, nil
	}
	r.initMu.Lock()
	defer r.initMu.Unlock()
	return n.mod.Init()
}

// call runs fn in a goroutine of its own with a context of at most timeout (0: as long as ctx), and leaves it behind if it stays for longer
// than overrun after the context's end. It tells whether fn has returned, and what; if not, the context's error.
func (r *run) call(ctx context.Context, timeout time.Duration, fn func(context.Context) error) (returned bool, err error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	select {
	case err := <-done:
		return true, err
	case <-ctx.Done():
	}
	t := time.NewTimer(overrun)
	defer t.Stop()
	select {
	case err := <-done:
		return true, err
	case <-t.C:
		return false, ctx.Err()
	}
}

// watch reports the first failure of a running service.
func (r *run) watch(ctx context.Context, wg *sync.WaitGroup, n *node) {
	f, ok := n.svc.(Failer)
	if !ok {
		return
	}
	ch := f.Failed()
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case err := <-ch:
			if err == nil {
				return
			}
			select {
			case r.failed <- fmt.Errorf("%s failed: %w", n.name, err):
			default: // the first is on its way already
				r.m.log.Error("failed too", "module", n.name, "error", err.Error())
			}
		}
	})
}

// stop stops what has started, each when nobody needs it any more, and returns what failed.
func (r *run) stop() error {
	deadline := time.Now().Add(r.opts.Grace)
	for _, n := range r.nodes {
		go func() {
			defer close(n.down)
			for _, u := range n.users {
				<-u.down
			}
			if n.svc != nil {
				r.stopOne(n, max(time.Until(deadline), LastMoment))
			}
		}()
	}
	var errs []error
	late := &GraceError{Grace: r.opts.Grace}
	for i := len(r.nodes) - 1; i >= 0; i-- {
		n := r.nodes[i]
		<-n.down
		switch {
		case n.left:
			late.Unfinished, late.Abandoned = append(late.Unfinished, n.name), append(late.Abandoned, n.name)
		case errors.Is(n.stopErr, context.DeadlineExceeded):
			late.Unfinished = append(late.Unfinished, n.name)
		}
		if n.stopErr != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", n.name, n.stopErr))
		}
	}
	if len(late.Unfinished) > 0 {
		errs = append(errs, late)
	}
	return errors.Join(errs...)
}

// stopOne stops one service within d.
func (r *run) stopOne(n *node, d time.Duration) {
	began := time.Now()
	returned, err := r.call(context.Background(), d, n.svc.Stop)
	n.stopErr, n.left = err, !returned
	r.m.log.Info("stopped", "module", n.name, "duration_ms", float64(time.Since(began).Microseconds())/1000, "in_order", err == nil)
}
