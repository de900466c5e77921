package worker

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/orotund/orotund/internal/fault"
)

// PoolConfig says how many workers of a kind to keep, and how.
type PoolConfig struct {
	Min    int // workers started by Start; 0: the first call starts one
	Max    int // workers at most; at least 1
	Slots  int // calls at once in one worker; at least 1
	Queue  int // calls that wait for a slot; at least 1; one more is refused
	Wait   time.Duration
	Limits Limits
	// Init is called on each new worker before it gets work; an error counts as a failed start. May be nil.
	Init func(ctx context.Context, conn *grpc.ClientConn) error
	// Probe is the health check. Required.
	Probe Probe
}

// Pool keeps workers of one kind alive and hands their slots to calls, first come, first served.
type Pool struct {
	spec Spec
	cfg  PoolConfig
	log  *slog.Logger

	ctx    context.Context // ends when the pool stops
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	instances []*instance
	waiters   list.List // of *waiter
	stopped   bool
	restarts  int64
	missing   bool          // the program is not there, and that has been logged
	changed   chan struct{} // closed and replaced at each change of an instance's state
}

type waiter struct {
	affinity string
	got      chan grant // buffered 1
}

type grant struct {
	lease *Lease
	err   error
}

// NewPool returns a pool that has not been started.
func NewPool(spec Spec, cfg PoolConfig, log *slog.Logger) *Pool {
	cfg.Max = max(cfg.Max, cfg.Min, 1)
	cfg.Slots = max(cfg.Slots, 1)
	cfg.Queue = max(cfg.Queue, 1)
	if cfg.Wait <= 0 {
		cfg.Wait = 30 * time.Second
	}
	cfg.Limits = cfg.Limits.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	return &Pool{spec: spec, cfg: cfg, log: log.With("worker", spec.Name), ctx: ctx, cancel: cancel, changed: make(chan struct{})}
}

// Start launches the first workers. It returns when one is ready or the first attempt of all has failed; the error then says why,
// and the pool goes on trying until Stop.
func (p *Pool) Start(ctx context.Context) error {
	p.mu.Lock()
	for len(p.instances) < p.cfg.Min && !p.stopped {
		p.launch()
	}
	p.mu.Unlock()
	return p.WaitReady(ctx)
}

// WaitReady returns nil as soon as one worker is ready, and an error when none is and every one has failed its last start.
func (p *Pool) WaitReady(ctx context.Context) error {
	for {
		p.mu.Lock()
		ready, err := p.state()
		changed := p.changed
		n := len(p.instances)
		p.mu.Unlock()
		if ready > 0 || n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// state counts the ready workers, and returns the last start's error if all have failed. The caller holds mu.
func (p *Pool) state() (ready int, err error) {
	failed := 0
	for _, in := range p.instances {
		if in.proc != nil {
			ready++
		}
		if in.startErr != nil {
			failed++
			err = in.startErr
		}
	}
	if failed == 0 || failed < len(p.instances) {
		return ready, nil
	}
	return ready, err
}

// Acquire takes a slot for one call, waiting in line for at most cfg.Wait. Affinity, if not empty, prefers a worker that last
// served the same (a voice, say). Errors are *fault.Error: Exhausted when the line is full, Unavailable when no worker can be
// started or none became free in time.
func (p *Pool) Acquire(ctx context.Context, affinity string) (*Lease, error) {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return nil, p.unavailable(errors.New("stopped"), 0)
	}
	if l := p.take(affinity); l != nil {
		p.mu.Unlock()
		return l, nil
	}
	if p.allBusy() && len(p.instances) < p.cfg.Max {
		p.launch()
	}
	if ready, err := p.state(); err != nil && ready == 0 {
		p.mu.Unlock()
		return nil, p.unavailable(err, p.cfg.Limits.BackoffMax)
	}
	if p.waiters.Len() >= p.cfg.Queue {
		p.mu.Unlock()
		return nil, fault.New(fault.Exhausted, "too many segments wait for engine %s (limit %d)", p.spec.Name, p.cfg.Queue).
			WithCode("queue_full").WithRetryAfter(time.Second)
	}
	w := &waiter{affinity: affinity, got: make(chan grant, 1)}
	el := p.waiters.PushBack(w)
	p.mu.Unlock()
	return p.await(ctx, el, w)
}

func (p *Pool) await(ctx context.Context, el *list.Element, w *waiter) (*Lease, error) {
	t := time.NewTimer(p.cfg.Wait)
	defer t.Stop()
	var err error
	select {
	case g := <-w.got:
		return g.lease, g.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-t.C:
		err = p.unavailable(errors.New("no worker became free"), time.Second)
	}
	p.mu.Lock()
	p.waiters.Remove(el) // no effect if it was granted meanwhile
	p.mu.Unlock()
	select {
	case g := <-w.got: // granted in the same instant: give it back
		if g.lease != nil {
			g.lease.Release(true)
		}
	default:
	}
	return nil, err
}

func (p *Pool) unavailable(cause error, retry time.Duration) error {
	var ni *NotInstalledError
	if errors.As(cause, &ni) {
		return fault.New(fault.Unavailable, "%s is not installed; `orotund doctor` says how to mend it", p.spec.Name).
			WithCode("worker_not_installed").WithCause(cause)
	}
	return fault.New(fault.Unavailable, "%s is not available at the moment", p.spec.Name).
		WithCode("worker_unavailable").WithCause(cause).WithRetryAfter(retry)
}

// take finds a free slot. The caller holds mu.
func (p *Pool) take(affinity string) *Lease {
	var best *instance
	for _, in := range p.instances {
		if in.proc == nil || in.free == 0 || in.proc.ended() {
			continue
		}
		if best == nil || prefer(in, best, affinity) {
			best = in
		}
	}
	if best == nil {
		return nil
	}
	best.free--
	best.affinity = affinity
	return &Lease{pool: p, in: best, proc: best.proc}
}

// prefer tells whether a is better for a call than b: it served the like last, or it has more free slots.
func prefer(a, b *instance, affinity string) bool {
	if (a.affinity == affinity) != (b.affinity == affinity) {
		return a.affinity == affinity
	}
	return a.free > b.free
}

// allBusy tells whether no worker is just starting. The caller holds mu.
func (p *Pool) allBusy() bool {
	for _, in := range p.instances {
		if in.proc == nil {
			return false
		}
	}
	return true
}

// grantWaiting hands free slots to those in line, or an error to all if nothing can be expected. The caller holds mu.
func (p *Pool) grantWaiting() {
	for p.waiters.Len() > 0 {
		el := p.waiters.Front()
		w := el.Value.(*waiter)
		if l := p.take(w.affinity); l != nil {
			p.waiters.Remove(el)
			w.got <- grant{lease: l}
			continue
		}
		ready, err := p.state()
		if !p.stopped && (ready > 0 || err == nil) {
			return
		}
		if p.stopped {
			err = errors.New("stopped")
		}
		p.waiters.Remove(el)
		w.got <- grant{err: p.unavailable(err, p.cfg.Limits.BackoffMax)}
	}
}

// notify wakes WaitReady. The caller holds mu.
func (p *Pool) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Stop refuses new calls, ends the workers (killing those that do not end in time) and waits for them.
func (p *Pool) Stop(ctx context.Context) error {
	p.mu.Lock()
	p.stopped = true
	p.grantWaiting()
	p.mu.Unlock()
	p.cancel()
	done := make(chan struct{})
	go func() { p.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	for _, in := range p.instances {
		if in.proc != nil {
			in.proc.Kill()
		}
	}
	p.mu.Unlock()
	<-done
	return nil
}

// Stats is a snapshot for metrics and readiness.
type Stats struct {
	Workers  int   // launched
	Ready    int   // of them
	Busy     int   // slots in use, also by cancelled calls that have not left yet
	Slots    int   // slots of the ready workers
	Queued   int   // calls in line
	Restarts int64 // since the start of the pool
	Err      error // why no worker can be started; nil otherwise
}

// Stats returns a snapshot.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Workers: len(p.instances), Queued: p.waiters.Len(), Restarts: p.restarts}
	for _, in := range p.instances {
		if in.proc != nil {
			s.Ready++
			s.Slots += p.cfg.Slots
			s.Busy += p.cfg.Slots - in.free
		}
	}
	if ready, err := p.state(); ready == 0 {
		s.Err = err
	}
	return s
}

// Pids lists the process ids of the ready workers.
func (p *Pool) Pids() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pids []int
	for _, in := range p.instances {
		if in.proc != nil {
			pids = append(pids, in.proc.Pid())
		}
	}
	return pids
}
