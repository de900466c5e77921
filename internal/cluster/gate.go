package cluster

import (
	"context"
	"sync"
)

// gate lets calls in and counts those in flight, so that the client is closed when none is left: a write that etcd is asked to drop while it stops
// would end unknown for no need.
type gate struct {
	mu     sync.Mutex
	reason error // why nobody is let in; nil: open
	inside int
	empty  chan struct{} // made by shut when calls are inside; closed by the last of them
}

// enter admits a call, or says why not. The call leaves with leave.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == nil {
		g.inside++
	}
	return g.reason
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// set opens the gate, or shuts it for a reason, without waiting.
func (g *gate) set(reason error) {
	g.mu.Lock()
	g.reason = reason
	g.mu.Unlock()
}

// shut admits nobody from now on and waits until all have left, or the context ends. It is called once.
func (g *gate) shut(ctx context.Context, reason error) error {
	g.mu.Lock()
	g.reason = reason
	var empty chan struct{}
	if g.inside > 0 {
		empty = make(chan struct{})
		g.empty = empty
	}
	g.mu.Unlock()
	if empty == nil {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
