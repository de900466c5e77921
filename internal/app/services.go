package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/flac"
	"github.com/orotund/orotund/internal/codec/opus"
	codecremote "github.com/orotund/orotund/internal/codec/remote"
	"github.com/orotund/orotund/internal/engine/remote"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/telemetry"
	"github.com/orotund/orotund/internal/worker"
)

// dial connects a role to another process.
func (a *App) dial(role, addr string) (*grpc.ClientConn, error) {
	conn, err := rpc.Dial(addr, a.tel.Provider(role), a.tel.Propagator())
	if err != nil {
		return nil, err
	}
	a.conns = append(a.conns, conn)
	return conn, nil
}

// enginesService starts and stops all engines at once. An engine that cannot start does not keep the others from it.
type enginesService struct {
	engines []*remote.Engine
	log     *slog.Logger
}

// Name implements lifecycle.Service.
func (s *enginesService) Name() string { return "engines" }

// Start implements lifecycle.Service.
func (s *enginesService) Start(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, e := range s.engines {
		wg.Go(func() {
			if err := e.Start(ctx); err != nil {
				s.log.Warn("engine is not available; `orotund doctor` says how to mend it", "engine", e.ID(), "err", err)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// Stop implements lifecycle.Service.
func (s *enginesService) Stop(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, e := range s.engines {
		wg.Go(func() { _ = e.Stop(ctx) })
	}
	wg.Wait()
	return nil
}

// encodersPerWorker is how many streams one codec worker encodes at once.
const encodersPerWorker = 256

// newCodecs returns the codec workers and the set of codecs over them.
func newCodecs(cfg CodecConfig, env []string, lazy bool, log *slog.Logger) (*worker.Pool, *codec.Set) {
	n := cfg.Instances
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	least := n
	if lazy || cfg.Disabled {
		least = 0
	}
	pool := worker.NewPool(
		worker.Spec{Name: "codec", Service: "orotund.codec.v1", Command: cfg.Command, Env: env},
		worker.PoolConfig{
			Min: least, Max: n, Slots: encodersPerWorker, Queue: cfg.Queue, Wait: cfg.QueueWait,
			Limits: worker.Limits{Handshake: cfg.StartTimeout, HealthInterval: cfg.HealthPeriod, HealthTimeout: cfg.HealthTimeout},
			Probe: func(ctx context.Context, conn *grpc.ClientConn) (int, error) {
				r, err := codecv1.NewEncoderClient(conn).Health(ctx, &codecv1.HealthRequest{})
				return int(r.GetActive()), err
			},
		}, log)
	dial := func(ctx context.Context) (codecv1.EncoderClient, func(), error) {
		lease, err := pool.Acquire(ctx, "")
		if err != nil {
			return nil, nil, err
		}
		return codecv1.NewEncoderClient(lease.Conn()), func() { lease.Release(true) }, nil
	}
	codecs := []codec.Codec{codec.PCM{}, codec.WAV{}, codec.MuLaw(), codec.ALaw(), flac.Codec{}, opus.Codec{}}
	if !cfg.Disabled {
		codecs = append(codecs, codecremote.New(codec.MP3(), dial), codecremote.New(codec.AAC(), dial))
	}
	return pool, codec.NewSet(codecs...)
}

// codecService starts and stops the codec workers.
type codecService struct {
	pool *worker.Pool
	lazy bool
	log  *slog.Logger
}

// Name implements lifecycle.Service.
func (s *codecService) Name() string { return "codecs" }

// Start implements lifecycle.Service.
func (s *codecService) Start(ctx context.Context) error {
	if err := s.pool.Start(ctx); err != nil {
		s.log.Warn("mp3 and aac are not available; `orotund doctor` says how to mend it", "err", err)
	}
	return ctx.Err()
}

// Stop implements lifecycle.Service.
func (s *codecService) Stop(ctx context.Context) error { return s.pool.Stop(ctx) }

// admin is the operators' listener.
type admin struct {
	listen string
	server *http.Server
	ln     net.Listener
	failed chan error
}

func newAdmin(listen string, tel *telemetry.Telemetry, ready func() error) *admin {
	return &admin{listen: listen, failed: make(chan error, 1), server: &http.Server{
		Handler: telemetry.AdminHandler(tel, ready), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(tel.Logger().Handler(), slog.LevelDebug),
	}}
}

func (s *admin) addr() net.Addr { return s.ln.Addr() }

// Name implements lifecycle.Service.
func (s *admin) Name() string { return "admin" }

// Start implements lifecycle.Service.
func (s *admin) Start(ctx context.Context) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	s.ln = ln
	go func() {
		if err := s.server.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("admin: %w", err)
		}
	}()
	return nil
}

// Failed implements lifecycle.Failer.
func (s *admin) Failed() <-chan error { return s.failed }

// Stop implements lifecycle.Service. A scrape that runs is finished; a profile is cut.
func (s *admin) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		return s.server.Close()
	}
	return nil
}

// observeEngines registers the gauges of the workers.
func (a *App) observeEngines() error {
	m := a.tel.Meter("orotund/worker")
	var errs [4]error
	var workers, busy, queued metric.Int64ObservableGauge
	var restarts metric.Int64ObservableCounter
	workers, errs[0] = m.Int64ObservableGauge("orotund.workers", metric.WithDescription("Workers that are ready."))
	busy, errs[1] = m.Int64ObservableGauge("orotund.workers.busy", metric.WithDescription("Calls that workers run."))
	queued, errs[2] = m.Int64ObservableGauge("orotund.workers.queued", metric.WithDescription("Calls that wait for a worker."))
	restarts, errs[3] = m.Int64ObservableCounter("orotund.workers.restarts", metric.WithDescription("Workers that ended unasked."))
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("worker metrics: %w", err)
	}
	_, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		report := func(name string, s worker.Stats) {
			attrs := metric.WithAttributes(attribute.String("worker", name))
			o.ObserveInt64(workers, int64(s.Ready), attrs)
			o.ObserveInt64(busy, int64(s.Busy), attrs)
			o.ObserveInt64(queued, int64(s.Queued), attrs)
			o.ObserveInt64(restarts, s.Restarts, attrs)
		}
		for _, e := range a.engines {
			report(e.ID(), e.Stats())
		}
		if a.codecPool != nil {
			report("codec", a.codecPool.Stats())
		}
		return nil
	}, workers, busy, queued, restarts)
	if err != nil {
		return fmt.Errorf("worker metrics: %w", err)
	}
	return nil
}
