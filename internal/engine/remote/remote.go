// Package remote is an engine that runs as worker programs and serves orotund.engine.v1.
package remote

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/worker"
)

// Service is the contract that workers name in their handshake.
const Service = "orotund.engine.v1"

// Options of an engine.
type Options struct {
	Min         int      // workers started at once; 0: at the first segment. At most Config.Instances
	Env         []string // added to the workers' environment
	Tracer      trace.Tracer
	Propagator  propagation.TextMapPropagator
	OnDescribed func() // called when the description is there or has changed; may be nil
}

// Engine runs segments on a pool of workers.
type Engine struct {
	id   string
	cfg  engine.Config
	opts Options
	pool *worker.Pool
	desc atomic.Pointer[described]

	mu     sync.Mutex
	loaded map[*grpc.ClientConn]map[string]bool // models by worker
}

// described is a description with what is needed to ask for a voice.
type described struct {
	engine.Description
	voices map[string]voiceRef // by public id
}

type voiceRef struct {
	id         string // the engine's own
	model      string
	sampleRate int
}

// New returns an engine whose workers have not been started.
func New(id string, cfg engine.Config, opts Options, log *slog.Logger) *Engine {
	e := &Engine{id: id, cfg: cfg, opts: opts, loaded: map[*grpc.ClientConn]map[string]bool{}}
	n := cfg.Instances
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	e.pool = worker.NewPool(
		worker.Spec{Name: id, Service: Service, Command: cfg.Command, Env: opts.Env},
		worker.PoolConfig{
			Min: min(opts.Min, n), Max: n, Slots: cfg.Concurrency, Queue: cfg.Queue, Wait: cfg.QueueWait,
			Limits: worker.Limits{Handshake: cfg.StartTimeout, HealthInterval: cfg.HealthPeriod, HealthTimeout: cfg.HealthTimeout},
			Init:   e.describe,
			Probe: func(ctx context.Context, conn *grpc.ClientConn) (int, error) {
				r, err := enginev1.NewEngineClient(conn).Health(ctx, &enginev1.HealthRequest{})
				return int(r.GetActive()), err
			},
		}, log)
	return e
}

// ID is the engine's name in the configuration.
func (e *Engine) ID() string { return e.id }

// Start launches the first workers and returns when one is ready; the error says why none is. The engine goes on trying.
func (e *Engine) Start(ctx context.Context) error { return e.pool.Start(ctx) }

// Stop ends the workers.
func (e *Engine) Stop(ctx context.Context) error { return e.pool.Stop(ctx) }

// Stats is a snapshot of the workers.
func (e *Engine) Stats() worker.Stats { return e.pool.Stats() }

// Describe returns the last description; false as long as no worker has given one.
func (e *Engine) Describe() (engine.Description, bool) {
	d := e.desc.Load()
	if d == nil {
		return engine.Description{}, false
	}
	return d.Description, true
}

// Health returns nil if a worker is ready or on its way.
func (e *Engine) Health() error {
	if err := e.pool.Stats().Err; err != nil {
		return fmt.Errorf("engine %s: %w", e.id, err)
	}
	return nil
}

// Pids lists the workers' process ids.
func (e *Engine) Pids() []int { return e.pool.Pids() }

// describe is called on each new worker.
func (e *Engine) describe(ctx context.Context, conn *grpc.ClientConn) error {
	r, err := enginev1.NewEngineClient(conn).Describe(ctx, &enginev1.DescribeRequest{})
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	if n := int(r.GetMaxConcurrency()); n < e.cfg.Concurrency {
		return fmt.Errorf("concurrency is set to %d, but the engine allows %d calls at once", e.cfg.Concurrency, n)
	}
	d, loaded, err := e.read(r)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	e.mu.Lock()
	for c := range e.loaded { // workers that have gone
		if c.GetState().String() == "SHUTDOWN" {
			delete(e.loaded, c)
		}
	}
	e.loaded[conn] = loaded
	e.mu.Unlock()
	e.desc.Store(d)
	if e.opts.OnDescribed != nil {
		e.opts.OnDescribed()
	}
	return nil
}

// load makes sure that a worker has a model.
func (e *Engine) load(ctx context.Context, conn *grpc.ClientConn, model string) error {
	e.mu.Lock()
	done := e.loaded[conn][model]
	e.mu.Unlock()
	if done {
		return nil
	}
	if _, err := enginev1.NewEngineClient(conn).Load(ctx, &enginev1.LoadRequest{Model: model}); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.loaded[conn]; m != nil {
		m[model] = true
	}
	return nil
}

// Synthesize speaks one segment; see engine.Engine.
func (e *Engine) Synthesize(ctx context.Context, u engine.Utterance) (speech.Stream, error) {
	began := time.Now()
	lease, err := e.pool.Acquire(ctx, u.Voice)
	if err != nil {
		return nil, err
	}
	ref, ok := e.desc.Load().voices[u.Voice]
	if !ok {
		lease.Release(true)
		return nil, &fault.Error{Kind: fault.NotFound, Code: "voice_not_found", Field: "voice", Message: "engine " + e.id + " no longer has this voice"}
	}
	s := e.newStream(ctx, lease, u, ref, time.Since(began))
	if err := s.open(u, ref); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

var _ engine.Engine = (*Engine)(nil)
