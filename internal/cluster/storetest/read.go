package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/fault"
)

// listAll reads all pages of a query and checks that they fit together.
func (s *suite) listAll(t *testing.T, q cluster.ListQuery) []cluster.Entry {
	t.Helper()
	var all []cluster.Entry
	for {
		page, err := s.Store.List(s.ctx(t), q)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		if q.Revision != 0 && page.Revision != q.Revision {
			t.Fatalf("page is of revision %d, want %d", page.Revision, q.Revision)
		}
		if q.Limit > 0 && len(page.Entries) > q.Limit {
			t.Fatalf("page has %d entries, limit %d", len(page.Entries), q.Limit)
		}
		all = append(all, page.Entries...)
		if !page.More {
			return all
		}
		if len(page.Entries) == 0 {
			t.Fatal("an empty page promises more")
		}
		q.After, q.Revision = page.Entries[len(page.Entries)-1].Key, page.Revision
	}
}

func names(entries []cluster.Entry, root string) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = strings.TrimPrefix(e.Key, root)
	}
	return out
}

func testPages(t *testing.T, s *suite) {
	var want []string
	txn := cluster.Txn{}
	for i := range 90 {
		name := fmt.Sprintf("a/%03d", i)
		want = append(want, name)
		txn.Puts = append(txn.Puts, cluster.Put{Key: s.key(name), Value: []byte(name)})
	}
	for _, beside := range []string{"a", "a-", "ab", "b/1"} {
		txn.Puts = append(txn.Puts, cluster.Put{Key: s.key(beside)})
	}
	s.commit(t, txn)
	for _, limit := range []int{0, 1, 7, 89, 90, 91, cluster.MaxLimit} {
		got := s.listAll(t, cluster.ListQuery{Prefix: s.key("a/"), Limit: limit})
		if !slices.Equal(names(got, s.root), want) {
			t.Fatalf("limit %d lists %q", limit, names(got, s.root))
		}
		for _, e := range got {
			if s.key(string(e.Value)) != e.Key {
				t.Fatalf("%s has the value %q", e.Key, e.Value)
			}
		}
	}
	for _, e := range s.listAll(t, cluster.ListQuery{Prefix: s.key("a/"), KeysOnly: true, Limit: 50}) {
		if len(e.Value) != 0 || e.Modified == 0 {
			t.Fatalf("key only: %+v", e)
		}
	}
	got := names(s.listAll(t, cluster.ListQuery{Prefix: s.key("a")}), s.root)
	if len(got) != 93 || got[0] != "a" || got[1] != "a-" || got[92] != "ab" {
		t.Fatalf("the prefix without a slash lists %q", got)
	}
	if got := s.listAll(t, cluster.ListQuery{Prefix: s.key("none/")}); len(got) != 0 {
		t.Fatalf("an empty prefix lists %q", names(got, s.root))
	}
	page, err := s.Store.List(s.ctx(t), cluster.ListQuery{Prefix: s.key("a/"), After: s.key("a/0885")})
	if err != nil || !slices.Equal(names(page.Entries, s.root), []string{"a/089"}) {
		t.Fatalf("after an absent key: %q, %v", names(page.Entries, s.root), err)
	}
}

func testListRevision(t *testing.T, s *suite) {
	s.put(t, "1", "old")
	s.put(t, "2", "old")
	first, err := s.Store.List(s.ctx(t), cluster.ListQuery{Prefix: s.root, Limit: 1})
	if err != nil || !first.More {
		t.Fatalf("more %v, error %v", first.More, err)
	}
	s.put(t, "2", "new")
	s.put(t, "3", "new")
	rest := s.listAll(t, cluster.ListQuery{Prefix: s.root, After: s.key("1"), Revision: first.Revision})
	if len(rest) != 1 || string(rest[0].Value) != "old" {
		t.Fatalf("the second page has seen later writes: %+v", rest)
	}
	if now := s.listAll(t, cluster.ListQuery{Prefix: s.root}); len(now) != 3 || string(now[1].Value) != "new" {
		t.Fatalf("a new list has not seen the writes: %+v", now)
	}
	_, err = s.Store.List(s.ctx(t), cluster.ListQuery{Prefix: s.root, Revision: first.Revision + 1e9})
	wantFault(t, err, fault.Invalid, "")
	if err := s.Compact(s.ctx(t), first.Revision+1); err != nil {
		t.Fatal(err)
	}
	_, err = s.Store.List(s.ctx(t), cluster.ListQuery{Prefix: s.root, Revision: first.Revision})
	wantFault(t, err, fault.Conflict, cluster.CodeCompacted)
	if !cluster.Compacted(err) {
		t.Fatal("Compacted does not tell")
	}
}

func testLargePages(t *testing.T, s *suite) {
	const n = 80
	value := bytes.Repeat([]byte("v"), 128<<10)
	for i := range n {
		s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key(fmt.Sprintf("%03d", i)), Value: value}}})
	}
	page, err := s.Store.List(s.ctx(t), cluster.ListQuery{Prefix: s.root, Limit: n})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Entries) == n || !page.More {
		t.Fatalf("a page holds %d values of %d bytes", len(page.Entries), len(value))
	}
	if got := s.listAll(t, cluster.ListQuery{Prefix: s.root, Limit: n}); len(got) != n {
		t.Fatalf("%d entries, want %d", len(got), n)
	}
}

func testRefusedQueries(t *testing.T, s *suite) {
	for _, q := range []cluster.ListQuery{
		{Limit: -1}, {Limit: cluster.MaxLimit + 1}, {Revision: -1}, {Prefix: "/a"}, {Prefix: "a//"}, {Prefix: "a\x00"},
		{Prefix: "b/", After: "a/x"}, {After: "a/"}, {Prefix: strings.Repeat("p", cluster.MaxKeyBytes+1)},
	} {
		if _, err := s.Store.List(s.ctx(t), q); !fault.Is(err, fault.Invalid) {
			t.Errorf("list %+v: %v, want invalid", q, err)
		}
	}
	for _, q := range []cluster.WatchQuery{{From: -1}, {Key: "a", Prefix: "a/"}, {Key: "a/"}, {Prefix: "//"}} {
		if _, err := s.Store.Watch(s.ctx(t), q); !fault.Is(err, fault.Invalid) {
			t.Errorf("watch %+v: %v, want invalid", q, err)
		}
	}
	if _, err := s.Store.Get(s.ctx(t), "a b"); !fault.Is(err, fault.Invalid) {
		t.Errorf("get: %v, want invalid", err)
	}
}

func (s *suite) watch(t *testing.T, q cluster.WatchQuery) cluster.Watcher {
	t.Helper()
	w, err := s.Store.Watch(s.ctx(t), q)
	if err != nil {
		t.Fatalf("watch: %v", err)
	}
	t.Cleanup(w.Close)
	return w
}

// next returns the next n events, written as name=value or -name, and the revision up to which the watch has reported.
func (s *suite) next(t *testing.T, w cluster.Watcher, n int) ([]string, cluster.Revision) {
	t.Helper()
	ctx := s.ctx(t)
	var got []string
	var rev cluster.Revision
	for len(got) < n {
		change, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		if change.Revision < rev {
			t.Fatalf("revision %d after %d", change.Revision, rev)
		}
		rev = change.Revision
		for _, e := range change.Events {
			if e.Entry.Modified > rev {
				t.Fatalf("event of revision %d in a change up to %d", e.Entry.Modified, rev)
			}
			name := strings.TrimPrefix(e.Entry.Key, s.root)
			if e.Deleted {
				got = append(got, "-"+name)
			} else {
				got = append(got, name+"="+string(e.Entry.Value))
			}
		}
	}
	return got, rev
}

func testWatchFrom(t *testing.T, s *suite) {
	start := s.put(t, "a", "1")
	s.put(t, "b", "1")
	s.put(t, "a", "2")
	w := s.watch(t, cluster.WatchQuery{Prefix: s.root, From: start + 1})
	s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key("c")}}, Deletes: []string{s.key("a")}})
	last := s.put(t, "d", "1")
	got, rev := s.next(t, w, 5)
	// The order inside one transaction is the store's own.
	slices.Sort(got[2:4])
	if want := []string{"b=1", "a=2", "-a", "c=", "d=1"}; !slices.Equal(got, want) {
		t.Fatalf("events %q, want %q", got, want)
	}
	if rev != last {
		t.Fatalf("reported up to %d, want %d", rev, last)
	}
	again := s.watch(t, cluster.WatchQuery{Prefix: s.root, From: rev})
	if got, _ := s.next(t, again, 1); !slices.Equal(got, []string{"d=1"}) {
		t.Fatalf("from revision %d: %q", rev, got)
	}
}

func testWatchNow(t *testing.T, s *suite) {
	s.put(t, "a", "before")
	w := s.watch(t, cluster.WatchQuery{Prefix: s.key("a")})
	s.put(t, "b", "beside")
	s.put(t, "a", "after")
	s.put(t, "ab", "")
	if got, _ := s.next(t, w, 2); !slices.Equal(got, []string{"a=after", "ab="}) {
		t.Fatalf("events %q", got)
	}
}

func testWatchKey(t *testing.T, s *suite) {
	w := s.watch(t, cluster.WatchQuery{Key: s.key("a")})
	s.put(t, "ab", "beside")
	s.put(t, "a/b", "below")
	s.put(t, "a", "1")
	if got, _ := s.next(t, w, 1); !slices.Equal(got, []string{"a=1"}) {
		t.Fatalf("events %q", got)
	}
}

// testWatchProgress wants a quiet watch to learn of writes elsewhere, without which it would resume from compacted history.
func testWatchProgress(t *testing.T, s *suite) {
	w := s.watch(t, cluster.WatchQuery{Prefix: s.key("quiet/")})
	rev := s.put(t, "elsewhere", "")
	ctx := s.ctx(t)
	for {
		change, err := w.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(change.Events) != 0 {
			t.Fatalf("event of %s", change.Events[0].Entry.Key)
		}
		if change.Revision >= rev {
			return
		}
	}
}

func testWatchCompacted(t *testing.T, s *suite) {
	first := s.put(t, "a", "1")
	s.put(t, "a", "2")
	last := s.put(t, "a", "3")
	if err := s.Compact(s.ctx(t), last); err != nil {
		t.Fatal(err)
	}
	w := s.watch(t, cluster.WatchQuery{Prefix: s.root, From: first})
	ctx := s.ctx(t)
	for range 2 { // the error stays
		_, err := w.Next(ctx)
		wantFault(t, err, fault.Conflict, cluster.CodeCompacted)
	}
	page, err := s.Store.List(ctx, cluster.ListQuery{Prefix: s.root})
	if err != nil {
		t.Fatal(err)
	}
	w = s.watch(t, cluster.WatchQuery{Prefix: s.root, From: page.Revision + 1})
	s.put(t, "a", "4")
	if got, _ := s.next(t, w, 1); !slices.Equal(got, []string{"a=4"}) {
		t.Fatalf("events after the list: %q", got)
	}
}

// testWatchLagged writes more than a watcher keeps. What it did keep comes in order, then the error, and a new watch goes on there.
func testWatchLagged(t *testing.T, s *suite) {
	const n = 40
	value := bytes.Repeat([]byte("v"), cluster.MaxValueBytes/2)
	w := s.watch(t, cluster.WatchQuery{Prefix: s.root})
	for i := range n {
		s.commit(t, cluster.Txn{Puts: []cluster.Put{{Key: s.key(fmt.Sprint(i)), Value: value}}})
	}
	ctx := s.ctx(t)
	seen, rev := 0, cluster.Revision(0)
	read := func() error {
		for seen < n {
			change, err := w.Next(ctx)
			if err != nil {
				return err
			}
			rev = change.Revision
			for _, e := range change.Events {
				if want := s.key(fmt.Sprint(seen)); e.Entry.Key != want {
					t.Fatalf("event of %s, want %s", e.Entry.Key, want)
				}
				seen++
			}
		}
		return nil
	}
	err := read()
	if seen == 0 || seen == n {
		t.Fatalf("%d of %d events were kept", seen, n)
	}
	wantFault(t, err, fault.Exhausted, cluster.CodeLagged)
	w = s.watch(t, cluster.WatchQuery{Prefix: s.root, From: rev + 1})
	if err := read(); err != nil && !fault.Is(err, fault.Exhausted) {
		t.Fatal(err)
	}
}

func testWatchClosed(t *testing.T, s *suite) {
	w := s.watch(t, cluster.WatchQuery{Prefix: s.root})
	soon, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Next(soon); !fault.Is(err, fault.Canceled) {
		t.Fatalf("next with an ended context: %v", err)
	}
	s.put(t, "a", "1")
	if got, _ := s.next(t, w, 1); !slices.Equal(got, []string{"a=1"}) {
		t.Fatalf("the watch did not go on after a context ended: %q", got)
	}
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := w.Next(s.ctx(t)); err != nil {
				done <- err
				return
			}
		}
	}()
	w.Close()
	w.Close()
	wantFault(t, <-done, fault.Canceled, "")
}
