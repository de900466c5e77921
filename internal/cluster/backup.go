package cluster

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/orotund/orotund/internal/fault"
)

// Backup writes a snapshot of the whole store to w, in the form that `etcdutl snapshot restore` takes. It may run while the store is
// used, holds none of it in memory, and is bounded by ctx alone. What w gets before an error is of no use.
func (c *Cluster) Backup(ctx context.Context, w io.Writer) error {
	if err := ctx.Err(); err != nil {
		return fault.From(err)
	}
	if err := c.store.gate.enter(); err != nil {
		return err
	}
	defer c.store.gate.leave()
	if c.member != nil {
		return c.member.backup(ctx, w)
	}
	// The client's helper goroutine ends with this context.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := c.client.Snapshot(ctx)
	if err != nil {
		return readFault(err)
	}
	defer func() { _ = r.Close() }()
	out := &boundWriter{ctx: ctx, w: w}
	_, err = io.Copy(out, r)
	return out.fault(err)
}

// backup writes the database and its checksum. The client's way to it does not work inside the process: its stream ends as if it had
// been cancelled.
func (m *member) backup(ctx context.Context, w io.Writer) error {
	out, sum := &boundWriter{ctx: ctx, w: w}, sha256.New()
	snapshot := m.etcd.Server.Backend().Snapshot()
	_, err := snapshot.WriteTo(io.MultiWriter(out, sum))
	if cerr := snapshot.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		_, err = out.Write(sum.Sum(nil))
	}
	return out.fault(err)
}

// boundWriter stops writing when its context ends, and keeps the first error, of which bbolt passes on the text only.
type boundWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (b *boundWriter) Write(p []byte) (int, error) {
	if b.err == nil {
		b.err = b.ctx.Err()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.w.Write(p)
	b.err = err
	return n, err
}

// fault is the error of a backup that ended with err.
func (b *boundWriter) fault(err error) error {
	if err == nil {
		return nil
	}
	if b.ctx.Err() != nil {
		return fault.From(b.ctx.Err())
	}
	if b.err != nil {
		err = b.err
	}
	return fault.New(fault.Internal, "the backup could not be written").WithCause(fmt.Errorf("copy snapshot: %w", err))
}
