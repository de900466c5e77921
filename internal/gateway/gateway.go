// Package gateway is the gateway role: every public protocol. It decodes a request to one speech.Request, says who asks, and frames
// the audio back. Errors get their protocol's form here and nowhere else.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/speech"
)

// Config of the gateway role.
type Config struct {
	Listen        string        `yaml:"listen" doc:"Address of the public HTTP API."`
	MaxBody       config.Bytes  `yaml:"max_body" doc:"Largest request body."`
	MaxCharacters int           `yaml:"max_characters" doc:"Most Unicode characters in the text of one request."`
	ReadTimeout   time.Duration `yaml:"read_timeout" doc:"Longest time for a request's headers, and again for its body, to arrive."`
	WriteTimeout  time.Duration `yaml:"write_timeout" doc:"Longest time that one frame of audio may wait for the client to take it before the client is cut off."`
	IdleTimeout   time.Duration `yaml:"idle_timeout" doc:"Longest time that a connection is kept open without a request."`
}

// DefaultConfig returns the settings that suit most.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:8700", MaxBody: 1 << 20, MaxCharacters: 100_000,
		ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
}

// Validate tells every value that cannot be used.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, config.Invalid("listen", "must be HOST:PORT, for example 127.0.0.1:8700"))
	}
	if c.MaxBody < 1024 || c.MaxBody > 64<<20 {
		errs = append(errs, config.Invalid("max_body", "must be from 1KiB to 64MiB"))
	}
	if c.MaxCharacters < 1 {
		errs = append(errs, config.Invalid("max_characters", "must be at least 1"))
	}
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"read_timeout", c.ReadTimeout}, {"write_timeout", c.WriteTimeout}, {"idle_timeout", c.IdleTimeout}} {
		if d.d < 10*time.Millisecond || d.d > 24*time.Hour {
			errs = append(errs, config.Invalid(d.key, "must be from 10ms to 24h"))
		}
	}
	return errors.Join(errs...)
}

// Inference is what the gateway asks of the inference role.
type Inference interface {
	// Speak begins a request; ctx holds for its whole stream, which the gateway closes. Errors are *fault.Error, with fields named as in
	// speech.Request and speech.Format.
	Speak(ctx context.Context, req speech.Request) (speech.Stream, error)
	// Catalogue lists what can be asked for now.
	Catalogue(ctx context.Context) (speech.Catalogue, error)
}

// Telemetry is what the gateway needs to be seen.
type Telemetry struct {
	Provider   trace.TracerProvider
	Propagator propagation.TextMapPropagator
	Meter      metric.MeterProvider
	Log        *slog.Logger
}

// Gateway is the gateway role. It is a lifecycle.Service.
type Gateway struct {
	cfg       Config
	inference Inference
	log       *slog.Logger
	server    *http.Server
	ln        net.Listener
	failed    chan error
	door      *door
	cut       context.CancelFunc // ends the requests that run
}

// New returns the gateway; version is told to clients in the Server header.
func New(cfg Config, inference Inference, tel Telemetry, version string) *Gateway {
	g := &Gateway{cfg: cfg, inference: inference, log: tel.Log, failed: make(chan error, 1), door: newDoor()}
	h := g.guard(g.routes(), "orotund/"+version)
	h = otelhttp.NewHandler(h, "http", otelhttp.WithTracerProvider(tel.Provider), otelhttp.WithPropagators(tel.Propagator),
		otelhttp.WithMeterProvider(tel.Meter), otelhttp.WithSpanNameFormatter(spanName))
	h = breakable(h)
	base, cut := context.WithCancel(context.Background())
	g.cut = cut
	g.server = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: cfg.ReadTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(tel.Log.Handler(), slog.LevelDebug),
	}
	return g
}

// routes is every public route; what it does not hold is answered by notFound, in the form of the API that the path belongs to.
func (g *Gateway) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/audio/speech", g.handle(g.speech))
	mux.Handle("GET /v1/audio/voices", g.handle(g.openAIVoices))
	mux.Handle("GET /v1/models", g.handle(g.openAIModels))
	mux.Handle("GET /v1/models/{model}", g.handle(g.openAIModel))
	mux.Handle("GET /api/v1/voices", g.handle(g.restVoices))
	mux.Handle("GET /{$}", http.HandlerFunc(g.index))
	mux.Handle("/", g.handle(notFound(mux)))
	return mux
}

// spanName is the route, with its method; never the path or a method that the client made up: names are few.
func spanName(_ string, r *http.Request) string {
	if r.Pattern == "" || r.Pattern == "/" {
		return "HTTP"
	}
	return r.Pattern
}

// Name is "gateway".
func (g *Gateway) Name() string { return "gateway" }

// Addr is the address that the gateway listens on, after Start.
func (g *Gateway) Addr() net.Addr { return g.ln.Addr() }

// Start listens and serves.
func (g *Gateway) Start(ctx context.Context) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", g.cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("gateway.listen: %s is in use by another program; choose another address with --gateway.listen or OROTUND_GATEWAY_LISTEN", g.cfg.Listen)
	}
	if err != nil {
		return fmt.Errorf("gateway.listen: %w", err)
	}
	g.ln = ln
	go func() {
		if err := g.server.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			g.failed <- fmt.Errorf("gateway: %w", err)
		}
	}()
	g.log.Info("gateway serves", "addr", ln.Addr().String())
	return nil
}

// Failed yields the error that ended the gateway unasked.
func (g *Gateway) Failed() <-chan error { return g.failed }

// Drain makes new requests fail with 503 while the running ones go on; Stop is to follow.
func (g *Gateway) Drain() { g.door.close() }

// Stop refuses new requests with 503, lets the running ones finish until ctx ends, and cuts the rest.
func (g *Gateway) Stop(ctx context.Context) error {
	defer g.cut()
	select { // the listener stays open meanwhile: 503 tells more than a refused connection
	case <-g.door.close():
	case <-ctx.Done():
	}
	err := g.server.Shutdown(ctx)
	if err != nil {
		g.cut()
		_ = g.server.Close()
	}
	return err
}

// index tells a person in a browser where to go.
func (g *Gateway) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, `Orotund speaks here.

POST /v1/audio/speech   text to speech, as OpenAI's API
GET  /v1/audio/voices   voices
GET  /v1/models         models
GET  /api/v1/voices     voices, with what they can do
`)
}
