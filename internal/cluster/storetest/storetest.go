// Package storetest is what every cluster.Store must pass, whatever keeps it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/fault"
)

// patience bounds what a test waits for; a right store never makes it wait so long.
const patience = 30 * time.Second

// Harness is a running store and what the suite does behind its back.
type Harness struct {
	Store cluster.Store
	// Compact forgets the history before a revision.
	Compact func(ctx context.Context, before cluster.Revision) error
	// Revoke ends a lease as if its time were up.
	Revoke func(ctx context.Context, id cluster.LeaseID) error
}

// suite gives every test keys of its own in the one store.
type suite struct {
	Harness
	root string
}

var runs atomic.Int64

// Run runs the suite. The store may be shared with other runs; Config.WatchProgress should be short.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"read what was written", testRoundTrip},
		{"conditions", testConditions},
		{"all or nothing", testAtomic},
		{"refused transactions", testRefused},
		{"largest transaction", testLargest},
		{"increments of many", testIncrements},
		{"claims of many", testClaims},
		{"list by pages", testPages},
		{"list stays at its revision", testListRevision},
		{"list of large values", testLargePages},
		{"refused queries", testRefusedQueries},
		{"watch from a revision", testWatchFrom},
		{"watch from now", testWatchNow},
		{"watch one key", testWatchKey},
		{"watch progress", testWatchProgress},
		{"watch of compacted history", testWatchCompacted},
		{"watch read too slowly", testWatchLagged},
		{"watch closed", testWatchClosed},
		{"lease keeps its keys", testLeaseKeeps},
		{"lease released", testLeaseReleased},
		{"lease lost", testLeaseLost},
		{"contexts that ended", testContexts},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, &suite{Harness: h, root: fmt.Sprintf("test/%d/", runs.Add(1))})
		})
	}
}

func (s *suite) key(name string) string { return s.root + name }

func (s *suite) ctx(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func (s *suite) commit(t *testing.T, txn cluster.Txn) cluster.Revision {
	t.Helper()
	rev, err := s.Store.Commit(s.ctx(t), txn)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return rev
}

func (s *suite) put(t *testing.T, name, value string) cluster.Revision {
	t.Helper()
	return s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key(name), Value: []byte(value)}}})
}

func (s *suite) get(t *testing.T, name string) cluster.Entry {
	t.Helper()
	e, err := s.Store.Get(s.ctx(t), s.key(name))
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return e
}

func (s *suite) absent(t *testing.T, name string) {
	t.Helper()
	if _, err := s.Store.Get(s.ctx(t), s.key(name)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("get %s: %v, want not found", name, err)
	}
}

// wantFault checks an error's kind and code ("" is any), and that it is a *fault.Error.
func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no fault", err, err)
	}
	if e.Kind != kind || code != "" && e.Code != code {
		t.Fatalf("error is %s %q (%v), want %s %q", e.Kind, e.Code, err, kind, code)
	}
	if e.Message == "" {
		t.Fatalf("error without a message: %v", err)
	}
}
