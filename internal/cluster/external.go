package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/orotund/orotund/internal/fault"
)

// How a connection to an external etcd is kept.
const (
	keepAliveEvery   = 10 * time.Second
	keepAliveTimeout = 5 * time.Second
	// maxMessage is what may come in one message: a page's batch of largest values, and room for the rest.
	maxMessage = (batch + 4) * MaxValueBytes
)

// dial makes a client of an external etcd and waits for its first answer.
func dial(ctx context.Context, cfg Config, log *slog.Logger) (*clientv3.Client, error) {
	x := cfg.External
	// The client lives longer than ctx, which bounds its first login all the same.
	life, cancel := context.WithCancel(context.Background())
	login := context.AfterFunc(ctx, cancel)
	defer login()
	settings := clientv3.Config{
		Endpoints:            x.Endpoints,
		Context:              life,
		DialKeepAliveTime:    keepAliveEvery,
		DialKeepAliveTimeout: keepAliveTimeout,
		MaxCallSendMsgSize:   2 * MaxTxnBytes,
		MaxCallRecvMsgSize:   maxMessage,
		Username:             x.User,
		Password:             x.Password.Reveal(),
		Logger:               zapLogger(log, nil, new(atomic.Bool)),
		DialOptions:          []grpc.DialOption{grpc.WithDisableServiceConfig()},
	}
	if x.CAFile != "" || x.CertFile != "" {
		info := transport.TLSInfo{TrustedCAFile: x.CAFile, CertFile: x.CertFile, KeyFile: x.KeyFile}
		tls, err := info.ClientConfig()
		if err != nil {
			return nil, fault.New(fault.Unavailable, "the TLS files for the state store cannot be used").
				WithCode(CodeFailed).WithCause(err)
		}
		settings.TLS = tls
	}
	client, err := clientv3.New(settings)
	if err != nil {
		return nil, unreachable(err)
	}
	if err := greet(ctx, client, cfg); err != nil {
		_ = client.Close()
		return nil, err
	}
	if !login() {
		_ = client.Close()
		return nil, unreachable(ctx.Err())
	}
	return client, nil
}

// greet asks again until etcd answers, ctx ends, or the answer is a refusal.
func greet(ctx context.Context, client *clientv3.Client, cfg Config) error {
	for {
		try, cancel := context.WithTimeout(ctx, cfg.RequestTimeout)
		_, err := client.Get(try, cfg.Prefix, clientv3.WithCountOnly())
		cancel()
		if err == nil {
			return nil
		}
		if hasCode(readFault(err), CodeRefused) {
			return readFault(err)
		}
		select {
		case <-ctx.Done():
			return unreachable(err)
		case <-time.After(min(cfg.RequestTimeout, time.Second) / 4):
		}
	}
}

func unreachable(err error) error {
	if f := readFault(err); hasCode(f, CodeRefused) {
		return f
	}
	return fault.New(fault.Unavailable, "the external etcd cannot be reached").WithCode(CodeFailed).
		WithCause(fmt.Errorf("connect: %w", err))
}
