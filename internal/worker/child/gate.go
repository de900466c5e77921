package child

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// leaveTime is how long Enter waits for a call that has been cancelled to go.
const leaveTime = time.Second

// Gate lets a bounded number of calls into an engine at once and refuses the others.
type Gate struct {
	most int

	mu     sync.Mutex
	inside map[*visit]struct{}
}

// visit is one call inside; gone is closed when it leaves.
type visit struct {
	ctx  context.Context
	gone chan struct{}
}

// NewGate returns a gate for most calls at once, at least 1.
func NewGate(most int) *Gate {
	return &Gate{most: max(most, 1), inside: make(map[*visit]struct{})}
}

// Enter lets a call with context ctx in, or returns RESOURCE_EXHAUSTED. The caller must call leave once. A call that was
// cancelled but has not left yet is waited for, at most a second: to its client the engine is free.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	limit := time.NewTimer(leaveTime)
	defer limit.Stop()
	for {
		mine, leaving := g.tryEnter(ctx)
		if mine != nil {
			return func() { g.leave(mine) }, nil
		}
		if leaving == nil {
			return nil, status.Errorf(codes.ResourceExhausted, "the engine speaks %d at once, and that many are spoken", g.most)
		}
		select {
		case <-leaving:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-limit.C:
			return nil, status.Error(codes.ResourceExhausted, "the engine has not yet let go of a cancelled call")
		}
	}
}

// Active returns how many calls are inside.
func (g *Gate) Active() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.inside)
}

// tryEnter returns the visit if there is room, else when a cancelled visit leaves, else nil.
func (g *Gate) tryEnter(ctx context.Context) (mine *visit, leaving <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.inside) < g.most {
		mine = &visit{ctx: ctx, gone: make(chan struct{})}
		g.inside[mine] = struct{}{}
		return mine, nil
	}
	for v := range g.inside {
		if v.ctx.Err() != nil {
			return nil, v.gone
		}
	}
	return nil, nil
}

func (g *Gate) leave(v *visit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.inside, v)
	close(v.gone)
}
