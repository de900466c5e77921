package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/lifecycle"
)

// Cluster is the service that runs the store: it starts the embedded member, or reaches the external etcd.
type Cluster struct {
	cfg   Config
	log   *slog.Logger
	store *kv

	client *clientv3.Client // these two are set before the store opens
	member *member          // nil for an external etcd

	mu    sync.Mutex
	state state

	life   context.Context // of the goroutines that look after the member
	end    context.CancelFunc
	tasks  sync.WaitGroup
	failed chan error
}

type state int

const (
	fresh state = iota
	starting
	running
	stopped
)

var (
	_ lifecycle.Service = (*Cluster)(nil)
	_ lifecycle.Failer  = (*Cluster)(nil)
)

// New makes the service; cfg must be valid. tracer opens a span a call and may be nil. An empty Config.DataDir becomes "state" in
// config.DataDir.
func New(cfg Config, log *slog.Logger, tracer trace.Tracer) *Cluster {
	if tracer == nil {
		tracer = noop.NewTracerProvider().Tracer("")
	}
	if cfg.DataDir == "" {
		cfg.DataDir = filepath.Join(config.DataDir(), "state")
	}
	life, end := context.WithCancel(context.Background())
	return &Cluster{
		cfg:    cfg,
		log:    log,
		store:  newKV(cfg, tracer),
		life:   life,
		end:    end,
		failed: make(chan error, 1),
	}
}

// Name implements lifecycle.Service.
func (c *Cluster) Name() string { return "state" }

// Store returns the store. Calls before Start has returned or after Stop has begun fail with CodeStopped.
func (c *Cluster) Store() Store { return c.store }

// Failed gives one error if the embedded member breaks down, as when the disk is full. The process need not end: only the store is
// gone, until a restart.
func (c *Cluster) Failed() <-chan error { return c.failed }

// Start starts the member or reaches the etcd, within Config.StartTimeout. It may be called once. The error's code is one of
// CodeInUse, CodeCorrupt, CodeUnwritable, CodeDiskFull, CodeRefused, CodeFailed.
func (c *Cluster) Start(ctx context.Context) error {
	if !c.move(fresh, starting) {
		return errors.New("start state store: it was started or stopped before")
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StartTimeout)
	defer cancel()
	if err := c.connect(ctx); err != nil {
		c.move(starting, stopped)
		return err
	}
	c.store.open(c.client)
	if c.member != nil {
		c.tasks.Go(c.watchMember)
		c.tasks.Go(c.keepRoom)
	}
	c.log.Info("state store started", "mode", c.cfg.Mode, "took", time.Since(began))
	if !c.move(starting, running) {
		return errors.Join(errStopped(), c.shutdown(ctx))
	}
	return nil
}

// move changes the state if it is from.
func (c *Cluster) move(from, to state) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != from {
		return false
	}
	c.state = to
	return true
}

func (c *Cluster) connect(ctx context.Context) error {
	if c.cfg.Mode == ModeExternal {
		client, err := dial(ctx, c.cfg, c.log)
		c.client = client
		return err
	}
	m, err := startMember(ctx, c.cfg, c.log)
	if err != nil {
		return err
	}
	c.member, c.client = m, m.client()
	return nil
}

// watchMember reports a breakdown.
func (c *Cluster) watchMember() {
	err := c.member.failure(c.life.Done())
	if err == nil {
		return
	}
	c.store.fail(fault.New(fault.Unavailable, "the state store has broken down").WithCode(CodeFailed).WithCause(err))
	c.failed <- err
}

// Stop lets the calls in flight end, closes the client, then the server. It takes some milliseconds; ctx bounds it. Leases end by
// themselves when their time is up.
func (c *Cluster) Stop(ctx context.Context) error {
	if c.move(fresh, stopped) || c.move(starting, stopped) || !c.move(running, stopped) {
		return nil
	}
	if err := c.shutdown(ctx); err != nil {
		return fmt.Errorf("stop state store: %w", err)
	}
	return nil
}

// shutdown closes everything, the clients before the server, which would wait for them.
func (c *Cluster) shutdown(ctx context.Context) error {
	c.end()
	err := c.store.close(ctx)
	if err == nil {
		// Otherwise a task may be among the calls that did not end.
		c.tasks.Wait()
	}
	if c.member != nil {
		err = errors.Join(err, c.member.stop(ctx))
	}
	return err
}

// Ready tells whether the store can be read and written at this moment: nil, or a fault.Unavailable or fault.Deadline whose code says
// what is wrong, CodeFull among others.
func (c *Cluster) Ready(ctx context.Context) error {
	status, err := c.Status(ctx)
	if err != nil {
		return err
	}
	switch {
	case status.Full:
		return fault.New(fault.Unavailable, "the state store is full").WithCode(CodeFull)
	case status.Corrupt:
		return fault.New(fault.Unavailable, "the state store's members disagree").WithCode(CodeCorrupt)
	}
	return nil
}

// Status is the state of the store.
type Status struct {
	Revision Revision // newest
	Size     int64    // bytes on disk, without the log of changes
	InUse    int64    // bytes of Size that hold something
	Quota    int64    // bytes at which writes are refused; 0: not known
	Full     bool     // writes are refused
	Corrupt  bool     // etcd has found its members to differ
}

// Status asks the store how it is. The answer has passed through its leader.
func (c *Cluster) Status(ctx context.Context) (_ Status, err error) {
	ctx, call, err := c.store.begin(ctx, "status")
	if err != nil {
		return Status{}, err
	}
	defer func() { call.end(err) }()
	read, err := c.client.Get(ctx, c.cfg.Prefix, clientv3.WithCountOnly())
	if err != nil {
		return Status{}, readFault(err)
	}
	resp, err := c.etcdStatus(ctx)
	if err != nil {
		return Status{}, readFault(err)
	}
	s := Status{
		Revision: Revision(read.Header.Revision),
		Size:     resp.DbSize,
		InUse:    resp.DbSizeInUse,
		Quota:    resp.DbSizeQuota,
	}
	s.Full, s.Corrupt = alarms(resp.Errors)
	return s, nil
}

// etcdStatus asks over the connection there is; the client's own method dials a new one each time.
func (c *Cluster) etcdStatus(ctx context.Context) (*etcdserverpb.StatusResponse, error) {
	if c.member != nil {
		resp, err := c.client.Status(ctx, "")
		return (*etcdserverpb.StatusResponse)(resp), err
	}
	return etcdserverpb.NewMaintenanceClient(c.client.ActiveConnection()).Status(ctx, &etcdserverpb.StatusRequest{})
}
