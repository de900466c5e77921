package worker

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// Lease is a slot in a worker for one call.
type Lease struct {
	pool *Pool
	in   *instance
	proc *Process
	once sync.Once
}

// Conn is the connection to the worker.
func (l *Lease) Conn() *grpc.ClientConn { return l.proc.Conn() }

// Process is the worker.
func (l *Lease) Process() *Process { return l.proc }

// Release gives the slot back. Finished tells that the worker itself ended the call; if it was cut off from here, the slot is
// lent again only when the worker says that it has left the call, and a worker that does not within the cancel grace is killed.
func (l *Lease) Release(finished bool) {
	l.once.Do(func() {
		if finished {
			l.free()
			return
		}
		if l.proc.ended() {
			l.free()
			return
		}
		l.pool.mu.Lock()
		defer l.pool.mu.Unlock()
		if l.pool.stopped {
			return // its workers end with it
		}
		l.pool.wg.Go(func() {
			l.awaitLeft()
			l.free()
		})
	})
}

// awaitLeft polls the worker's health until it runs fewer calls than slots are lent, which means that the cancelled one has gone.
func (l *Lease) awaitLeft() {
	p := l.pool
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.Limits.CancelGrace)
	defer cancel()
	for delay := time.Millisecond; ; delay = min(2*delay, 20*time.Millisecond) {
		active, err := p.cfg.Probe(ctx, l.proc.Conn())
		if err == nil && active < p.lent(l.in, l.proc) {
			return
		}
		select {
		case <-ctx.Done():
			if p.ctx.Err() == nil {
				p.log.Warn("worker did not leave a cancelled call; killed", "pid", l.proc.Pid(), "grace", p.cfg.Limits.CancelGrace)
				l.proc.Kill()
				<-l.proc.Done()
			}
			return
		case <-l.proc.Done():
			return
		case <-time.After(delay):
		}
	}
}

// lent counts the slots of a worker that are lent.
func (p *Pool) lent(in *instance, proc *Process) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in.proc != proc {
		return p.cfg.Slots + 1
	}
	return p.cfg.Slots - in.free
}

func (l *Lease) free() {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.in.proc != l.proc {
		return // the worker has died meanwhile; its successor has slots of its own
	}
	l.in.free++
	p.grantWaiting()
}
