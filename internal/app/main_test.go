package app

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/testkit/logs"
	"github.com/orotund/orotund/internal/testkit/tone"
)

func TestMain(m *testing.M) {
	if tone.Asked() {
		os.Exit(tone.Main())
	}
	goleak.VerifyTestMain(m)
}

const patience = 30 * time.Second

// toneConfig is a system whose only engine is the tone engine, on ports of its own.
func toneConfig(t *testing.T) Config {
	t.Helper()
	cfg := DefaultConfig()
	e := engine.DefaultConfig()
	e.Command, e.Instances = tone.Command(), 1
	cfg.Engines = map[string]engine.Config{"tone": e}
	cfg.Codec.Disabled = true
	cfg.Voices = engine.VoicesConfig{Default: "tone.plain"}
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	cfg.Gateway.Listen, cfg.Admin.Listen, cfg.RPC.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	if err := config.Load(&cfg, config.Options{}); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func newApp(t *testing.T, cfg Config) (*App, *logs.Buffer) {
	t.Helper()
	log := &logs.Buffer{}
	a, err := New(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	return a, log
}

// get returns the status and the body of a URL.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}
