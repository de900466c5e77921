package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/orotund/orotund/internal/fault"
)

// MaxMessage is the largest message that roles take from each other, in bytes: the text of the largest request that a gateway can be
// configured to take (64 MiB), and what is around it.
const MaxMessage = 65 << 20

// Server serves the roles of this process to others over gRPC. It is a lifecycle.Service.
type Server struct {
	addr   string
	log    *slog.Logger
	grpc   *grpc.Server
	health *health.Server
	ln     net.Listener
	failed chan error
}

// NewServer returns a server for addr that has not been started; register services on Registrar before Start.
func NewServer(addr string, provider trace.TracerProvider, propagator propagation.TextMapPropagator, log *slog.Logger) *Server {
	s := &Server{addr: addr, log: log, health: health.NewServer(), failed: make(chan error, 1)}
	s.grpc = grpc.NewServer(
		grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(provider), otelgrpc.WithPropagators(propagator))),
		grpc.ChainUnaryInterceptor(s.unary), grpc.ChainStreamInterceptor(s.stream),
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxConcurrentStreams(10_000),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	return s
}

// Registrar is where services are registered.
func (s *Server) Registrar() grpc.ServiceRegistrar { return s.grpc }

// Name is "rpc".
func (s *Server) Name() string { return "rpc" }

// Addr is the address that the server listens on, after Start.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Start listens and serves.
func (s *Server) Start(ctx context.Context) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("rpc.listen: %w", err)
	}
	s.ln = ln
	go func() {
		if err := s.grpc.Serve(ln); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			s.failed <- fmt.Errorf("rpc server: %w", err)
		}
	}()
	s.log.Info("serving roles", "addr", ln.Addr().String())
	return nil
}

// Failed yields the error that ended the server unasked.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop refuses new calls, lets the running ones finish until ctx ends, and cuts the rest.
func (s *Server) Stop(ctx context.Context) error {
	s.health.Shutdown()
	done := make(chan struct{})
	go func() { s.grpc.GracefulStop(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.grpc.Stop()
		<-done
		return ctx.Err()
	}
}

func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer s.recover(ctx, info.FullMethod, &err)
	resp, err = next(ctx, req)
	return resp, fault.ToGRPC(err)
}

func (s *Server) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer s.recover(ss.Context(), info.FullMethod, &err)
	return fault.ToGRPC(next(srv, ss))
}

// recover turns a panic into an Internal error: one bad request does not end the others.
func (s *Server) recover(ctx context.Context, method string, err *error) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "panic", "method", method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = fault.ToGRPC(fault.New(fault.Internal, "internal error"))
	}
}
