package child

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Bounds of a worker's server.
const (
	maxMessage    = 4 << 20 // bytes, each way
	maxStreams    = 256     // calls at once on a connection
	handshakeTime = 5 * time.Second
	maxStack      = 4096 // bytes of a panic's stack in the log
)

// Serve serves what register registers on listener, with the bounds and interceptors of Main but without its process: no
// signals, no handshake, no tracing. It returns nil after ctx is done and every call has ended; it closes listener. Tests use
// it; a panic in a handler panics on.
func Serve(ctx context.Context, listener net.Listener, register func(*grpc.Server)) error {
	server := newServer(nil, func(method string, p any) { panic(p) })
	register(server)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	if err := server.Serve(listener); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	server.Stop() // Serve returns when Stop begins; this one waits for its end
	return nil
}

// newServer returns a server with a worker's bounds. tracing may be nil. panicked is called with what a handler panicked with.
func newServer(tracing *tracing, panicked func(method string, p any)) *grpc.Server {
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.WaitForHandlers(true), // so that after Stop no handler uses the engine
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			defer explain(info.FullMethod, panicked)
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			defer explain(info.FullMethod, panicked)
			return next(srv, requestStream{stream})
		}),
	}
	return grpc.NewServer(append(opts, tracing.serverOptions()...)...)
}

// requestStream tells a request that is not valid protobuf (text that is not UTF-8, mostly) as the caller's error. gRPC itself
// calls it an internal one, which would look like the worker's fault.
type requestStream struct{ grpc.ServerStream }

// RecvMsg implements grpc.ServerStream.
func (s requestStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err != nil && status.Code(err) == codes.Internal {
		return status.Error(codes.InvalidArgument, "the request is not a valid message; its text must be UTF-8")
	}
	return err
}

// explain passes a panic to panicked. It must be deferred itself.
func explain(method string, panicked func(method string, p any)) {
	if p := recover(); p != nil {
		panicked(method, p)
	}
}

// onPanic logs a panic as one line, so that it stands at the end of the log, and ends the program: native code that a panic left
// in the middle cannot be trusted, and a restart is the cure.
func onPanic(log *slog.Logger) func(method string, p any) {
	return func(method string, p any) {
		stack := debug.Stack()
		log.Error("a call panicked; the worker ends", "method", method, "panic", fmt.Sprint(p), "stack", string(stack[:min(len(stack), maxStack)]))
		os.Exit(exitPanic)
	}
}
