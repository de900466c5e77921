package cluster_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/orotund/orotund/internal/cluster"
)

// BenchmarkStart is a start and a stop: the first of a directory, a later one, and one with ten thousand entries.
func BenchmarkStart(b *testing.B) {
	run := func(b *testing.B, dir func() string) {
		for b.Loop() {
			c := cluster.New(embedded(dir()), quiet(), nil)
			if err := c.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := c.Stop(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
	b.Run("new", func(b *testing.B) { run(b, func() string { return filepath.Join(b.TempDir(), "state") }) })
	for _, n := range []int{0, 10_000} {
		dir := filepath.Join(b.TempDir(), "state")
		fill(b, dir, n)
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) { run(b, func() string { return dir }) })
	}
}

func fill(b *testing.B, dir string, n int) {
	c := open(b, dir)
	value := make([]byte, 300)
	for i := 0; i < n; i += 100 {
		var txn cluster.Txn
		for j := range 100 {
			txn.Puts = append(txn.Puts, cluster.Put{Key: fmt.Sprintf("k/%06d", i+j), Value: value})
		}
		if _, err := c.Store().Commit(b.Context(), txn); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func open(b *testing.B, dir string) *cluster.Cluster {
	c := cluster.New(embedded(dir), quiet(), nil)
	if err := c.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkGet compares the store with the client of etcd that it stands on.
func BenchmarkGet(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "state")
	fill(b, dir, 1000)
	c := open(b, dir)
	defer func() { _ = c.Stop(b.Context()) }()
	b.Run("etcd", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.ClientForTest().Get(b.Context(), "orotund/k/000500"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Store().Get(b.Context(), "k/000500"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCommit writes 300 bytes, each write on disk before the next begins, and 64 at a time.
func BenchmarkCommit(b *testing.B) {
	c := open(b, filepath.Join(b.TempDir(), "state"))
	defer func() { _ = c.Stop(b.Context()) }()
	txn := func(i int) cluster.Txn {
		return cluster.Txn{Puts: []cluster.Put{{Key: fmt.Sprintf("k/%d", i%1000), Value: make([]byte, 300)}}}
	}
	b.Run("one", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := c.Store().Commit(b.Context(), txn(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("many", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, err := c.Store().Commit(b.Context(), txn(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
