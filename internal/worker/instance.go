package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// instance is a place for one worker: it keeps a process running in it, one after the other. Fields are guarded by Pool.mu.
type instance struct {
	id       int
	proc     *Process // nil while none is ready
	free     int      // slots
	affinity string
	startErr error // of the last start, if it failed
}

// launch adds an instance. The caller holds mu.
func (p *Pool) launch() {
	in := &instance{id: len(p.instances)}
	p.instances = append(p.instances, in)
	p.wg.Go(func() { p.keep(in) })
}

// keep runs worker after worker until the pool stops.
func (p *Pool) keep(in *instance) {
	lim := p.cfg.Limits
	backoff := lim.BackoffMin
	for {
		began := time.Now()
		proc, err := p.start()
		if p.ctx.Err() != nil {
			if proc != nil {
				p.end(proc)
			}
			return
		}
		if err != nil {
			p.setFailed(in, err)
		} else {
			p.setReady(in, proc, began)
			ended := p.watch(proc)
			p.setGone(in)
			proc.hangUp()
			if p.ctx.Err() != nil {
				p.end(proc)
				return
			}
			p.log.Error("worker ended", "pid", proc.Pid(), "alive_ms", time.Since(began).Milliseconds(), "err", ended)
			if time.Since(began) >= lim.Stable {
				backoff = lim.BackoffMin
			}
		}
		wait := backoff + time.Duration(rand.Int64N(int64(backoff)/4+1)) // jitter: a crashed herd does not return as one
		backoff = min(2*backoff, lim.BackoffMax)
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// start launches a process and runs Init on it.
func (p *Pool) start() (*Process, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.Limits.Handshake)
	defer cancel()
	proc, err := Start(ctx, p.spec, p.cfg.Limits, p.log)
	if err != nil {
		return nil, err
	}
	if p.cfg.Init != nil {
		if err := p.cfg.Init(ctx, proc.Conn()); err != nil {
			proc.Kill()
			<-proc.Done()
			return nil, proc.explain(fmt.Errorf("initialise: %w", err))
		}
	}
	return proc, nil
}

// watch returns when the worker has died, was killed for its health, or the pool stops.
func (p *Pool) watch(proc *Process) error {
	lim := p.cfg.Limits
	tick := time.NewTicker(lim.HealthInterval)
	defer tick.Stop()
	failures := 0
	for {
		select {
		case <-p.ctx.Done():
			return nil
		case <-proc.Done():
			return proc.Err()
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(p.ctx, lim.HealthTimeout)
		_, err := p.cfg.Probe(ctx, proc.Conn())
		cancel()
		if err == nil {
			failures = 0
			continue
		}
		failures++
		if failures < lim.HealthFailures || p.ctx.Err() != nil {
			continue
		}
		proc.Kill()
		<-proc.Done()
		return errors.Join(fmt.Errorf("killed: %d health checks failed running: %w", failures, err), proc.Err())
	}
}

// end stops a process at the pool's end.
func (p *Pool) end(proc *Process) {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Limits.StopGrace+time.Second)
	defer cancel()
	proc.Stop(ctx)
}

func (p *Pool) setReady(in *instance, proc *Process, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in.proc, in.free, in.affinity, in.startErr = proc, p.cfg.Slots, "", nil
	p.log.Info("worker ready", "pid", proc.Pid(), "instance", in.id, "took_ms", time.Since(began).Milliseconds())
	p.notify()
	p.grantWaiting()
}

func (p *Pool) setFailed(in *instance, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ni *NotInstalledError
	missing := errors.As(err, &ni)
	if !missing || !p.missing { // a missing program is said once
		p.log.Error("worker did not start", "instance", in.id, "err", err)
	}
	p.missing = missing
	in.startErr = err
	p.notify()
	p.grantWaiting()
}

func (p *Pool) setGone(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in.proc, in.free = nil, 0
	if !p.stopped {
		p.restarts++
	}
	p.notify()
}
