package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	boltfault "go.etcd.io/bbolt/errors"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"github.com/orotund/orotund/internal/fault"
)

// Settings of a member that is alone: it elects itself, so its clock may tick fast, and nobody has to catch up with it.
const (
	tickMs         = 10
	electionMs     = 100
	catchUpEntries = 100  // entries that stay in memory after a snapshot, each of MaxTxnBytes at most
	snapEntries    = 2000 // entries, each of MaxTxnBytes at most, that the log may hold before what is older is deleted
	defragMiB      = 256  // free space in the file from which a start gives it back to the disk
	memberName     = "orotund"
	// memberURL names the member in its own files. It has no listener, so nobody dials it.
	memberURL = "unix://in-process:0"
	// fileLockWait is how long the check of the file waits for a lock, which nobody but a foreign etcd can hold.
	fileLockWait = 200 * time.Millisecond
	// brokenStop bounds the stop of a server that has broken down.
	brokenStop = 2 * time.Second
)

// Names in the data directory.
const (
	memberDir  = "member"         // etcd's own
	unbornFile = "orotund.unborn" // while the first start goes on
)

// member is an etcd server in this process.
type member struct {
	log  *slog.Logger
	dir  string
	lock *os.File
	ends *mishap
	etcd *embed.Etcd

	starting chan struct{} // closed when the goroutine of start has ended
	stopping atomic.Bool
	hadData  bool
}

// startMember opens the data directory and starts the server. What it has begun when ctx ends, or when etcd breaks down, goes on in
// the background as far as etcd does not let itself be stopped; the directory stays locked then.
func startMember(ctx context.Context, cfg Config, log *slog.Logger) (*member, error) {
	m := &member{log: log, dir: cfg.DataDir, ends: newMishap(), starting: make(chan struct{})}
	if err := m.openDir(); err != nil {
		return nil, openFault(fmt.Errorf("open %s: %w", m.dir, err), false)
	}
	err := m.clearUnborn()
	if err == nil {
		err = m.checkFile(ctx)
	}
	if err != nil {
		_ = m.lock.Close()
		return nil, openFault(fmt.Errorf("open %s: %w", m.dir, err), m.hadData)
	}
	failed := make(chan error, 1)
	go m.start(cfg, failed)
	select {
	case err := <-failed:
		if err != nil {
			<-m.starting
			_ = m.lock.Close()
			return nil, openFault(fmt.Errorf("open %s: %w", m.dir, err), m.hadData)
		}
	case <-m.ends.done:
		return nil, openFault(fmt.Errorf("open %s: %w", m.dir, m.ends.reason), m.hadData)
	case <-ctx.Done():
		go m.reap(failed)
		return nil, openFault(fmt.Errorf("open %s: %w", m.dir, ctx.Err()), m.hadData)
	}
	err = m.awaitReady(ctx)
	if err == nil {
		err = m.born()
	}
	if err != nil {
		_ = m.stop(ctx)
		return nil, openFault(fmt.Errorf("start %s: %w", m.dir, err), m.hadData)
	}
	return m, nil
}

// openDir makes and locks the data directory.
func (m *member) openDir() error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	lock, err := lockDir(m.dir)
	m.lock = lock
	return err
}

// clearUnborn removes what a first start left that did not come to its end. A member that was killed between making its log and
// writing itself into it never elects itself again. Nothing was acknowledged by then. The mark is made before a member is, so files
// that came from elsewhere, a backup for one, have none.
func (m *member) clearUnborn() error {
	mark, files := filepath.Join(m.dir, unbornFile), filepath.Join(m.dir, memberDir)
	_, err := os.Stat(mark)
	if err == nil {
		m.log.Info("state store: the first start did not end, beginning anew", "dir", m.dir)
		return os.RemoveAll(files)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(files); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(mark, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(m.dir))
}

// born ends the first start. The mark must be gone from the disk before the first write is acknowledged.
func (m *member) born() error {
	err := os.Remove(filepath.Join(m.dir, unbornFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, syncDir(m.dir))
}

// checkFile reads the database before etcd does, because etcd waits for its lock without end, and damage that it meets ends the
// process. Etcd reads all of it too, so this costs a fraction of a start.
func (m *member) checkFile(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(m.dir, memberDir)); err == nil {
		m.hadData = true
	}
	path := filepath.Join(m.dir, memberDir, "snap", "db")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		// None yet, or a first start was killed just then; etcd begins anew.
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("read %s: not a file", path)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: fileLockWait})
	if errors.Is(err, boltfault.ErrTimeout) {
		return fault.New(fault.Conflict, "an etcd uses this data directory").WithCode(CodeInUse).WithCause(err)
	}
	if err == nil {
		err = errors.Join(walk(ctx, db, info.Size()), db.Close())
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// walk visits every page of db. size is its file's.
func walk(ctx context.Context, db *bolt.DB, size int64) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		// bbolt panics over pages that make no sense, and the mapped file ends where it was cut.
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged page: %v", p)
		}
	}()
	return db.View(func(tx *bolt.Tx) error {
		if tx.Size() > size {
			return fmt.Errorf("file has %d bytes of %d", size, tx.Size())
		}
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			c := b.Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// start runs etcd's start, which can neither be bounded nor be trusted to return: what it takes for fatal ends this goroutine, by
// way of m.ends.
func (m *member) start(cfg Config, failed chan<- error) {
	defer close(m.starting)
	defer func() {
		if p := recover(); p != nil {
			m.ends.set(fmt.Errorf("etcd: %v", p))
		}
	}()
	etcd, err := embed.StartEtcd(m.settings(cfg))
	m.etcd = etcd
	failed <- err
}

// reap closes a server whose start came too late, and then gives the directory free.
func (m *member) reap(failed <-chan error) {
	select {
	case err := <-failed:
		if err == nil {
			m.stopping.Store(true)
			m.etcd.Close()
		}
		_ = m.lock.Close()
	case <-m.ends.done:
	}
}

// settings are etcd's for one member without listeners. A cluster of several adds listeners and the others' URLs here.
func (m *member) settings(cfg Config) *embed.Config {
	e := embed.NewConfig()
	e.Name = memberName
	e.Dir = m.dir
	own, _ := url.Parse(memberURL)
	e.AdvertisePeerUrls = []url.URL{*own}
	e.ListenPeerUrls, e.ListenClientUrls, e.AdvertiseClientUrls = nil, nil, nil
	e.InitialCluster = memberName + "=" + memberURL
	e.InitialClusterToken = memberName
	e.TickMs, e.ElectionMs = tickMs, electionMs
	e.SnapshotCount, e.SnapshotCatchUpEntries = snapEntries, catchUpEntries
	e.QuotaBackendBytes = int64(cfg.Quota)
	e.AutoCompactionMode = embed.CompactorModePeriodic
	e.AutoCompactionRetention = cfg.Compaction.String()
	e.BootstrapDefragThresholdMegabytes = defragMiB
	e.EnableGRPCGateway = false
	e.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(m.log, m.ends, &m.stopping))
	return e
}

// awaitReady waits until the member leads itself and has written so.
func (m *member) awaitReady(ctx context.Context) error {
	select {
	case <-m.etcd.Server.ReadyNotify():
		return nil
	case err := <-m.etcd.Err():
		return err
	case <-m.etcd.Server.StopNotify():
		return errors.New("etcd stopped while it started")
	case <-m.ends.done:
		return m.ends.reason
	case <-ctx.Done():
		return ctx.Err()
	}
}

// defrag rewrites the database without what was freed. The client's way to it does not work inside the process.
func (m *member) defrag() error { return m.etcd.Server.Backend().Defrag() }

// client returns a client that calls the server directly.
func (m *member) client() *clientv3.Client { return v3client.New(m.etcd.Server) }

// failure waits until the server breaks down, and says why; nil if quit is closed first.
func (m *member) failure(quit <-chan struct{}) error {
	select {
	case <-quit:
		return nil
	case <-m.ends.done:
		return openFault(m.ends.reason, false)
	case err := <-m.etcd.Err():
		if err == nil {
			err = errors.New("etcd stopped by itself")
		}
		return openFault(err, false)
	case <-m.etcd.Server.StopNotify():
		return openFault(errors.New("etcd stopped by itself"), false)
	}
}

// stop closes the server and gives the directory free. All clients must be closed. A server that broke down may not come to its end:
// then ctx ends the waiting, and the directory stays locked while the process lives.
func (m *member) stop(ctx context.Context) error {
	m.stopping.Store(true)
	select {
	case <-m.ends.done:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, brokenStop)
		defer cancel()
	default:
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		m.etcd.Close()
	}()
	select {
	case <-closed:
	case <-ctx.Done():
		return fmt.Errorf("close %s: %w", m.dir, ctx.Err())
	}
	select {
	case <-m.ends.done:
		// The goroutine that closed the server may itself have met the end.
		return m.ends.reason
	default:
	}
	return m.lock.Close()
}
