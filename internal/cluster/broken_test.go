package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/fault"
)

// childOpen starts and stops the store. It runs in a process of its own because what etcd leaves behind when it meets damage cannot be cleared away.
func childOpen(dir string, args []string) error {
	if len(args) > 0 {
		if err := becomeNobody(); err != nil {
			return err
		}
	}
	c, err := childStart(dir)
	if err != nil {
		return err
	}
	if _, err := c.Store().List(context.Background(), cluster.ListQuery{}); err != nil {
		return err
	}
	say("ready")
	return childStop(c)
}

// filled makes a data directory with some content, of a store that was stopped.
func filled(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	c := cluster.New(embedded(dir), testLog(t), nil)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		value := bytes.Repeat([]byte{byte(i)}, 1000)
		txn := cluster.Txn{Puts: []cluster.Put{{Key: fmt.Sprintf("k/%d", i), Value: value}}}
		if _, err := c.Store().Commit(t.Context(), txn); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, c)
	return dir
}

// one finds the one file of a pattern below dir.
func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

// overwrite puts noise into a file.
func overwrite(t *testing.T, path string, from, n int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	noise := make([]byte, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	if _, err := f.WriteAt(noise, from); err != nil {
		t.Fatal(err)
	}
}

// damages are what can happen to a data directory, and the code of the error that it must lead to; "" is none.
var damages = []struct {
	name   string
	damage func(t *testing.T, dir string)
	code   string
}{
	{"no damage", func(*testing.T, string) {}, ""},
	{"head of the database", func(t *testing.T, dir string) {
		overwrite(t, one(t, dir, "member/snap/db"), 0, 16<<10)
	}, cluster.CodeCorrupt},
	{"database cut short", func(t *testing.T, dir string) {
		if err := os.Truncate(one(t, dir, "member/snap/db"), 8<<10); err != nil {
			t.Fatal(err)
		}
	}, cluster.CodeCorrupt},
	{"head of the log", func(t *testing.T, dir string) {
		overwrite(t, one(t, dir, "member/wal/0*.wal"), 0, 4<<10)
	}, cluster.CodeCorrupt},
	{"middle of the log", func(t *testing.T, dir string) {
		overwrite(t, one(t, dir, "member/wal/0*.wal"), 100_000, 500)
	}, cluster.CodeCorrupt},
	{"log of another kind", func(t *testing.T, dir string) {
		if err := os.WriteFile(one(t, dir, "member/wal/0*.wal"), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}, cluster.CodeCorrupt},
	{"database is a directory", func(t *testing.T, dir string) {
		db := one(t, dir, "member/snap/db")
		if err := os.Remove(db); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(db, 0o700); err != nil {
			t.Fatal(err)
		}
	}, cluster.CodeCorrupt},
	{"directory is a file", func(t *testing.T, dir string) {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}, cluster.CodeUnwritable},
	{"killed while it made the database", func(t *testing.T, dir string) {
		if err := os.RemoveAll(filepath.Join(dir, "member", "wal")); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(one(t, dir, "member/snap/db"), 0); err != nil {
			t.Fatal(err)
		}
	}, ""},
}

// TestDamage wants an error that says so, never a crash or a hang.
func TestDamage(t *testing.T) {
	for _, c := range damages {
		t.Run(c.name, func(t *testing.T) {
			dir := filled(t)
			c.damage(t, dir)
			p := spawn(t, command(t, "open", dir))
			line := p.line()
			switch {
			case c.code == "" && line != "ready":
				t.Fatalf("child says %q, want ready", line)
			case c.code != "" && !strings.HasPrefix(line, "error "+c.code+" "):
				t.Fatalf("child says %q, want error %s", line, c.code)
			}
			t.Log(line)
		})
	}
}

// TestForeignEtcd wants a directory that an etcd holds, without our lock, to be refused at once.
func TestForeignEtcd(t *testing.T) {
	dir := filled(t)
	db, err := bolt.Open(one(t, dir, "member/snap/db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	c := cluster.New(embedded(dir), testLog(t), nil)
	if err := c.Start(t.Context()); !fault.Is(err, fault.Conflict) || fault.From(err).Code != cluster.CodeInUse {
		t.Fatalf("start: %v", err)
	}
}

// TestFullQuota fills the store, which must refuse writes, say so, allow deletion, and open again once there is room.
func TestFullQuota(t *testing.T) {
	cfg := embedded(filepath.Join(t.TempDir(), "state"))
	cfg.Quota = 64 << 20
	c := start(t, cfg)
	value := bytes.Repeat([]byte("v"), cluster.MaxValueBytes)
	n := 0
	// The file may reach the quota while a share of it is free pages, which is room: then it opens again and can be filled on.
	for tries := 0; ; tries++ {
		n += fillStore(t, c, n, value)
		if err := c.Ready(t.Context()); !isFull(err) {
			t.Fatalf("ready: %v", err)
		}
		if err := c.ReopenForTest(); err != nil {
			t.Fatal(err)
		}
		err := c.Ready(t.Context())
		if isFull(err) {
			break
		}
		if err != nil || tries == 10 {
			t.Fatalf("opened again %d times, each time without room: %v", tries, err)
		}
	}
	if _, err := c.Store().Get(t.Context(), "k/0"); err != nil {
		t.Fatalf("read from the full store: %v", err)
	}
	var last cluster.Revision
	for i := range n {
		rev, err := c.Store().Commit(t.Context(), cluster.Txn{Deletes: []string{fmt.Sprintf("k/%d", i)}})
		if err != nil {
			t.Fatalf("delete from the full store: %v", err)
		}
		last = rev
	}
	if err := c.CompactForTest(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if err := c.ReopenForTest(); err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Fatalf("ready: %v", err)
	}
	if _, err := c.Store().Commit(t.Context(), cluster.Txn{Puts: []cluster.Put{{Key: "k", Value: value}}}); err != nil {
		t.Fatalf("write after the store was emptied: %v", err)
	}
}

// fillStore writes values from number n on until the store is full, and returns how many it took.
func fillStore(t *testing.T, c *cluster.Cluster, n int, value []byte) int {
	t.Helper()
	for i := range 100 {
		_, err := c.Store().Commit(t.Context(), cluster.Txn{Puts: []cluster.Put{{Key: fmt.Sprintf("k/%d", n+i), Value: value}}})
		if err == nil {
			continue
		}
		if !fault.Is(err, fault.Unavailable) || !isFull(err) || cluster.OutcomeUnknown(err) {
			t.Fatalf("after %d values: %v", n+i, err)
		}
		return i
	}
	t.Fatalf("not full after %d values", n+100)
	return 0
}

// isFull says whether an error is that of the full store.
func isFull(err error) bool { return err != nil && fault.From(err).Code == cluster.CodeFull }
