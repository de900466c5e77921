package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/testkit/tone"
)

func request(voice, text string) speech.Request {
	return speech.Request{ID: "t", Principal: speech.Anonymous, Text: text, Voice: "tone." + voice, Speed: 1,
		Format: speech.Format{Encoding: speech.PCM, SampleRate: tone.Rate}}
}

// speakAll returns the number of samples of a request.
func speakAll(ctx context.Context, s Speaker, req speech.Request) (int, error) {
	st, err := s.Speak(ctx, req)
	if err != nil {
		return 0, err
	}
	defer st.Close()
	n := 0
	for {
		ev, err := st.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n / 2, nil
		}
		if err != nil {
			return n / 2, err
		}
		n += len(ev.Audio)
	}
}

func TestSpeak(t *testing.T) {
	a, log := newApp(t, toneConfig(t))
	err := a.Speak(t.Context(), func(ctx context.Context, s Speaker) error {
		cat, err := s.Catalogue(ctx)
		if err != nil || len(cat.Voices) == 0 || cat.Models[0].ID == "" {
			t.Errorf("%+v, %v", cat, err)
		}
		if n, err := speakAll(ctx, s, request(tone.Plain, "Hello.")); err != nil || n != tone.Samples("Hello.") {
			t.Errorf("%d samples, %v", n, err)
		}
		bad := request(tone.Plain, "Hello.")
		bad.Format.Encoding = speech.MP3
		if _, err := speakAll(ctx, s, bad); fault.From(err).Field != "encoding" {
			t.Errorf("mp3 with its worker disabled: %v", err)
		}
		if err := a.Engines()["tone"]; err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if a.GatewayAddr() != nil || a.AdminAddr() != nil {
		t.Error("it listens")
	}
	if strings.Contains(log.String(), "Hello.") {
		t.Error("the log holds the text")
	}
}

// TestSpeakEnds: Speak returns use's error, or why use was ended, and never before use has returned.
func TestSpeakEnds(t *testing.T) {
	mine := errors.New("mine")
	a, _ := newApp(t, toneConfig(t))
	if err := a.Speak(t.Context(), func(context.Context, Speaker) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("use's error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	a, _ = newApp(t, toneConfig(t))
	returned := false
	err := a.Speak(ctx, func(ctx context.Context, s Speaker) error {
		st, err := s.Speak(ctx, request(tone.Hang, "It never begins."))
		if err != nil {
			return err
		}
		defer func() { _ = st.Close(); returned = true }()
		cancel()
		_, err = st.Next(ctx)
		return err
	})
	if !errors.Is(err, context.Canceled) || !returned {
		t.Errorf("interrupted: %v, use has returned: %v", err, returned)
	}
	a, _ = newApp(t, toneConfig(t))
	if err := a.Speak(ctx, func(context.Context, Speaker) error { t.Error("used"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted before: %v", err)
	}
}

// TestBrokenEngines: engines that are not there do not keep the process from running; they are told with a reason.
func TestBrokenEngines(t *testing.T) {
	cfg := toneConfig(t)
	e := cfg.Engines["tone"]
	e.Command = []string{"orotund-worker-nowhere"}
	cfg.Engines["nowhere"] = e
	e.Disabled = true
	cfg.Engines["disabled"] = e
	a, _ := newApp(t, cfg)
	err := a.Speak(t.Context(), func(ctx context.Context, s Speaker) error {
		if n, err := speakAll(ctx, s, request(tone.Plain, "Hello.")); err != nil || n == 0 {
			t.Error(n, err)
		}
		health := a.Engines()
		if len(health) != 2 || health["tone"] != nil || health["nowhere"] == nil || !strings.Contains(health["nowhere"].Error(), "orotund-worker-nowhere") {
			t.Errorf("%v", health)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// serve runs a until the test calls stop, which returns what Serve returned.
func serve(t *testing.T, a *App) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(*App) { close(ready) }) }()
	stop = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(patience):
			t.Fatal("it does not stop")
			return nil
		}
	}
	t.Cleanup(func() { _ = stop() })
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	case <-time.After(patience):
		t.Fatal("it does not get ready")
	}
	return stop
}

func TestServe(t *testing.T) {
	a, log := newApp(t, toneConfig(t))
	if err := a.Ready(); err == nil || err.Error() != "starting" {
		t.Errorf("before the start: %v", err)
	}
	stop := serve(t, a)
	public, admin := "http://"+a.GatewayAddr().String(), "http://"+a.AdminAddr().String()
	for url, want := range map[string]string{
		public + "/v1/audio/voices": "tone.plain", public + "/v1/models": `"tone"`, admin + "/readyz": "ready", admin + "/healthz": "ok",
		admin + "/metrics": `orotund_workers{`,
	} {
		if status, body := get(t, url); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.300s", url, status, body)
		}
	}
	for body, field := range map[string]string{
		`{"input": "Hello.", "response_format": "pcm", "sample_rate": 16000}`: "", `{"input": "Hello.", "voice": "nobody", "response_format": "wav"}`: "voice",
		`{"input": "Hello.", "model": "none", "response_format": "wav"}`: "model", `{"input": "Hello.", "response_format": "midi"}`: "response_format",
		`{"input": "Hello.", "response_format": "wav", "sample_rate": 7999}`: "sample_rate", `{"input": "?"}`: "input",
	} {
		if data, param := post(t, public, body); param != field || field == "" && len(data)/2 != tone.Samples("Hello.") {
			t.Errorf("%s: param %q, %d bytes", body, param, len(data))
		}
	}
	if err := stop(); err != nil {
		t.Errorf("Serve: %v\n%s", err, log)
	}
	if err := a.Ready(); err == nil || err.Error() != "stopping" {
		t.Errorf("after the end: %v", err)
	}
	if strings.Contains(log.String(), "Hello.") {
		t.Error("the log holds the text")
	}
}

// post asks for speech; param is the field that an error names.
func post(t *testing.T, url, body string) (data []byte, param string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Post(url+"/v1/audio/speech", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		return data, ""
	}
	var problem struct{ Error struct{ Param string } }
	if err := json.Unmarshal(data, &problem); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return data, problem.Error.Param
}

// TestStopFinishes: what runs when the end comes is finished; meanwhile the process says that it stops.
func TestStopFinishes(t *testing.T) {
	a, _ := newApp(t, toneConfig(t))
	stop := serve(t, a)
	admin := "http://" + a.AdminAddr().String()
	text := strings.Repeat("a", 20) // 1 s
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Post("http://"+a.GatewayAddr().String()+"/v1/audio/speech", "application/json",
		strings.NewReader(`{"voice": "tone.paced", "response_format": "pcm", "sample_rate": 16000, "input": "`+text+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for deadline := time.Now().Add(patience); ; {
		if status, body := get(t, admin+"/readyz"); status == 503 && strings.Contains(body, "stopping") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("/readyz does not say that it stops")
		}
	}
	if data, err := io.ReadAll(resp.Body); err != nil || len(data)/2 != tone.Samples(text) {
		t.Errorf("%d samples, %v", len(data)/2, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestReady: a process all of whose engines are broken is not ready, and says why.
func TestReady(t *testing.T) {
	cfg := toneConfig(t)
	cfg.Roles = []string{RoleInference, RoleStyle}
	e := cfg.Engines["tone"]
	e.Command = []string{"orotund-worker-nowhere"}
	cfg.Engines["tone"] = e
	a, _ := newApp(t, cfg)
	stop := serve(t, a)
	if err := a.Ready(); err == nil || !strings.Contains(err.Error(), "orotund-worker-nowhere") {
		t.Errorf("%v", err)
	}
	if status, body := get(t, "http://"+a.AdminAddr().String()+"/readyz"); status != 503 || !strings.Contains(body, "orotund-worker-nowhere") {
		t.Errorf("%d %s", status, body)
	}
	if a.GatewayAddr() != nil {
		t.Error("it has a gateway")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestRolesApart: three processes' worth of roles speak over the network, and a role that is gone is an error that names it.
func TestRolesApart(t *testing.T) {
	style := toneConfig(t)
	style.Roles = []string{RoleStyle}
	styleApp, _ := newApp(t, style)
	stopStyle := serve(t, styleApp)
	inference := toneConfig(t)
	inference.Roles, inference.RPC.Style = []string{RoleInference}, styleApp.rpc.Addr().String()
	inferenceApp, _ := newApp(t, inference)
	stopInference := serve(t, inferenceApp)
	gw := toneConfig(t)
	gw.Roles, gw.RPC.Inference = []string{RoleGateway}, inferenceApp.rpc.Addr().String()
	gatewayApp, _ := newApp(t, gw)
	stopGateway := serve(t, gatewayApp)
	if gatewayApp.rpc != nil {
		t.Error("a gateway serves no role, but listens for others")
	}
	url := "http://" + gatewayApp.GatewayAddr().String()
	ask := `{"input": "Hello.", "response_format": "pcm", "sample_rate": 16000}`
	if data, param := post(t, url, ask); len(data)/2 != tone.Samples("Hello.") {
		t.Errorf("%d bytes, param %q", len(data), param)
	}
	if _, param := post(t, url, `{"input": "Hello.", "voice": "nobody"}`); param != "voice" && param != "response_format" {
		t.Errorf("param %q", param)
	}
	for _, gone := range []struct {
		role string
		stop func() error
	}{{RoleStyle, stopStyle}, {RoleInference, stopInference}} {
		if err := gone.stop(); err != nil {
			t.Error(err)
		}
		data, _ := post(t, url, ask)
		if !strings.Contains(string(data), "the "+gone.role+" role does not answer") || strings.Contains(string(data), "127.0.0.1") {
			t.Errorf("without %s: %s", gone.role, data)
		}
	}
	if err := stopGateway(); err != nil {
		t.Error(err)
	}
}

// TestStartFails: a port that is taken ends Serve with an error that names the key.
func TestStartFails(t *testing.T) {
	first, _ := newApp(t, toneConfig(t))
	serve(t, first)
	cfg := toneConfig(t)
	cfg.Gateway.Listen = first.GatewayAddr().String()
	second, _ := newApp(t, cfg)
	err := second.Serve(t.Context(), func(*App) { t.Error("ready") })
	if err == nil || !strings.Contains(err.Error(), "gateway.listen") {
		t.Errorf("%v", err)
	}
}

func TestNewFails(t *testing.T) {
	cfg := toneConfig(t)
	cfg.Telemetry.Log.Format = "xml"
	if _, err := New(t.Context(), cfg, io.Discard); err == nil || !strings.HasPrefix(err.Error(), "telemetry: ") {
		t.Error(err)
	}
}
