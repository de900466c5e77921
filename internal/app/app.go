package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/engine/remote"
	"github.com/orotund/orotund/internal/gateway"
	"github.com/orotund/orotund/internal/inference"
	"github.com/orotund/orotund/internal/lifecycle"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/style"
	"github.com/orotund/orotund/internal/telemetry"
	"github.com/orotund/orotund/internal/worker"
)

// App is one process: the modules that its roles need. What a module's Init makes is kept in a field for those that need it.
type App struct {
	cfg Config
	tel *telemetry.Telemetry
	log *slog.Logger

	lazy bool // start workers at the first segment

	cluster   *cluster.Cluster
	style     *style.Service
	engines   []*remote.Engine
	catalogue *engine.Catalogue
	codecPool *worker.Pool
	codecs    *codec.Set
	inference *inference.Service
	rpc       *rpc.Server
	gateway   *gateway.Gateway
	admin     *admin
	conns     []*grpc.ClientConn

	phase atomic.Int32 // of a Serve
}

// Phases of a Serve.
const (
	starting int32 = iota
	serving
	stopping
)

// New makes the process that cfg describes. Logs go to stderr. Nothing runs yet.
func New(ctx context.Context, cfg Config, stderr io.Writer) (*App, error) {
	tel, err := telemetry.New(ctx, cfg.Telemetry, Version, stderr)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if cfg.DataDir == "" {
		cfg.DataDir = config.DataDir()
	}
	if cfg.State.DataDir == "" {
		cfg.State.DataDir = filepath.Join(cfg.DataDir, "state")
	}
	return &App{cfg: cfg, tel: tel, log: tel.Logger()}, nil
}

// Speaker is what speaks requests in this process.
type Speaker interface{ gateway.Inference }

// Serve runs the configured roles until ctx ends, then stops them within the grace time. onReady is called when all run.
func (a *App) Serve(ctx context.Context, onReady func(*App)) error {
	defer a.close()
	manager, err := lifecycle.NewManager(a.log, a.modules())
	if err != nil {
		return err
	}
	worker.SweepSockets()
	targets := slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return !a.cfg.has(r) })
	if a.cfg.Admin.Listen != "" {
		targets = append(targets, "admin")
	}
	if !a.cfg.whole() && len(a.cfg.served()) > 0 {
		targets = append(targets, "rpc")
	}
	defer context.AfterFunc(ctx, func() { a.phase.Store(stopping) })()
	return manager.Run(ctx, lifecycle.RunOptions{Targets: targets, Grace: a.cfg.Grace, Ready: func() {
		a.phase.CompareAndSwap(starting, serving)
		a.log.Info("ready", "roles", strings.Join(a.cfg.Roles, ","), "version", Version, "started_ms", milliseconds(manager.Started()))
		onReady(a)
	}})
}

// Speak runs the inference role alone, without a store or a listener, for as long as use takes. Workers start when they are needed.
// It returns use's error; use has always returned before. When ctx ends first, the error is ctx's.
func (a *App) Speak(ctx context.Context, use func(ctx context.Context, s Speaker) error) error {
	defer a.close()
	a.lazy = true
	a.cfg.Roles, a.cfg.Admin.Listen = []string{RoleInference, RoleStyle}, ""
	manager, err := lifecycle.NewManager(a.log, a.modules())
	if err != nil {
		return err
	}
	runCtx, stop := context.WithCancel(ctx)
	defer stop()
	var used chan error // nil: use was not called
	err = manager.Run(runCtx, lifecycle.RunOptions{Targets: []string{RoleInference}, Grace: 5 * time.Second, Ready: func() {
		used = make(chan error, 1)
		go func() {
			defer stop()
			used <- use(runCtx, a.inference)
		}()
	}})
	stop()
	if used == nil {
		return cmp.Or(err, ctx.Err())
	}
	useErr := <-used
	if err != nil && ctx.Err() == nil && errors.Is(useErr, context.Canceled) {
		return err // what failed has ended use
	}
	return cmp.Or(useErr, err)
}

func (a *App) close() {
	for _, c := range a.conns {
		_ = c.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := a.tel.Shutdown(ctx); err != nil {
		a.log.Warn("telemetry was not flushed", "err", err)
	}
}

// GatewayAddr is where the gateway listens; nil without one.
func (a *App) GatewayAddr() net.Addr {
	if a.gateway == nil {
		return nil
	}
	return a.gateway.Addr()
}

// AdminAddr is where the admin endpoints are; nil without them.
func (a *App) AdminAddr() net.Addr {
	if a.admin == nil {
		return nil
	}
	return a.admin.addr()
}

// DataDir is the data directory in use.
func (a *App) DataDir() string { return a.cfg.DataDir }

// Engines tells the health of each engine: nil or why it cannot speak.
func (a *App) Engines() map[string]error {
	m := make(map[string]error, len(a.engines))
	for _, e := range a.engines {
		m[e.ID()] = e.Health()
	}
	return m
}

// CheckCodec starts the worker that encodes MP3 and AAC, within Speak, and returns why it cannot.
func (a *App) CheckCodec(ctx context.Context) error {
	lease, err := a.codecPool.Acquire(ctx, "")
	if err != nil {
		return err
	}
	lease.Release(true)
	return nil
}

// Ready returns nil if the process can do its work, else every reason why it cannot.
func (a *App) Ready() error {
	switch a.phase.Load() {
	case starting:
		return errors.New("starting")
	case stopping:
		return errors.New("stopping")
	}
	var errs []error
	if len(a.engines) > 0 {
		var broken []error
		for _, e := range a.engines {
			if err := e.Health(); err != nil {
				broken = append(broken, err)
			}
		}
		if len(broken) == len(a.engines) {
			errs = append(errs, broken...)
		}
	}
	if a.cluster != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := a.cluster.Ready(ctx); err != nil {
			errs = append(errs, fmt.Errorf("state: %w", err))
		}
	}
	return errors.Join(errs...)
}

func milliseconds(m map[string]time.Duration) map[string]int64 {
	out := make(map[string]int64, len(m))
	for k, v := range m {
		out[k] = v.Milliseconds()
	}
	return out
}
