package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/fault"
)

func testRoundTrip(t *testing.T, s *suite) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, value := range [][]byte{nil, {}, []byte("text"), all} {
		before := s.commit(t, cluster.Txn{Deletes: []string{s.key("k")}})
		rev := s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key("k"), Value: value}}})
		if rev <= before {
			t.Fatalf("revision %d does not follow %d", rev, before)
		}
		e := s.get(t, "k")
		if e.Key != s.key("k") || !bytes.Equal(e.Value, value) || e.Created != rev || e.Modified != rev || e.Lease != 0 {
			t.Fatalf("got %+v of revision %d, want %q at %d", e, e.Modified, value, rev)
		}
	}
	created := s.get(t, "k").Created
	rev := s.put(t, "k", "again")
	if e := s.get(t, "k"); e.Created != created || e.Modified != rev {
		t.Fatalf("overwritten entry has created %d, modified %d; want %d, %d", e.Created, e.Modified, created, rev)
	}
	s.commit(t, cluster.Txn{Deletes: []string{s.key("k"), s.key("never")}})
	s.absent(t, "k")
}

func testConditions(t *testing.T, s *suite) {
	rev := s.put(t, "there", "1")
	for _, c := range []struct {
		name string
		cond cluster.Condition
		want bool
	}{
		{"absent key is absent", cluster.Absent(s.key("gone")), true},
		{"present key is absent", cluster.Absent(s.key("there")), false},
		{"present key is present", cluster.Present(s.key("there")), true},
		{"absent key is present", cluster.Present(s.key("gone")), false},
		{"same revision", cluster.Unchanged(s.key("there"), rev), true},
		{"older revision", cluster.Unchanged(s.key("there"), rev-1), false},
		{"revision of an absent key", cluster.Unchanged(s.key("gone"), rev), false},
	} {
		txn := cluster.Txn{If: []cluster.Condition{c.cond}, Puts: []cluster.Put{{Key: s.key("mark"), Value: []byte(c.name)}}}
		_, err := s.Store.Commit(s.ctx(t), txn)
		if c.want && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.want {
			wantFault(t, err, fault.Conflict, cluster.CodeCondition)
			if cluster.OutcomeUnknown(err) {
				t.Errorf("%s: a failed condition is told as unknown", c.name)
			}
			if e := s.get(t, "mark"); string(e.Value) == c.name {
				t.Errorf("%s: was written though the condition failed", c.name)
			}
		}
	}
}

func testAtomic(t *testing.T, s *suite) {
	rev := s.put(t, "pending", "task")
	claim := cluster.Txn{
		If:      []cluster.Condition{cluster.Unchanged(s.key("pending"), rev), cluster.Absent(s.key("claim"))},
		Puts:    []cluster.Put{{Key: s.key("claim"), Value: []byte("me")}, {Key: s.key("log"), Value: []byte("1")}},
		Deletes: []string{s.key("pending")},
	}
	done := s.commit(t, claim)
	s.absent(t, "pending")
	if a, b := s.get(t, "claim"), s.get(t, "log"); a.Modified != done || b.Modified != done {
		t.Fatalf("one transaction made revisions %d and %d, want %d", a.Modified, b.Modified, done)
	}
	_, err := s.Store.Commit(s.ctx(t), claim)
	wantFault(t, err, fault.Conflict, cluster.CodeCondition)
	if e := s.get(t, "log"); e.Modified != done {
		t.Fatal("the refused transaction wrote")
	}
}

func testRefused(t *testing.T, s *suite) {
	put := func(key string) cluster.Put { return cluster.Put{Key: key, Value: []byte("v")} }
	many := make([]cluster.Put, cluster.MaxTxnOps+1)
	for i := range many {
		many[i] = put(s.key(strconv.Itoa(i)))
	}
	conditions := make([]cluster.Condition, cluster.MaxTxnOps+1)
	for i := range conditions {
		conditions[i] = cluster.Absent(s.key(strconv.Itoa(i)))
	}
	big := bytes.Repeat([]byte("x"), cluster.MaxValueBytes+1)
	for _, c := range []struct {
		name string
		txn  cluster.Txn
		kind fault.Kind
	}{
		{"nothing", cluster.Txn{If: []cluster.Condition{cluster.Absent(s.key("a"))}}, fault.Invalid},
		{"empty key", cluster.Txn{Puts: []cluster.Put{put("")}}, fault.Invalid},
		{"dots", cluster.Txn{Deletes: []string{s.key("../x")}}, fault.Invalid},
		{"long key", cluster.Txn{Deletes: []string{strings.Repeat("k", cluster.MaxKeyBytes+1)}}, fault.Invalid},
		{"key put twice", cluster.Txn{Puts: []cluster.Put{put(s.key("a")), put(s.key("a"))}}, fault.Invalid},
		{"key put and deleted", cluster.Txn{Puts: []cluster.Put{put(s.key("a"))}, Deletes: []string{s.key("a")}}, fault.Invalid},
		{"empty condition", cluster.Txn{If: make([]cluster.Condition, 1), Puts: []cluster.Put{put(s.key("a"))}}, fault.Invalid},
		{"condition on revision 0", cluster.Txn{
			If: []cluster.Condition{cluster.Unchanged(s.key("a"), 0)}, Puts: []cluster.Put{put(s.key("a"))},
		}, fault.Invalid},
		{"large value", cluster.Txn{Puts: []cluster.Put{{Key: s.key("a"), Value: big}}}, fault.TooLarge},
		{"large in sum", cluster.Txn{Puts: []cluster.Put{
			{Key: s.key("a"), Value: big[:cluster.MaxTxnBytes/2]}, {Key: s.key("b"), Value: big[:cluster.MaxTxnBytes/2]},
		}}, fault.TooLarge},
		{"many writes", cluster.Txn{Puts: many}, fault.TooLarge},
		{"many conditions", cluster.Txn{If: conditions, Puts: many[:1]}, fault.TooLarge},
		{"unknown lease", cluster.Txn{Puts: []cluster.Put{{Key: s.key("a"), Lease: 4711}}}, fault.NotFound},
	} {
		_, err := s.Store.Commit(s.ctx(t), c.txn)
		if !fault.Is(err, c.kind) || cluster.OutcomeUnknown(err) {
			t.Errorf("%s: %v, want %s", c.name, err, c.kind)
		}
	}
	s.absent(t, "a")
}

func testLargest(t *testing.T, s *suite) {
	txn := cluster.Txn{}
	for i := range cluster.MaxTxnOps {
		key := s.key(strconv.Itoa(i))
		txn.If = append(txn.If, cluster.Absent(key))
		txn.Puts = append(txn.Puts, cluster.Put{Key: key})
	}
	txn.Puts[0].Value = bytes.Repeat([]byte("x"), cluster.MaxValueBytes)
	txn.Puts[1].Value = bytes.Repeat([]byte("y"), cluster.MaxTxnBytes-cluster.MaxValueBytes-2*cluster.MaxTxnOps*(len(s.root)+2))
	s.commit(t, txn)
	if e := s.get(t, "0"); !bytes.Equal(e.Value, txn.Puts[0].Value) {
		t.Fatalf("largest value came back with %d bytes", len(e.Value))
	}
	txn.If, txn.Deletes = nil, nil
	for _, p := range txn.Puts {
		txn.Deletes = append(txn.Deletes, p.Key)
	}
	txn.Puts = nil
	s.commit(t, txn)
}

// testIncrements loses an increment if a condition is ever judged on old data.
func testIncrements(t *testing.T, s *suite) {
	const workers, each = 8, 25
	s.put(t, "n", "0")
	ctx := s.ctx(t)
	increment := func() error {
		for {
			e, err := s.Store.Get(ctx, s.key("n"))
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(e.Value))
			if err != nil {
				return err
			}
			_, err = s.Store.Commit(ctx, cluster.Txn{
				If:   []cluster.Condition{cluster.Unchanged(e.Key, e.Modified)},
				Puts: []cluster.Put{{Key: e.Key, Value: strconv.AppendInt(nil, int64(n+1), 10)}},
			})
			if !fault.Is(err, fault.Conflict) {
				return err
			}
		}
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := increment(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if e := s.get(t, "n"); string(e.Value) != strconv.Itoa(workers*each) {
		t.Fatalf("%s increments counted, want %d", e.Value, workers*each)
	}
}

// testClaims has many take the same tasks; each task must go to one.
func testClaims(t *testing.T, s *suite) {
	const workers, tasks = 8, 30
	for i := range tasks {
		s.put(t, fmt.Sprintf("pending/%d", i), "")
	}
	ctx := s.ctx(t)
	var mu sync.Mutex
	winners := map[string]int{}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range tasks {
				pending, claim := s.key(fmt.Sprintf("pending/%d", i)), s.key(fmt.Sprintf("claimed/%d", i))
				_, err := s.Store.Commit(ctx, cluster.Txn{
					If:      []cluster.Condition{cluster.Present(pending)},
					Puts:    []cluster.Put{{Key: claim, Value: strconv.AppendInt(nil, int64(w), 10)}},
					Deletes: []string{pending},
				})
				switch {
				case err == nil:
					mu.Lock()
					winners[claim]++
					mu.Unlock()
				case !fault.Is(err, fault.Conflict):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(winners) != tasks {
		t.Fatalf("%d tasks were claimed, want %d", len(winners), tasks)
	}
	for claim, n := range winners {
		if n != 1 {
			t.Errorf("%s has %d winners", claim, n)
		}
	}
}

func testLeaseKeeps(t *testing.T, s *suite) {
	l, err := s.Store.Grant(s.ctx(t), cluster.MinLease)
	if err != nil {
		t.Fatal(err)
	}
	s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key("k"), Lease: l.ID()}}})
	if e := s.get(t, "k"); e.Lease != l.ID() || l.ID() == 0 {
		t.Fatalf("entry has lease %d, want %d", e.Lease, l.ID())
	}
	// Longer than the lease lasts without being renewed, with the server's own rounding.
	select {
	case <-l.Lost():
		t.Fatal("the lease was lost though it was renewed")
	case <-time.After(3 * cluster.MinLease):
	}
	s.get(t, "k")
	if err := l.Release(s.ctx(t)); err != nil {
		t.Fatal(err)
	}
	s.absent(t, "k")
}

func testLeaseReleased(t *testing.T, s *suite) {
	l, err := s.Store.Grant(s.ctx(t), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key("a"), Lease: l.ID()}, {Key: s.key("b")}}})
	for range 2 {
		if err := l.Release(s.ctx(t)); err != nil {
			t.Fatal(err)
		}
	}
	<-l.Lost()
	s.absent(t, "a")
	s.get(t, "b")
	_, err = s.Store.Commit(s.ctx(t), cluster.Txn{Puts: []cluster.Put{{Key: s.key("a"), Lease: l.ID()}}})
	wantFault(t, err, fault.NotFound, cluster.CodeLease)
	for _, ttl := range []time.Duration{0, cluster.MinLease - 1, cluster.MaxLease + 1} {
		_, err := s.Store.Grant(s.ctx(t), ttl)
		wantFault(t, err, fault.Invalid, "")
	}
}

func testLeaseLost(t *testing.T, s *suite) {
	l, err := s.Store.Grant(s.ctx(t), 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key("k"), Lease: l.ID()}}})
	if err := s.Revoke(s.ctx(t), l.ID()); err != nil {
		t.Fatal(err)
	}
	s.absent(t, "k")
	select {
	case <-l.Lost():
	case <-time.After(patience):
		t.Fatal("the loss of the lease was not told")
	}
	if err := l.Release(s.ctx(t)); err != nil {
		t.Fatal(err)
	}
}

func testContexts(t *testing.T, s *suite) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithTimeout(context.Background(), -1)
	defer cancel()
	for ctx, kind := range map[context.Context]fault.Kind{gone: fault.Canceled, late: fault.Deadline} {
		_, err := s.Store.Get(ctx, s.key("k"))
		wantFault(t, err, kind, "")
		_, err = s.Store.List(ctx, cluster.ListQuery{})
		wantFault(t, err, kind, "")
		_, err = s.Store.Watch(ctx, cluster.WatchQuery{})
		wantFault(t, err, kind, "")
		_, err = s.Store.Grant(ctx, time.Minute)
		wantFault(t, err, kind, "")
		_, err = s.Store.Commit(ctx, cluster.Txn{Puts: []cluster.Put{{Key: s.key("k")}}})
		wantFault(t, err, kind, "")
		if cluster.OutcomeUnknown(err) || !errors.Is(err, ctx.Err()) {
			t.Errorf("a write that was never sent is told as %v", err)
		}
	}
	s.absent(t, "k")
}
