package cluster

import (
	"context"
	"time"
)

// Revision numbers the states of the whole store: every transaction that writes makes the next one. It starts at 1 and never falls.
type Revision int64

// LeaseID names a lease; 0 is none.
type LeaseID int64

// Limits of the store. They fit into the defaults of an external etcd.
const (
	MaxKeyBytes   = 512     // of a key, without the prefix that Config.Prefix adds
	MaxValueBytes = 1 << 20 // of one value
	MaxTxnBytes   = 5 << 18 // of all keys and values of one transaction (1.25 MiB)
	MaxTxnOps     = 100     // puts and deletes of one transaction; as many conditions again
	DefaultLimit  = 100     // entries of a page if ListQuery.Limit is 0
	MaxLimit      = 1000    // entries of a page
	pageBytes     = 4 << 20 // a page that holds this much ends early, with More set
	MinLease      = time.Second
	MaxLease      = time.Hour
)

// Store is the replicated store. All methods may be called from many goroutines; each is bounded by its context and by
// Config.RequestTimeout. Errors are *fault.Error; errors.go lists their codes.
type Store interface {
	// Get returns the entry of a key, as of now: it sees every write that was acknowledged before the call. An absent key is
	// fault.NotFound.
	Get(ctx context.Context, key string) (Entry, error)

	// List returns entries by key, in the order of their bytes.
	List(ctx context.Context, q ListQuery) (Page, error)

	// Commit applies a transaction whole and returns the revision that it made, or applies nothing: if a condition does not hold the
	// error is fault.Conflict with CodeCondition. For any error, OutcomeUnknown tells whether the write may have happened.
	Commit(ctx context.Context, t Txn) (Revision, error)

	// Watch reports changes from a revision on. The context bounds the opening only; the caller must Close the watcher.
	Watch(ctx context.Context, q WatchQuery) (Watcher, error)

	// Grant makes a lease and keeps it alive until Release. ttl is how long its keys outlive this process if it dies: MinLease to
	// MaxLease, rounded up to whole seconds. The context bounds the granting only.
	Grant(ctx context.Context, ttl time.Duration) (Lease, error)
}

// Entry is a key and what is kept under it. Value must not be changed: others may hold the same bytes.
type Entry struct {
	Key      string
	Value    []byte   // empty for ListQuery.KeysOnly and in events of deletion
	Created  Revision // that made the key, after its last deletion
	Modified Revision // that wrote it last; in an event of deletion, that deleted it
	Lease    LeaseID  // 0: none
}

// ListQuery says what to list.
type ListQuery struct {
	Prefix   string   // of the keys; "" is all of them
	After    string   // only keys after this one (the last of the page before); "": from the start
	Limit    int      // 1 to MaxLimit; 0 is DefaultLimit
	Revision Revision // list the store as it was then, so that pages fit together; 0 is now
	KeysOnly bool     // leave the values out
}

// Page is a part of a list.
type Page struct {
	Entries  []Entry
	Revision Revision // the state that was listed: the Revision of the next page, and a watch from Revision+1 misses nothing
	More     bool     // there are keys after the last one; a page may be shorter than its limit
}

// Txn is a transaction: if all conditions hold, all puts and deletes happen at once. It writes each key once at most.
type Txn struct {
	If      []Condition
	Puts    []Put
	Deletes []string // keys; one that is absent is no error
}

// Put sets a key.
type Put struct {
	Key   string
	Value []byte  // at most MaxValueBytes
	Lease LeaseID // the key goes when this lease ends; 0: never
}

// Condition is what must hold for a transaction to happen. Make one with Absent, Present or Unchanged.
type Condition struct {
	key      string
	kind     conditionKind
	revision Revision
}

type conditionKind int

const (
	isAbsent conditionKind = iota + 1
	isPresent
	isUnchanged
)

// Absent holds if the key does not exist.
func Absent(key string) Condition { return Condition{key: key, kind: isAbsent} }

// Present holds if the key exists.
func Present(key string) Condition { return Condition{key: key, kind: isPresent} }

// Unchanged holds if the key exists and was last written at this revision (Entry.Modified).
func Unchanged(key string, at Revision) Condition {
	return Condition{key: key, kind: isUnchanged, revision: at}
}

// WatchQuery says what to watch: one key, or the keys with a prefix.
type WatchQuery struct {
	Key    string   // exactly this one; Prefix must then be empty
	Prefix string   // if Key is empty; "" is all keys
	From   Revision // the first revision to report; 0: what comes after Watch has returned
}

// Watcher gives changes in order, each once. One goroutine reads it.
type Watcher interface {
	// Next waits for the next change. After an error other than the context's the watcher is over. CodeCompacted: the history back
	// to the asked revision is gone; list, and watch from Page.Revision+1. CodeLagged: the reader was too slow; watch again from
	// the last Change.Revision+1.
	Next(ctx context.Context) (Change, error)
	// Close ends the watch and frees what it holds. It may be called more than once, and while Next waits.
	Close()
}

// Change is what one or more transactions did to the watched keys.
type Change struct {
	Events   []Event  // in order; empty: no event, only progress
	Revision Revision // everything up to and with this revision has been reported: resume from Revision+1
}

// Event is a change of one key.
type Event struct {
	Deleted bool // by a transaction or by the end of its lease; otherwise put
	Entry   Entry
}

// Lease ties keys to the life of this process.
type Lease interface {
	// ID is for Put.Lease.
	ID() LeaseID
	// Lost is closed when the lease has ended or can no longer be shown to live: its keys must be taken for gone, and work that
	// they guard must stop.
	Lost() <-chan struct{}
	// Release ends the lease and deletes its keys. It may be called more than once.
	Release(ctx context.Context) error
}
