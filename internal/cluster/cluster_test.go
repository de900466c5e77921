package cluster_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/cluster/storetest"
)

const patience = 30 * time.Second

// TestMain lets the test binary be its own child: a process that can be killed, or that etcd can bring down.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		os.Exit(child(os.Args[2], os.Args[3:]))
	}
	goleak.VerifyTestMain(m)
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func embedded(dir string) cluster.Config {
	cfg := cluster.DefaultConfig()
	cfg.DataDir = dir
	cfg.WatchProgress = 100 * time.Millisecond
	return cfg
}

// start runs a cluster until the test ends.
func start(t *testing.T, cfg cluster.Config) *cluster.Cluster {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	c := cluster.New(cfg, testLog(t), nil)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

// quiet is the log of benchmarks.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func stop(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func harness(c *cluster.Cluster) storetest.Harness {
	return storetest.Harness{Store: c.Store(), Compact: c.CompactForTest, Revoke: c.RevokeForTest}
}

func TestEmbeddedStore(t *testing.T) {
	storetest.Run(t, harness(start(t, embedded(filepath.Join(t.TempDir(), "state")))))
}
