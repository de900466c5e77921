package cluster

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/orotund/orotund/internal/fault"
)

// Bounds of what a watcher keeps for a reader that is slower than the store.
const (
	maxPendingEvents = 10_000
	maxPendingBytes  = 16 << 20
)

func (q WatchQuery) validate() error {
	if q.From < 0 {
		return fault.InvalidField("from", "must not be negative")
	}
	if q.Key == "" {
		return ValidatePrefix(q.Prefix)
	}
	if q.Prefix != "" {
		return fault.InvalidField("prefix", "cannot be set together with key")
	}
	return ValidateKey(q.Key)
}

// watcher takes what etcd's client gives, at once, because that client buffers without bound, and keeps it within bounds.
type watcher struct {
	store  *kv
	cancel context.CancelFunc
	done   chan struct{} // closed when the pump has ended
	upTo   Revision      // reported so far; the pump's own

	mu      sync.Mutex
	pending []Change
	events  int
	bytes   int
	err     error         // why there will be no more; set once
	signal  chan struct{} // has room for one: something is pending, or err is set
}

var (
	_ Watcher = (*watcher)(nil)
	_ stopper = (*watcher)(nil)
)

// Watch implements Store.
func (s *kv) Watch(ctx context.Context, q WatchQuery) (_ Watcher, err error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	ctx, c, err := s.begin(ctx, "watch")
	if err != nil {
		return nil, err
	}
	defer func() { c.end(err) }()
	// The watch outlives the call. It must end rather than hang when its server has lost the others.
	life, cancel := context.WithCancel(clientv3.WithRequireLeader(context.Background()))
	w := &watcher{store: s, cancel: cancel, done: make(chan struct{}), signal: make(chan struct{}, 1)}
	if err := s.own(w); err != nil {
		cancel()
		return nil, err
	}
	opening := context.AfterFunc(ctx, cancel)
	ch := s.client.Watch(life, s.prefix+q.target(), q.options()...)
	var first clientv3.WatchResponse
	if ch != nil {
		// With WithCreatedNotify the first answer comes when the server watches.
		first = <-ch
	}
	if !opening() || !first.Created && first.Err() == nil {
		w.abandon(ch)
		if reason := s.closedFor(); reason != nil {
			return nil, reason
		}
		if cause := ctx.Err(); cause != nil {
			return nil, readFault(cause)
		}
		return nil, fault.New(fault.Unavailable, textDown)
	}
	if err := first.Err(); err != nil {
		w.abandon(ch)
		return nil, readFault(err)
	}
	w.upTo = q.From - 1
	if q.From == 0 {
		w.upTo = Revision(first.Header.Revision)
	}
	go w.pump(life, ch)
	return w, nil
}

func (q WatchQuery) target() string {
	if q.Key != "" {
		return q.Key
	}
	return q.Prefix
}

func (q WatchQuery) options() []clientv3.OpOption {
	// Large changes come in parts, which the client joins: one message would be bounded by gRPC's limit.
	opts := []clientv3.OpOption{clientv3.WithRev(int64(q.From)), clientv3.WithCreatedNotify(), clientv3.WithFragment()}
	if q.Key == "" {
		opts = append(opts, clientv3.WithPrefix())
	}
	return opts
}

// abandon ends a watch that never opened.
func (w *watcher) abandon(ch clientv3.WatchChan) {
	w.cancel()
	drain(ch)
	w.store.disown(w)
	close(w.done)
}

// drain waits until the client has let go of a watch.
func drain(ch clientv3.WatchChan) {
	if ch == nil {
		return
	}
	for range ch {
	}
}

// pump moves changes from the client to pending until the watch ends, and asks for progress. It owns ch.
func (w *watcher) pump(life context.Context, ch clientv3.WatchChan) {
	defer close(w.done)
	defer w.store.disown(w)
	defer drain(ch)
	defer w.cancel()
	tick := time.NewTicker(w.store.progress)
	defer tick.Stop()
	for {
		select {
		case resp, ok := <-ch:
			if !ok {
				w.fail()
				return
			}
			if !w.take(&resp) {
				return
			}
		case <-tick.C:
			// Progress is a courtesy, and a request that cannot be sent means that the watch is being resumed or ends.
			ask, cancel := context.WithTimeout(life, w.store.timeout)
			_ = w.store.client.RequestProgress(ask)
			cancel()
		}
	}
}

// take queues one answer and tells whether the watch goes on.
func (w *watcher) take(resp *clientv3.WatchResponse) bool {
	if err := resp.Err(); err != nil {
		w.end(readFault(err))
		return false
	}
	if resp.IsProgressNotify() {
		w.upTo = max(w.upTo, Revision(resp.Header.Revision))
		w.queueProgress(w.upTo)
		return true
	}
	change := Change{Events: make([]Event, 0, len(resp.Events))}
	size := 0
	for _, e := range resp.Events {
		// After a broken connection the client may ask for a revision again.
		if Revision(e.Kv.ModRevision) <= w.upTo {
			continue
		}
		change.Events = append(change.Events, Event{Deleted: e.Type == clientv3.EventTypeDelete, Entry: w.store.entry(e.Kv)})
		size += len(e.Kv.Key) + len(e.Kv.Value)
	}
	if len(change.Events) == 0 {
		return true
	}
	// Not the header's revision: while old changes are caught up with, that one is ahead of the events.
	w.upTo = change.Events[len(change.Events)-1].Entry.Modified
	change.Revision = w.upTo
	return w.queue(change, size)
}

func (w *watcher) queue(change Change, size int) bool {
	w.mu.Lock()
	// One change always fits: what etcd gives at once is bounded by it.
	full := len(w.pending) > 0 && (w.events+len(change.Events) > maxPendingEvents || w.bytes+size > maxPendingBytes)
	if !full {
		w.pending = append(w.pending, change)
		w.events += len(change.Events)
		w.bytes += size
	}
	w.mu.Unlock()
	if full {
		w.end(fault.New(fault.Exhausted, "the watch was read more slowly than the store changed").
			WithCode(CodeLagged).WithRetryAfter(time.Second))
		return false
	}
	w.wake()
	return true
}

// queueProgress keeps only the newest progress, so that an idle reader costs nothing.
func (w *watcher) queueProgress(rev Revision) {
	w.mu.Lock()
	if n := len(w.pending); n > 0 && len(w.pending[n-1].Events) == 0 {
		w.pending[n-1].Revision = rev
	} else {
		w.pending = append(w.pending, Change{Revision: rev})
	}
	w.mu.Unlock()
	w.wake()
}

// fail ends the watch after the client has closed its channel without a reason.
func (w *watcher) fail() {
	if reason := w.store.closedFor(); reason != nil {
		w.end(reason)
		return
	}
	// After Close the reason is set already.
	w.end(fault.New(fault.Unavailable, textDown))
}

func (w *watcher) end(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	w.wake()
}

func (w *watcher) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// Next implements Watcher.
func (w *watcher) Next(ctx context.Context) (Change, error) {
	for {
		change, ok, err := w.poll()
		if ok || err != nil {
			return change, err
		}
		select {
		case <-w.signal:
		case <-ctx.Done():
			return Change{}, fault.From(ctx.Err())
		}
	}
}

// poll gives the first pending change; once there is none, the reason for the end.
func (w *watcher) poll() (Change, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) > 0 {
		change := w.pending[0]
		w.pending[0] = Change{}
		w.pending = w.pending[1:]
		w.events -= len(change.Events)
		for _, e := range change.Events {
			w.bytes -= len(w.store.prefix) + len(e.Entry.Key) + len(e.Entry.Value)
		}
		return change, true, nil
	}
	return Change{}, false, w.err
}

// Close implements Watcher.
func (w *watcher) Close() {
	w.end(fault.New(fault.Canceled, "the watch was closed"))
	w.stop()
}

func (w *watcher) stop() {
	w.cancel()
	<-w.done
}
