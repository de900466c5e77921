package cluster

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/orotund/orotund/internal/fault"
)

// kv is the Store over a client of etcd, wherever the server is.
type kv struct {
	prefix   string
	timeout  time.Duration
	progress time.Duration
	tracer   trace.Tracer

	gate   gate
	client *clientv3.Client // set before the gate opens

	mu     sync.Mutex
	closed error                // why nothing may be made any more; nil while it may
	owned  map[stopper]struct{} // watchers and leases whose goroutines run
}

// stopper is something with a goroutine, which ends before the client does.
type stopper interface{ stop() }

var _ Store = (*kv)(nil)

func newKV(cfg Config, tracer trace.Tracer) *kv {
	s := &kv{
		prefix:   cfg.Prefix,
		timeout:  cfg.RequestTimeout,
		progress: cfg.WatchProgress,
		tracer:   tracer,
		owned:    map[stopper]struct{}{},
	}
	s.gate.set(errStopped())
	return s
}

// open lets calls in.
func (s *kv) open(client *clientv3.Client) {
	s.client = client
	s.gate.set(nil)
}

// fail answers every call with reason from now on, and ends all watchers and leases. Calls in flight come to their own end.
func (s *kv) fail(reason error) {
	s.gate.set(reason)
	s.release(reason)
}

// release ends all watchers and leases, and lets no more be made.
func (s *kv) release(reason error) {
	s.mu.Lock()
	if s.closed == nil {
		s.closed = reason
	}
	owned := make([]stopper, 0, len(s.owned))
	for o := range s.owned {
		owned = append(owned, o)
	}
	s.mu.Unlock()
	for _, o := range owned {
		o.stop()
	}
}

// close refuses new calls, waits for those in flight while ctx lasts, and ends all watchers and leases; the leases' keys stay until
// their time is up. The client is closed, in any case, before close returns.
func (s *kv) close(ctx context.Context) error {
	s.release(errStopped())
	err := s.gate.shut(ctx, errStopped())
	if s.client != nil {
		// The client's own context is over by then, which is all that Close can report.
		_ = s.client.Close()
	}
	return err
}

// own registers o, or says why nothing may be made any more.
func (s *kv) own(o stopper) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.owned[o] = struct{}{}
	}
	return s.closed
}

// closedFor is why the store has ended; nil if it has not.
func (s *kv) closedFor() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *kv) disown(o stopper) {
	s.mu.Lock()
	delete(s.owned, o)
	s.mu.Unlock()
}

// call is one call of the store: its bounded context, its place in the gate and its span.
type call struct {
	store  *kv
	cancel context.CancelFunc
	span   trace.Span
}

// begin opens a call; an error means that nothing was sent.
func (s *kv) begin(ctx context.Context, op string) (context.Context, *call, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fault.From(err)
	}
	if err := s.gate.enter(); err != nil {
		return nil, nil, err
	}
	ctx, span := s.tracer.Start(ctx, "state."+op, trace.WithSpanKind(trace.SpanKindClient))
	if span.IsRecording() {
		span.SetAttributes(attribute.String("db.system.name", "etcd"), attribute.String("db.operation.name", op))
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	return ctx, &call{store: s, cancel: cancel, span: span}, nil
}

// end closes the call. A failed condition is an answer, not an error of the span.
func (c *call) end(err error) {
	if err != nil && !hasCode(err, CodeCondition) && !fault.Is(err, fault.NotFound) {
		c.span.SetStatus(codes.Error, string(fault.From(err).Kind))
	}
	c.span.End()
	c.cancel()
	c.store.gate.leave()
}

// Get implements Store.
func (s *kv) Get(ctx context.Context, key string) (e Entry, err error) {
	if err := ValidateKey(key); err != nil {
		return Entry{}, err
	}
	ctx, c, err := s.begin(ctx, "get")
	if err != nil {
		return Entry{}, err
	}
	defer func() { c.end(err) }()
	resp, err := s.client.Get(ctx, s.prefix+key)
	if err != nil {
		return Entry{}, readFault(err)
	}
	if len(resp.Kvs) == 0 {
		return Entry{}, fault.New(fault.NotFound, "there is no such entry")
	}
	return s.entry(resp.Kvs[0]), nil
}

// Commit implements Store.
func (s *kv) Commit(ctx context.Context, t Txn) (rev Revision, err error) {
	if err := t.validate(); err != nil {
		return 0, err
	}
	conditions, ops := t.lower(s.prefix)
	ctx, c, err := s.begin(ctx, "commit")
	if err != nil {
		return 0, err
	}
	defer func() { c.end(err) }()
	resp, err := s.client.Txn(ctx).If(conditions...).Then(ops...).Commit()
	if err != nil {
		return 0, writeFault(err)
	}
	if !resp.Succeeded {
		return 0, fault.New(fault.Conflict, "the entry was changed meanwhile").WithCode(CodeCondition)
	}
	return Revision(resp.Header.Revision), nil
}
