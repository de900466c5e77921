package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// demoted tells whether a warning or error of etcd is no news: that it opens no port, what it says of the version of a file that is
// younger than some seconds, and errors of calls, which their callers get.
func demoted(message string) bool {
	switch message {
	case "Running http and grpc server on single port. This is not recommended for production.",
		"simple token is not cryptographically signed",
		"Failed to detect schema version",
		"failed to update storage version",
		"Failed to detect storage schema version. Please wait till wal snapshot before upgrading cluster.",
		"retrying of unary invoker failed":
		return true
	}
	return false
}

// slogCore writes what etcd logs through zap to slog: errors and warnings as such, everything else at debug.
type slogCore struct {
	handler  slog.Handler
	stopping *atomic.Bool // from then on warnings, which tell what the stop cut short, are no news either
}

var _ zapcore.Core = (*slogCore)(nil)

// slogLevel maps levels. Etcd's info is detail to Orotund's operator.
func slogLevel(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled implements zapcore.Core. Etcd's own debug level is never wanted: it logs every request.
func (c *slogCore) Enabled(l zapcore.Level) bool {
	return l > zapcore.DebugLevel && c.handler.Enabled(context.Background(), slogLevel(l))
}

// With implements zapcore.Core.
func (c *slogCore) With(fields []zapcore.Field) zapcore.Core {
	return &slogCore{handler: c.handler.WithAttrs(attrs(fields)), stopping: c.stopping}
}

// Check implements zapcore.Core.
func (c *slogCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c *slogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := slogLevel(e.Level)
	if demoted(e.Message) || level == slog.LevelWarn && c.stopping.Load() {
		level = slog.LevelDebug
	}
	ctx := context.Background()
	if !c.handler.Enabled(ctx, level) {
		return nil
	}
	r := slog.NewRecord(e.Time, level, "etcd: "+e.Message, 0)
	r.AddAttrs(attrs(fields)...)
	return c.handler.Handle(ctx, r)
}

// Sync implements zapcore.Core.
func (c *slogCore) Sync() error { return nil }

func attrs(fields []zapcore.Field) []slog.Attr {
	out := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		m := zapcore.NewMapObjectEncoder()
		f.AddTo(m)
		for k, v := range m.Fields {
			out = append(out, slog.Any(k, v))
		}
	}
	return out
}

// mishap catches what etcd takes for its end. It would exit the process or panic; Orotund must go on serving requests, which do not
// need the store, and tell what happened. So the goroutine that met the end ends, as etcd's own code relies on, and the first reason
// is kept.
type mishap struct {
	once   sync.Once
	reason error
	done   chan struct{} // closed when reason is set
}

var _ zapcore.CheckWriteHook = (*mishap)(nil)

func newMishap() *mishap { return &mishap{done: make(chan struct{})} }

// OnWrite implements zapcore.CheckWriteHook for fatal and panic entries.
func (m *mishap) OnWrite(ce *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := fmt.Errorf("etcd: %s", ce.Message)
	for _, f := range fields {
		if cause, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			err = fmt.Errorf("etcd: %s: %w", ce.Message, cause)
			break
		}
	}
	m.set(err)
	runtime.Goexit()
}

func (m *mishap) set(err error) {
	m.once.Do(func() {
		m.reason = err
		close(m.done)
	})
}

// zapLogger makes the logger that etcd gets. ends may be nil for a client, which has nothing fatal to say.
func zapLogger(log *slog.Logger, ends *mishap, stopping *atomic.Bool) *zap.Logger {
	var opts []zap.Option
	if ends != nil {
		opts = append(opts, zap.WithFatalHook(ends), zap.WithPanicHook(ends))
	}
	return zap.New(&slogCore{handler: log.Handler(), stopping: stopping}, opts...)
}
