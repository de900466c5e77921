package cluster_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/fault"
)

// TestKillLosesNothing kills a writing process several times, at different moments, and wants every write that it was told of.
func TestKillLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	acked := map[string]bool{}
	for round, n := range []int{1, 37, 400, 1500, 5} {
		p := spawn(t, command(t, "write", dir, fmt.Sprintf("run/%d", round)))
		for range n {
			acked[p.want(t, "ack ")] = true
		}
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		// What was said before the kill was acknowledged too.
		for p.lines.Scan() {
			if key, ok := strings.CutPrefix(p.lines.Text(), "ack "); ok {
				acked[key] = true
			}
		}
		p.kill()
	}
	c := start(t, embedded(dir))
	for key := range acked {
		e, err := c.Store().Get(t.Context(), key)
		if err != nil {
			t.Fatalf("acknowledged %s: %v", key, err)
		}
		if string(e.Value) != "value of "+key {
			t.Fatalf("acknowledged %s came back as %q", key, e.Value)
		}
	}
	t.Logf("%d acknowledged writes, none lost", len(acked))
}

// TestKillAtBirth kills the first start of a store at moments that nobody chooses. Whatever it leaves, the next start must work.
func TestKillAtBirth(t *testing.T) {
	for i := range 12 {
		dir := filepath.Join(t.TempDir(), "state")
		p := spawn(t, command(t, "hold", dir))
		for { // the process has come as far as its lock
			if _, err := os.Stat(filepath.Join(dir, "orotund.lock")); err == nil {
				break
			}
		}
		time.Sleep(time.Duration(i) * 4 * time.Millisecond)
		p.kill()
		c := cluster.New(embedded(dir), testLog(t), nil)
		if err := c.Start(t.Context()); err != nil {
			t.Fatalf("killed %d ms after its lock: %v", i*4, err)
		}
		if _, err := c.Store().Commit(t.Context(), cluster.Txn{Puts: []cluster.Put{{Key: "k"}}}); err != nil {
			t.Fatal(err)
		}
		stop(t, c)
	}
}

// TestSecondProcess wants a clear error at once, which names the holder, and a start as soon as that one is dead.
func TestSecondProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	p := spawn(t, command(t, "hold", dir))
	p.want(t, "ready")
	second := cluster.New(embedded(dir), testLog(t), nil)
	err := second.Start(t.Context())
	if !fault.Is(err, fault.Conflict) || fault.From(err).Code != cluster.CodeInUse {
		t.Fatalf("second start: %v", err)
	}
	if want := fmt.Sprintf("another orotund uses this data directory (pid %d)", p.cmd.Process.Pid); fault.From(err).Message != want {
		t.Fatalf("message %q, want %q", fault.From(err).Message, want)
	}
	p.kill()
	start(t, embedded(dir))
}

func TestLeaseOutlivedByNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	p := spawn(t, command(t, "hold", dir, "held"))
	p.want(t, "ready")
	p.kill()
	c := start(t, embedded(dir))
	w, err := c.Store().Watch(t.Context(), cluster.WatchQuery{Key: "held", From: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		change, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("the key of a dead process did not go: %v", err)
		}
		for _, e := range change.Events {
			if e.Deleted {
				return
			}
		}
	}
}

func TestRestartKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	c := cluster.New(embedded(dir), testLog(t), nil)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	rev, err := c.Store().Commit(t.Context(), cluster.Txn{Puts: []cluster.Put{{Key: "k", Value: []byte("v")}}})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, c)
	c = start(t, embedded(dir))
	e, err := c.Store().Get(t.Context(), "k")
	if err != nil || string(e.Value) != "v" || e.Modified != rev {
		t.Fatalf("%+v, %v; want revision %d", e, err, rev)
	}
	status, err := c.Status(t.Context())
	if err != nil || status.Revision != rev || status.Size == 0 || status.Full || status.Quota != 2<<30 {
		t.Fatalf("%+v, %v", status, err)
	}
}

func TestServiceOrder(t *testing.T) {
	c := cluster.New(embedded(filepath.Join(t.TempDir(), "state")), testLog(t), nil)
	check := func(when string) {
		t.Helper()
		_, err := c.Store().Get(t.Context(), "k")
		if fault.From(err).Code != cluster.CodeStopped || cluster.OutcomeUnknown(err) {
			t.Errorf("%s: get: %v", when, err)
		}
		if err := c.Ready(t.Context()); fault.From(err).Code != cluster.CodeStopped {
			t.Errorf("%s: ready: %v", when, err)
		}
		if err := c.Backup(t.Context(), os.Stderr); fault.From(err).Code != cluster.CodeStopped {
			t.Errorf("%s: backup: %v", when, err)
		}
	}
	check("before start")
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Errorf("started: %v", err)
	}
	if err := c.Start(t.Context()); err == nil {
		t.Error("a second start is taken")
	}
	w, err := c.Store().Watch(t.Context(), cluster.WatchQuery{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := c.Store().Grant(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, c)
	check("after stop")
	if _, err := w.Next(t.Context()); fault.From(err).Code != cluster.CodeStopped {
		t.Errorf("watch after stop: %v", err)
	}
	<-l.Lost()
	stop(t, c)
}

// TestStartCancelled wants a start that is given up to leave nothing behind that keeps the directory.
func TestStartCancelled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := cluster.New(embedded(dir), testLog(t), nil)
	if err := c.Start(ctx); !fault.Is(err, fault.Canceled) {
		t.Fatalf("start: %v", err)
	}
	deadline := time.Now().Add(patience)
	for {
		c := cluster.New(embedded(dir), testLog(t), nil)
		err := c.Start(t.Context())
		if err == nil {
			stop(t, c)
			return
		}
		if fault.From(err).Code != cluster.CodeInUse || time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // the given-up start is being closed
	}
}
