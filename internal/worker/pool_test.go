package worker_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/testkit/tone"
	"github.com/orotund/orotund/internal/worker"
)

func startPool(t *testing.T, spec worker.Spec, cfg worker.PoolConfig) *worker.Pool {
	t.Helper()
	if cfg.Probe == nil {
		cfg.Probe = probe
	}
	p := worker.NewPool(spec, cfg, quiet())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Stop(ctx)
	})
	_ = p.Start(t.Context())
	return p
}

func acquire(t *testing.T, p *worker.Pool) *worker.Lease {
	t.Helper()
	l, err := p.Acquire(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func synthesize(ctx context.Context, l *worker.Lease, voice, text string) (grpc.ServerStreamingClient[enginev1.SynthesizeResponse], error) {
	return enginev1.NewEngineClient(l.Conn()).Synthesize(ctx, &enginev1.SynthesizeRequest{Text: text, Voice: voice})
}

func TestPoolLendsSlotsInOrder(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 1, Max: 1, Queue: 10})
	first := acquire(t, p)
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			l, err := p.Acquire(t.Context(), "")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			l.Release(true)
			l.Release(true) // the second time does nothing
		})
		eventually(t, "it waits", func() bool { return p.Stats().Queued == i+1 })
	}
	first.Release(true)
	wg.Wait()
	for i := range order {
		if order[i] != i {
			t.Fatalf("served out of order: %v", order)
		}
	}
	if s := p.Stats(); s.Busy != 0 || s.Queued != 0 || s.Slots != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestPoolBoundsItsQueue(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 1, Max: 1, Queue: 1, Wait: 50 * time.Millisecond})
	defer acquire(t, p).Release(true)
	waits := make(chan error)
	go func() {
		_, err := p.Acquire(t.Context(), "")
		waits <- err
	}()
	eventually(t, "one waits", func() bool { return p.Stats().Queued == 1 })
	if _, err := p.Acquire(t.Context(), ""); !fault.Is(err, fault.Exhausted) || fault.From(err).RetryAfter == 0 {
		t.Fatalf("a full queue: %v", err)
	}
	if err := <-waits; !fault.Is(err, fault.Unavailable) {
		t.Fatalf("a wait that was too long: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := p.Acquire(ctx, "")
		waits <- err
	}()
	eventually(t, "one waits", func() bool { return p.Stats().Queued == 1 })
	cancel()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if s := p.Stats(); s.Queued != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestPoolLaunchesOnDemand(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 0, Max: 2, Queue: 10})
	if s := p.Stats(); s.Workers != 0 {
		t.Fatalf("%+v", s)
	}
	a, b := acquire(t, p), acquire(t, p)
	if a.Process() == b.Process() {
		t.Fatal("two calls in a worker with one slot")
	}
	a.Release(true)
	b.Release(true)
	if s := p.Stats(); s.Workers != 2 || s.Ready != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestPoolPrefersTheLikeAndTheIdle(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 2, Max: 2, Slots: 4, Queue: 10})
	eventually(t, "both run", func() bool { return p.Stats().Ready == 2 })
	a, _ := p.Acquire(t.Context(), "x")
	b, _ := p.Acquire(t.Context(), "y")
	c, _ := p.Acquire(t.Context(), "x")
	if a.Process() == b.Process() || a.Process() != c.Process() {
		t.Fatal("affinity was not kept")
	}
	for _, l := range []*worker.Lease{a, b, c} {
		l.Release(true)
	}
}

func TestPoolHealsAfterKill(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 1, Max: 1, Queue: 10, Limits: worker.Limits{BackoffMin: time.Millisecond}})
	for range 5 {
		l := acquire(t, p)
		_ = syscall.Kill(l.Process().Pid(), syscall.SIGKILL)
		<-l.Process().Done()
		if s := l.Process().ExitStatus(); s != "signal: killed" {
			t.Fatal(s)
		}
		l.Release(true) // to a worker that is no more
	}
	acquire(t, p).Release(true)
	eventually(t, "one worker with one slot", func() bool { s := p.Stats(); return s.Restarts == 5 && s.Slots == 1 && s.Busy == 0 })
}

func TestPoolSaysWhyNothingStarts(t *testing.T) {
	p := worker.NewPool(bad("dies"), worker.PoolConfig{Min: 2, Max: 2, Probe: probe, Limits: worker.Limits{BackoffMin: time.Millisecond}}, quiet())
	defer p.Stop(t.Context())
	if err := p.Start(t.Context()); err == nil {
		t.Fatal("it started")
	}
	_, err := p.Acquire(t.Context(), "")
	if f := fault.From(err); f.Kind != fault.Unavailable || f.Code != "worker_unavailable" {
		t.Fatal(err)
	}
	if p.Stats().Err == nil {
		t.Fatal("no reason in the statistics")
	}
}

func TestPoolNotInstalled(t *testing.T) {
	p := startPool(t, worker.Spec{Name: "x", Command: []string{"orotund-worker-nowhere"}}, worker.PoolConfig{Min: 1, Max: 1})
	if _, err := p.Acquire(t.Context(), ""); fault.From(err).Code != "worker_not_installed" {
		t.Fatal(err)
	}
}

func TestPoolKillsTheHung(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 1, Max: 1, Queue: 10, Limits: worker.Limits{
		BackoffMin: time.Millisecond, HealthInterval: 20 * time.Millisecond, HealthTimeout: 50 * time.Millisecond, HealthFailures: 2}})
	l := acquire(t, p)
	pid := l.Process().Pid()
	l.Release(true)
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	eventually(t, "it was killed and replaced", func() bool {
		pids := p.Pids()
		return p.Stats().Restarts >= 1 && len(pids) == 1 && pids[0] != pid
	})
}

// TestPoolWaitsForCancelledCalls: a slot is lent again only when the worker has left the call that was cut off.
func TestPoolWaitsForCancelledCalls(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 1, Max: 1, Queue: 10})
	for range 20 {
		l := acquire(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		st, err := synthesize(ctx, l, tone.Paced, "a text that takes a while to say")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := st.Recv(); err != nil {
				t.Fatalf("the worker was still in the call before: %v", err)
			}
		}
		cancel()
		l.Release(false)
	}
	if s := p.Stats(); s.Restarts != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestPoolKillsTheDeaf(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 1, Max: 1, Queue: 10, Limits: worker.Limits{
		BackoffMin: time.Millisecond, CancelGrace: 50 * time.Millisecond}})
	l := acquire(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	st, err := synthesize(ctx, l, tone.Deaf, string(make([]byte, 1000)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Recv(); err != nil {
		t.Fatal(err)
	}
	cancel()
	l.Release(false)
	acquire(t, p).Release(true)
	if s := p.Stats(); s.Restarts != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestPoolStopEndsEverything(t *testing.T) {
	p := startPool(t, spec(), worker.PoolConfig{Min: 2, Max: 2, Queue: 10})
	l := acquire(t, p)
	st, err := synthesize(t.Context(), l, tone.Paced, "a text that takes a while to say")
	if err != nil {
		t.Fatal(err)
	}
	pids := p.Pids()
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = st.Recv()
	}
	if errors.Is(err, io.EOF) {
		t.Fatal("the call ended well")
	}
	l.Release(false)
	for _, pid := range pids {
		if syscall.Kill(pid, 0) != syscall.ESRCH {
			t.Fatalf("worker %d is still there", pid)
		}
	}
	if _, err := p.Acquire(t.Context(), ""); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
}
