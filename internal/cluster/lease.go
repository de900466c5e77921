package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/orotund/orotund/internal/fault"
)

// lease is a Lease whose goroutine renews it three times in its life.
type lease struct {
	store  *kv
	id     clientv3.LeaseID
	ttl    time.Duration
	cancel context.CancelFunc
	done   chan struct{} // closed when the renewing has ended
	lost   chan struct{}

	mu       sync.Mutex
	released bool
}

var (
	_ Lease   = (*lease)(nil)
	_ stopper = (*lease)(nil)
)

// Grant implements Store.
func (s *kv) Grant(ctx context.Context, ttl time.Duration) (_ Lease, err error) {
	if ttl < MinLease || ttl > MaxLease {
		return nil, fault.InvalidField("ttl", "is %s; %s to %s are allowed", ttl, MinLease, MaxLease)
	}
	ctx, c, err := s.begin(ctx, "grant")
	if err != nil {
		return nil, err
	}
	defer func() { c.end(err) }()
	asked := time.Now()
	resp, err := s.client.Grant(ctx, int64((ttl+time.Second-1)/time.Second))
	if err != nil {
		return nil, writeFault(err)
	}
	life, cancel := context.WithCancel(context.Background())
	l := &lease{
		store: s, id: resp.ID, ttl: time.Duration(resp.TTL) * time.Second, cancel: cancel,
		done: make(chan struct{}), lost: make(chan struct{}),
	}
	if err := s.own(l); err != nil {
		cancel()
		return nil, err
	}
	go l.renew(life, asked)
	return l, nil
}

// renew keeps the lease alive until it is stopped, gone, or not shown to live for its whole time. The time counts from before the
// last request that succeeded, so it is never counted longer than by the server.
func (l *lease) renew(life context.Context, alive time.Time) {
	defer close(l.done)
	defer l.store.disown(l)
	defer close(l.lost)
	defer l.cancel()
	wait := time.NewTimer(l.ttl / 3)
	defer wait.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-wait.C:
		}
		asked := time.Now()
		left := l.ttl - asked.Sub(alive)
		if left <= 0 {
			return
		}
		ctx, cancel := context.WithTimeout(life, min(left, l.store.timeout))
		_, err := l.store.client.KeepAliveOnce(ctx, l.id)
		cancel()
		switch {
		case err == nil:
			alive = asked
			wait.Reset(l.ttl / 3)
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			return
		default:
			wait.Reset(min(l.ttl/10, time.Second))
		}
	}
}

// ID implements Lease.
func (l *lease) ID() LeaseID { return LeaseID(l.id) }

// Lost implements Lease.
func (l *lease) Lost() <-chan struct{} { return l.lost }

// Release implements Lease.
func (l *lease) Release(ctx context.Context) (err error) {
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return nil
	}
	ctx, c, err := l.store.begin(ctx, "release")
	if err != nil {
		return err
	}
	defer func() { c.end(err) }()
	if _, err := l.store.client.Revoke(ctx, l.id); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return writeFault(err)
	}
	l.released = true
	return nil
}

func (l *lease) stop() {
	l.cancel()
	<-l.done
}
