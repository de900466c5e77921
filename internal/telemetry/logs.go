package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// newLogger makes the logger of a process.
func newLogger(cfg LogConfig, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: levels[cfg.Level]}
	if cfg.Format == formatText {
		return slog.New(&traceHandler{next: slog.NewTextHandler(w, opts)})
	}
	return slog.New(&traceHandler{next: slog.NewJSONHandler(w, opts)})
}

// traceHandler adds trace_id and span_id of the context's span to each record, at the top level also where groups are open: from
// the first group on, it keeps groups and attributes itself and nests them only when a record comes.
type traceHandler struct {
	next   slog.Handler
	groups []group
}

// group is one open group with the attributes that were added in it.
type group struct {
	name  string
	attrs []slog.Attr
}

var _ slog.Handler = (*traceHandler)(nil)

// Enabled asks the handler behind.
func (h *traceHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// Handle adds the ids and hands the record on.
func (h *traceHandler) Handle(ctx context.Context, r slog.Record) error {
	sc := trace.SpanContextFromContext(ctx)
	if len(h.groups) > 0 {
		r = h.nest(r)
	} else if sc.IsValid() {
		r = r.Clone()
	}
	if sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.next.Handle(ctx, r)
}

// nest returns a record whose attributes stand in the open groups.
func (h *traceHandler) nest(r slog.Record) slog.Record {
	inner := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool { inner = append(inner, a); return true })
	for i := len(h.groups) - 1; i >= 0; i-- {
		g := h.groups[i]
		all := make([]slog.Attr, 0, len(g.attrs)+len(inner))
		all = append(append(all, g.attrs...), inner...)
		inner = []slog.Attr{{Key: g.name, Value: slog.GroupValue(all...)}}
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(inner...)
	return out
}

// WithAttrs adds attributes to the innermost group.
func (h *traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.groups) == 0 {
		return &traceHandler{next: h.next.WithAttrs(attrs)}
	}
	groups := append([]group(nil), h.groups...)
	last := &groups[len(groups)-1]
	last.attrs = append(append([]slog.Attr(nil), last.attrs...), attrs...)
	return &traceHandler{next: h.next, groups: groups}
}

// WithGroup opens a group; slog asks that an empty name changes nothing.
func (h *traceHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &traceHandler{next: h.next, groups: append(append([]group(nil), h.groups...), group{name: name})}
}
