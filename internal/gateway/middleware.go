package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/orotund/orotund/internal/fault"
)

// Headers of every response.
const (
	headerRequestID = "X-Request-Id"
	headerTraceID   = "X-Trace-Id"
	headerWarning   = "X-Orotund-Warning"
)

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// errCutOff is a handler's answer when the response has begun and cannot be completed: the connection is broken, so that the client
// sees an error and not a short file.
var errCutOff = errors.New("response cut off")

// recorder remembers what was answered, and gives the client a time to take each write.
type recorder struct {
	http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration // of one write
	status  int
	bytes   int64
}

// WriteHeader remembers the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts. The deadline is set anew each time, for one of an earlier write or request on this connection may have passed.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	_ = w.rc.SetWriteDeadline(time.Now().Add(w.timeout))
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// brokenKey finds a request's *bool that tells breakable to break the connection.
type brokenKey struct{}

// breakable is outermost: it breaks the connection of a response that was cut off, when all others have seen how it ended.
func breakable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		broken := new(bool)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), brokenKey{}, broken)))
		if *broken {
			panic(http.ErrAbortHandler)
		}
	})
}

// guard is around every route: request and trace ids, the log line, refusal while draining, and panics.
func (g *Gateway) guard(next http.Handler, server string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get(headerRequestID)
		if !requestIDForm.MatchString(id) {
			id = newRequestID()
			r.Header.Set(headerRequestID, id)
		}
		h := w.Header()
		h.Set(headerRequestID, id)
		h.Set("Server", server)
		h.Set("X-Content-Type-Options", "nosniff")
		if sc := trace.SpanContextFromContext(r.Context()); sc.HasTraceID() {
			h.Set(headerTraceID, sc.TraceID().String())
		}
		rec := &recorder{ResponseWriter: w, rc: http.NewResponseController(w), timeout: g.cfg.WriteTimeout}
		serve := next
		if g.door.enter() {
			defer g.door.leave()
		} else {
			h.Set("Connection", "close")
			serve = http.HandlerFunc(refuse)
		}
		cutOff := g.protect(serve, rec, r)
		_ = rec.rc.SetWriteDeadline(time.Now().Add(rec.timeout)) // for what net/http has yet to send
		g.log.InfoContext(r.Context(), "request", "request_id", id, "method", r.Method, "route", r.Pattern, "status", rec.status,
			"bytes", rec.bytes, "took_ms", time.Since(began).Milliseconds(), "cut_off", cutOff)
	})
}

// protect runs a handler that may panic, and tells whether its response was cut off.
func (g *Gateway) protect(next http.Handler, rec *recorder, r *http.Request) (cutOff bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			g.log.ErrorContext(r.Context(), "panic", "request_id", r.Header.Get(headerRequestID), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if rec.status == 0 {
				writeFault(rec, r, fault.New(fault.Internal, "internal error"))
				return
			}
		}
		cutOff = true
		if broken, ok := r.Context().Value(brokenKey{}).(*bool); ok {
			*broken = true
		}
		trace.SpanFromContext(r.Context()).SetStatus(codes.Error, "response cut off")
	}()
	next.ServeHTTP(rec, r)
	return false
}

// refuse answers every request while the server shuts down.
func refuse(w http.ResponseWriter, r *http.Request) {
	writeFault(w, r, fault.New(fault.Unavailable, "the server is shutting down").WithCode("shutting_down").WithRetryAfter(time.Second))
}

func newRequestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// handler is a route that returns its error instead of writing it.
type handler func(w http.ResponseWriter, r *http.Request) error

// handle answers a handler's error. What is ours to mend is logged here: the client is not told the cause.
func (g *Gateway) handle(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if errors.Is(err, errCutOff) {
			panic(http.ErrAbortHandler)
		}
		if err == nil {
			return
		}
		f := fault.From(err)
		if f.Kind.HTTP() >= http.StatusInternalServerError {
			g.log.WarnContext(r.Context(), "request failed", "request_id", r.Header.Get(headerRequestID), "kind", f.Kind, "err", err)
		}
		writeFault(w, r, f)
	})
}

// notFound tells a path that does not exist from a method that it does not take.
func notFound(mux *http.ServeMux) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
			if _, pattern := mux.Handler(probe); pattern != "/" {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			return fault.New(fault.NotFound, "no such path").WithCode("path_not_found")
		}
		methods := strings.Join(allowed, ", ")
		w.Header().Set("Allow", methods)
		return fault.New(fault.Method, "this path takes %s", methods)
	}
}
