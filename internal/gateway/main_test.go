package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/codec"
	codecremote "github.com/orotund/orotund/internal/codec/remote"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/testkit/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// inference checks requests with the catalogue and the codecs that the real one has; what it says is next's.
type inference struct {
	catalogue *engine.Catalogue
	codecs    *codec.Set
	next      func(ctx context.Context, n int) (speech.Event, error) // the n-th event of a stream, from 0

	mu      sync.Mutex
	asked   []speech.Request
	streams []*stream
	failing error // what Catalogue answers
}

// describer is an engine that is only asked what it has.
type describer struct {
	engine.Engine
	id     string
	voices []speech.Voice
}

func (d describer) ID() string { return d.id }
func (d describer) Describe() (engine.Description, bool) {
	return engine.Description{Voices: d.voices}, true
}

func newInference() *inference {
	c := engine.NewCatalogue(engine.DefaultVoices(), engine.DefaultModels())
	c.Add(describer{id: "espeak", voices: []speech.Voice{
		{ID: "espeak.cmn-latn-pinyin", Name: "Mandarin", Engine: "espeak", Languages: []string{"zh-CN", "cmn"}, SampleRate: 22050},
		{ID: "espeak.en-gb", Name: "English", Engine: "espeak", Languages: []string{"en-GB", "en"}, Gender: "male", SampleRate: 22050}}})
	c.Add(describer{id: "flite", voices: []speech.Voice{
		{ID: "flite.rms", Name: "rms", Engine: "flite", Languages: []string{"en-US"}, Gender: "male", SampleRate: 16000}}})
	return &inference{catalogue: c, codecs: codec.NewSet(codec.PCM{}, codec.WAV{}, codecremote.New(codec.MP3(), nil)), next: frames("one", "two")}
}

func (f *inference) Catalogue(context.Context) (speech.Catalogue, error) {
	return f.catalogue.Snapshot(), f.failing
}

func (f *inference) Speak(ctx context.Context, req speech.Request) (speech.Stream, error) {
	format, err := f.codecs.Resolve(req.Format, 24000)
	if err != nil {
		return nil, err
	}
	if _, err := f.catalogue.Route(req.Model, req.Voice); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	st := &stream{ctx: ctx, format: format, next: f.next}
	f.asked, f.streams = append(f.asked, req), append(f.streams, st)
	return st, nil
}

// last returns the latest request and its stream.
func (f *inference) last(t *testing.T) (speech.Request, *stream) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.asked) == 0 {
		t.Fatal("inference was not asked")
	}
	return f.asked[len(f.asked)-1], f.streams[len(f.streams)-1]
}

// stream is a speech.Stream of scripted events.
type stream struct {
	ctx    context.Context
	format speech.Format
	next   func(ctx context.Context, n int) (speech.Event, error)
	n      int
	closed atomic.Int32
}

func (s *stream) Format() speech.Format { return s.format }
func (s *stream) Next(ctx context.Context) (speech.Event, error) {
	s.n++
	return s.next(ctx, s.n-1)
}
func (s *stream) Close() error { s.closed.Add(1); return nil }

// frames is a script of audio frames.
func frames(data ...string) func(context.Context, int) (speech.Event, error) {
	return func(_ context.Context, n int) (speech.Event, error) {
		if n == len(data) {
			return speech.Event{}, io.EOF
		}
		return audio(data[n]), nil
	}
}

func audio(data string) speech.Event {
	return speech.Event{Kind: speech.EventAudio, Audio: []byte(data)}
}

// server is a gateway that listens.
type server struct {
	*Gateway
	inf   *inference
	url   string
	addr  string
	spans *tracetest.SpanRecorder
	log   *logs.Buffer
	http  *http.Client
}

// start serves until the end of the test. Change, which may be nil, changes the settings.
func start(t *testing.T, inf *inference, change func(*Config)) *server {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	if change != nil {
		change(&cfg)
	}
	s := &server{inf: inf, spans: tracetest.NewSpanRecorder(), log: &logs.Buffer{}, http: &http.Client{Transport: &http.Transport{}}}
	s.Gateway = New(cfg, inf, Telemetry{
		Provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans)), Propagator: propagation.TraceContext{},
		Meter: noop.NewMeterProvider(), Log: logger(s.log),
	}, "test")
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.addr = s.Addr().String()
	s.url = "http://" + s.addr
	t.Cleanup(func() {
		s.http.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = s.Stop(ctx) // some tests have stopped it already, or leave a client that has to be cut
	})
	return s
}

// do sends a request; headers are pairs.
func (s *server) do(t *testing.T, method, path string, body io.Reader, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// post asks for speech.
func (s *server) post(t *testing.T, body string, headers ...string) *http.Response {
	t.Helper()
	return s.do(t, http.MethodPost, "/v1/audio/speech", strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// problem is OpenAI's error as a client reads it.
type problem struct {
	Message string
	Type    string
	Param   *string
	Code    *string
}

// readProblem reads an error, which must have OpenAI's form and nothing else in it.
func readProblem(t *testing.T, resp *http.Response) problem {
	t.Helper()
	if ct := resp.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type %q", ct)
	}
	var body struct{ Error *problem }
	dec := json.NewDecoder(resp.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || body.Error == nil {
		t.Fatalf("%s: not OpenAI's error: %v", resp.Status, err)
	}
	return *body.Error
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("did not come about: %s", what)
		}
	}
}

// within waits for a channel.
func within(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("did not come about: %s", what)
	}
}

// answer reads one response from a raw connection.
func answer(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func logger(l *logs.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
