package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

func TestRequestID(t *testing.T) {
	s := start(t, newInference(), nil)
	for given, kept := range map[string]bool{"abc-1.2_Z": true, strings.Repeat("i", 64): true, strings.Repeat("i", 65): false, "": false, "a b": false, "<x>": false} {
		resp := s.post(t, hello, "X-Request-Id", given)
		id := resp.Header.Get("X-Request-Id")
		if (id == given) != kept || !requestIDForm.MatchString(id) {
			t.Errorf("%q became %q", given, id)
		}
		if req, _ := s.inf.last(t); req.ID != id {
			t.Errorf("inference was given %q, the client %q", req.ID, id)
		}
		read(t, resp)
	}
}

func TestTrace(t *testing.T) {
	s := start(t, newInference(), nil)
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	resp := s.post(t, hello, "Traceparent", "00-"+trace+"-"+parent+"-01")
	read(t, resp)
	span := s.span(t)
	if sc := span.SpanContext(); sc.TraceID().String() != trace || span.Parent().SpanID().String() != parent || resp.Header.Get("X-Trace-Id") != trace {
		t.Errorf("trace %s of parent %s, X-Trace-Id %q", sc.TraceID(), span.Parent().SpanID(), resp.Header.Get("X-Trace-Id"))
	}
	if span.Name() != "POST /v1/audio/speech" {
		t.Errorf("span %q", span.Name())
	}
	resp = s.do(t, http.MethodGet, "/v1/models", nil)
	eventually(t, "the span ends", func() bool { return len(s.spans.Ended()) == 2 })
	second := s.spans.Ended()[1]
	if id := second.SpanContext().TraceID().String(); id == trace || resp.Header.Get("X-Trace-Id") != id || second.Name() != "GET /v1/models" {
		t.Errorf("%q of trace %s, X-Trace-Id %q", second.Name(), id, resp.Header.Get("X-Trace-Id"))
	}
	// Names of spans are few, whatever clients make up.
	for _, path := range []string{"/v1/made/up", "/also/made-up"} {
		s.do(t, "MADEUP", path, nil)
	}
	eventually(t, "the spans end", func() bool { return len(s.spans.Ended()) == 4 })
	for _, span := range s.spans.Ended()[2:] {
		if span.Name() != "HTTP" {
			t.Errorf("span %q", span.Name())
		}
	}
}

func TestRoutes(t *testing.T) {
	s := start(t, newInference(), nil)
	for _, tc := range []struct {
		method, path string
		status       int
		allow, code  string
		rest         bool
	}{
		{"GET", "/v1/audio/speech", 405, "POST", "method_not_allowed", false},
		{"HEAD", "/v1/audio/speech", 405, "POST", "", false},
		{"DELETE", "/v1/models", 405, "GET, HEAD", "method_not_allowed", false},
		{"POST", "/v1/models/tts-1", 405, "GET, HEAD", "method_not_allowed", false},
		{"MADEUP", "/v1/audio/voices", 405, "GET, HEAD", "method_not_allowed", false},
		{"POST", "/api/v1/voices", 405, "GET, HEAD", "", true},
		{"POST", "/", 405, "GET, HEAD", "", true},
		{"HEAD", "/v1/models", 200, "", "", false},
		{"GET", "/v1/chat/completions", 404, "", "path_not_found", false},
		{"POST", "/v1/audio/speech/", 404, "", "path_not_found", false},
		{"GET", "/v1/", 404, "", "path_not_found", false},
		{"GET", "/elsewhere", 404, "", "", true},
		{"GET", "/api/v2/voices", 404, "", "", true},
		{"GET", "/", 200, "", "", false},
	} {
		resp := s.do(t, tc.method, tc.path, nil)
		if resp.StatusCode != tc.status || resp.Header.Get("Allow") != tc.allow {
			t.Errorf("%s %s: %s, Allow %q", tc.method, tc.path, resp.Status, resp.Header.Get("Allow"))
		}
		switch {
		case tc.method == "HEAD":
			if body := read(t, resp); body != "" {
				t.Errorf("HEAD has a body %q", body)
			}
		case tc.code != "":
			if p := readProblem(t, resp); *p.Code != tc.code || p.Type != "invalid_request_error" {
				t.Errorf("%s %s: %s", tc.method, tc.path, show(p))
			}
		case tc.rest:
			if st := readStatus(t, resp); st.Message == "" || len(st.Details) == 0 {
				t.Errorf("%s %s: %+v", tc.method, tc.path, st)
			}
		}
	}
}

// rpcStatus is google.rpc.Status, as grpc-gateway writes it.
type rpcStatus struct {
	Code    int
	Message string
	Details []map[string]any
}

func readStatus(t *testing.T, resp *http.Response) (st rpcStatus) {
	t.Helper()
	dec := json.NewDecoder(resp.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&st); err != nil || st.Code == 0 {
		t.Fatalf("%s: not google.rpc.Status: %v", resp.Status, err)
	}
	return st
}

// gated is a stream that is at its second frame until it is let go.
func gated(inf *inference) (asked, let chan struct{}) {
	asked, let = make(chan struct{}), make(chan struct{})
	inf.next = func(ctx context.Context, n int) (speech.Event, error) {
		if n == 1 {
			close(asked)
			select {
			case <-let:
			case <-ctx.Done():
				return speech.Event{}, ctx.Err()
			}
		}
		return frames("one", "two")(ctx, n)
	}
	return asked, let
}

// TestStop: while it stops, new requests get 503 in the form of their API, on new connections too, and the running one is finished.
func TestStop(t *testing.T) {
	inf := newInference()
	asked, let := gated(inf)
	s := start(t, inf, nil)
	resp := s.post(t, hello)
	within(t, "the request runs", asked)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }()
	eventually(t, "new requests are refused", func() bool {
		r := s.do(t, http.MethodGet, "/v1/models", nil)
		if r.StatusCode == http.StatusOK {
			return false
		}
		if p := readProblem(t, r); r.StatusCode != 503 || *p.Code != "shutting_down" || r.Header.Get("Retry-After") != "1" {
			t.Errorf("%s %s", r.Status, show(p))
		}
		return true
	})
	if st := readStatus(t, s.do(t, http.MethodGet, "/api/v1/voices", nil)); codes.Code(st.Code) != codes.Unavailable {
		t.Errorf("%+v", st)
	}
	select {
	case err := <-stopped:
		t.Fatalf("it stopped while a request ran: %v", err)
	default:
	}
	close(let)
	if body := read(t, resp); body != "onetwo" {
		t.Errorf("the running request got %q", body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("it still listens")
	}
}

// TestStopCuts: what does not finish in the grace time is cut, so that the client sees it, and Stop says so.
func TestStopCuts(t *testing.T) {
	inf := newInference()
	asked, _ := gated(inf)
	s := start(t, inf, nil)
	resp := s.post(t, hello)
	within(t, "the request runs", asked)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop: %v", err)
	}
	if data, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the client took %q for whole", data)
	}
	eventually(t, "the stream is closed", func() bool { _, st := inf.last(t); return st.closed.Load() == 1 })
}

func TestDrain(t *testing.T) {
	s := start(t, newInference(), nil)
	s.Drain()
	s.Drain()
	if resp := s.post(t, hello); resp.StatusCode != 503 {
		t.Error(resp.Status)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPortInUse: the error names the key and what to do.
func TestPortInUse(t *testing.T) {
	s := start(t, newInference(), nil)
	cfg := DefaultConfig()
	cfg.Listen = s.addr
	err := New(cfg, s.inf, Telemetry{Log: logger(s.log)}, "test").Start(t.Context())
	if err == nil || !regexp.MustCompile(`^gateway\.listen: `+regexp.QuoteMeta(s.addr)+` is in use.*OROTUND_GATEWAY_LISTEN`).MatchString(err.Error()) {
		t.Errorf("%v", err)
	}
	cfg.Listen = "256.0.0.1:80"
	if err = New(cfg, s.inf, Telemetry{Log: logger(s.log)}, "test").Start(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "gateway.listen: ") {
		t.Errorf("%v", err)
	}
}

// TestServerFailure: the end of the listener is told, so that the process ends instead of serving nobody.
func TestServerFailure(t *testing.T) {
	s := start(t, newInference(), nil)
	_ = s.ln.Close()
	select {
	case err := <-s.Failed():
		if err == nil || !strings.HasPrefix(err.Error(), "gateway: ") {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("nobody is told")
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	bad := Config{Listen: "8700", MaxBody: 1, ReadTimeout: time.Millisecond, WriteTimeout: -1, IdleTimeout: 48 * time.Hour}
	err := bad.Validate()
	for _, key := range []string{"listen", "max_body", "max_characters", "read_timeout", "write_timeout", "idle_timeout"} {
		if err == nil || !strings.Contains(err.Error(), key+": must be") {
			t.Errorf("%s is not complained of: %v", key, err)
		}
	}
}

func TestLists(t *testing.T) {
	s := start(t, newInference(), nil)
	type voice struct {
		ID, Object, Engine string
		Languages          []string
		Voices             map[string]string
	}
	get := func(path string, dst any) int {
		t.Helper()
		resp := s.do(t, http.MethodGet, path, nil)
		if err := json.NewDecoder(resp.Body).Decode(dst); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return resp.StatusCode
	}
	var models struct {
		Object string
		Data   []struct{ ID, Object, OwnedBy string }
	}
	if get("/v1/models", &models); models.Object != "list" || len(models.Data) != 2+len(engine.DefaultModels()) || models.Data[0].ID != "espeak" || models.Data[0].Object != "model" {
		t.Errorf("%+v", models)
	}
	var model struct{ ID, Object string }
	if get("/v1/models/tts-1", &model); model.ID != "tts-1" || model.Object != "model" {
		t.Errorf("%+v", model)
	}
	if p := readProblem(t, s.do(t, http.MethodGet, "/v1/models/tts-9", nil)); *p.Param != "model" || *p.Code != "model_not_found" {
		t.Error(show(p))
	}
	var all struct {
		Object string
		Data   []voice
	}
	if get("/v1/audio/voices", &all); len(all.Data) != 3+len(engine.DefaultVoices().Profiles) || all.Data[0].ID != "alloy" || all.Data[0].Object != "voice" || all.Data[0].Voices["en"] != "flite.slt" {
		t.Errorf("%+v", all)
	}
	for query, want := range map[string]string{
		"": "espeak.cmn-latn-pinyin espeak.en-gb flite.rms", "?language=en": "espeak.en-gb flite.rms", "?language=EN-us": "flite.rms", "?language=zh": "espeak.cmn-latn-pinyin",
		"?language=z": "400", "?language=fr": "", "?engine=flite": "flite.rms", "?engine=flite&language=zh": "", "?engine=none": "", "?langage=en": "400 langage", "?%ff=1": "400 body",
	} {
		var list struct {
			Voices   []voice
			Profiles []voice
			Message  string
			Details  []map[string]any
		}
		status := get("/api/v1/voices"+query, &list)
		if field, bad := strings.CutPrefix(want, "400"); bad {
			if data, _ := json.Marshal(list.Details); status != 400 || !strings.Contains(string(data), strings.TrimSpace(field)) {
				t.Errorf("%s: %d %s", query, status, data)
			}
			continue
		}
		var ids []string
		for _, v := range list.Voices {
			ids = append(ids, v.ID)
		}
		if got := strings.Join(ids, " "); got != want || list.Voices == nil || len(list.Profiles) != len(engine.DefaultVoices().Profiles) {
			t.Errorf("%s: %q, %d profiles", query, got, len(list.Profiles))
		}
	}
	s.inf.failing = fault.New(fault.Unavailable, "the inference role does not answer")
	for _, path := range []string{"/v1/models", "/v1/models/tts-1", "/v1/audio/voices", "/api/v1/voices"} {
		if resp := s.do(t, http.MethodGet, path, nil); resp.StatusCode != 503 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}
