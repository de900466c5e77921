package cluster_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/fault"
)

// TestNoPort wants the embedded member to listen nowhere: it has no password.
func TestNoPort(t *testing.T) {
	c := start(t, embedded(filepath.Join(t.TempDir(), "state")))
	if n := c.ListenersForTest(); n != 0 {
		t.Fatalf("%d listeners", n)
	}
}

func TestSpans(t *testing.T) {
	rec := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
	c := cluster.New(embedded(filepath.Join(t.TempDir(), "state")), testLog(t), provider.Tracer("test"))
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	put := cluster.Txn{If: []cluster.Condition{cluster.Absent("k")}, Puts: []cluster.Put{{Key: "k"}}}
	_, first := c.Store().Commit(ctx, put)
	_, second := c.Store().Commit(ctx, put)
	_, absent := c.Store().Get(ctx, "none")
	_, future := c.Store().List(ctx, cluster.ListQuery{Revision: 1e6})
	if first != nil || second == nil || absent == nil || future == nil {
		t.Fatal(first, second, absent, future)
	}
	stop(t, c)
	var got []string
	for _, s := range rec.Ended() {
		line := s.Name()
		if s.Status().Code == codes.Error {
			line += " " + s.Status().Description
		}
		got = append(got, line)
	}
	want := "[state.commit state.commit state.get state.list invalid_argument]"
	if fmt.Sprint(got) != want {
		t.Fatalf("spans %v, want %s", got, want)
	}
}

// TestBackup reads the snapshot as what it claims to be: a database with the values, and its checksum.
func TestBackup(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { testBackup(t, start(t, embedded(filepath.Join(t.TempDir(), "state")))) })
	t.Run("external", func(t *testing.T) {
		_, endpoint := server(t, t.TempDir(), "127.0.0.1:0")
		testBackup(t, start(t, external(endpoint)))
	})
}

func testBackup(t *testing.T, c *cluster.Cluster) {
	txn := cluster.Txn{Puts: []cluster.Put{{Key: "k", Value: []byte("the value in the backup")}}}
	if _, err := c.Store().Commit(t.Context(), txn); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if b.Len() <= sha256.Size {
		t.Fatalf("%d bytes", b.Len())
	}
	db, sum := b.Bytes()[:b.Len()-sha256.Size], b.Bytes()[b.Len()-sha256.Size:]
	if want := sha256.Sum256(db); !bytes.Equal(sum, want[:]) {
		t.Fatal("the checksum does not fit")
	}
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, db, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	found := false
	err = file.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("key")).ForEach(func(_, v []byte) error {
			found = found || bytes.Contains(v, []byte("the value in the backup"))
			return nil
		})
	})
	if err != nil || !found {
		t.Fatalf("found %v, error %v", found, err)
	}
	if err := c.Backup(t.Context(), failingWriter{}); !errors.Is(err, errNoRoom) {
		t.Fatalf("backup to a writer that fails: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Backup(ended, &b); !fault.Is(err, fault.Canceled) {
		t.Fatalf("backup with an ended context: %v", err)
	}
}

var errNoRoom = errors.New("no room")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errNoRoom }

// TestQuietLog wants a start and a stop to say nothing that an operator would have to look up.
func TestQuietLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	c := cluster.New(embedded(filepath.Join(t.TempDir(), "state")), log, nil)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop(t, c)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], "state store started") || !strings.Contains(lines[0], "took=") {
		t.Fatalf("log:\n%s", out.String())
	}
}

// TestStopWhileBusy stops the store under load: every write is either acknowledged, and then there, or ends with an error.
func TestStopWhileBusy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	c := cluster.New(embedded(dir), testLog(t), nil)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for w := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%d/%d", w, n)
				_, err := c.Store().Commit(context.Background(), cluster.Txn{Puts: []cluster.Put{{Key: key}}})
				if err != nil {
					if fault.From(err).Code != cluster.CodeStopped {
						t.Errorf("write while it stops: %v", err)
					}
					return
				}
				mu.Lock()
				acked = append(acked, key)
				if len(acked) == 500 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	stop(t, c)
	wg.Wait()
	c = start(t, embedded(dir))
	for _, key := range acked {
		if _, err := c.Store().Get(t.Context(), key); err != nil {
			t.Fatalf("acknowledged %s: %v", key, err)
		}
	}
}
