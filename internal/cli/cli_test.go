package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/app"
	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/lifecycle"
)

func TestUsage(t *testing.T) {
	bad := configFile(t, "gateway:\n  lisen: x\n  max_body: lots\nroles: [gatway]\n")
	for _, tc := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"--help"}, 0, []string{"orotund say", "Exit codes: 0 done", "completion"}},
		{[]string{"--version"}, 0, []string{"orotund version"}},
		{[]string{"version"}, 0, []string{"orotund ", "go1."}},
		{[]string{"version", "x"}, 2, []string{"see: orotund version --help"}},
		{nil, 0, []string{"orotund say", "Available Commands"}},
		{[]string{"spaek"}, 2, []string{`unknown command "spaek"`}},
		{[]string{"serv", "--help-me"}, 2, []string{"unknown flag"}},
		{[]string{"serv"}, 2, []string{"did you mean serve?", "see: orotund --help"}},
		{[]string{"say", "--what"}, 2, []string{"unknown flag: --what", "see: orotund say --help"}},
		{[]string{"say", "--speed", "fast", "hi"}, 2, []string{"--speed"}},
		{[]string{"say", "hi"}, 2, []string{"name the file to write with -o FILE"}},
		{[]string{"say", "hi", "-o", "x.midi"}, 2, []string{"the format of x.midi is not known"}},
		{[]string{"say", "hi", "-o", "-", "--format", "midi"}, 2, []string{"--format midi is not known; there are aac, alaw, flac, mp3, mulaw, opus, pcm, wav"}},
		{[]string{"say", "hi", "--file", "y", "-o", "x.wav"}, 2, []string{"not both"}},
		{[]string{"say", "--file", "/none/such", "-o", "x.wav"}, 2, []string{"--file: open /none/such"}},
		{[]string{"say", "hi", "-o", "/none/such/x.wav"}, 2, []string{"there is no folder /none/such"}},
		{[]string{"say", "hi", "-o", os.TempDir()}, 2, []string{"is a directory"}},
		{[]string{"say", "?!", "-o", "x.wav"}, 3, []string{"the text: has nothing in it to say"}},
		{[]string{"say", "a\xff", "-o", "x.wav"}, 3, []string{"the text: is not valid UTF-8"}},
		{[]string{"say", "hi", "-o", "x.wav", "--speed", "9"}, 3, []string{"--speed: must be from 0.25 to 4"}},
		{[]string{"say", "hi", "-o", "x.wav", "--speed", "NaN"}, 3, []string{"--speed: must be from 0.25 to 4"}},
		{[]string{"serve", "x"}, 2, []string{"see: orotund serve --help"}},
		{[]string{"serve", "--config", bad}, 2, []string{"the configuration cannot be used", "gateway.lisen", "listen", "gateway.max_body", `"gatway"`}},
		{[]string{"say", "hi", "-o", "x.wav", "--config", bad}, 2, []string{"gateway.lisen", "gateway.max_body"}},
		{[]string{"doctor", "--config", "/none/such.yaml"}, 2, []string{"/none/such.yaml"}},
		{[]string{"serve", "--gateway.max_body", "1", "--grace", "1s"}, 2, []string{"unknown flag: --grace"}},
		{[]string{"serve", "--gateway.max_body", "1", "--roles", "x"}, 2, []string{"--gateway.max_body", "--roles"}},
		{[]string{"completion", "bash"}, 0, []string{"bash completion", "__start_orotund"}},
		{[]string{"completion", "zsh"}, 0, []string{"#compdef orotund"}},
		{[]string{"completion", "fish"}, 0, []string{"fish completion"}},
	} {
		r := run(t.Context(), t, "", tc.args...)
		if r.code != tc.code {
			t.Errorf("%q: exit code %d: %s%s", tc.args, r.code, r.out, r.err)
		}
		for _, says := range tc.says {
			if !strings.Contains(r.out+r.err, says) {
				t.Errorf("%q: %q is not in\n%s%s", tc.args, says, r.out, r.err)
			}
		}
		if tc.code != 0 && r.out != "" {
			t.Errorf("%q: an error went to standard output: %s", tc.args, r.out)
		}
	}
	if _, err := os.Stat("x.wav"); err == nil {
		t.Error("a failed run left a file")
	}
}

func TestExitCode(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{usageError{errors.New("x")}, 2},
		{fmt.Errorf("a: %w", usageError{errors.New("x")}), 2},
		{fault.New(fault.Invalid, ""), 3}, {fault.New(fault.NotFound, ""), 3}, {fault.New(fault.TooLarge, ""), 3},
		{fault.New(fault.Unavailable, ""), 4}, {fault.New(fault.Exhausted, ""), 4}, {fault.New(fault.Deadline, ""), 4},
		{context.DeadlineExceeded, 4}, {&net.OpError{Op: "dial", Err: errors.New("refused")}, 4},
		{fault.New(fault.Internal, ""), 1},
		{&lifecycle.GraceError{}, 5}, {errors.Join(errors.New("x"), &lifecycle.GraceError{}), 5},
		{fmt.Errorf("read: %w", context.Canceled), 130}, {fault.From(context.Canceled), 130},
	} {
		if code := ExitCode(tc.err); code != tc.code {
			t.Errorf("%v: %d, want %d", tc.err, code, tc.code)
		}
	}
}

func TestMessage(t *testing.T) {
	for want, err := range map[string]error{
		"plain":               errors.New("plain"),
		"--speed: must be so": fault.InvalidField("--speed", "must be so"),
		"no\nwhy":             fmt.Errorf("wrapped: %w", fault.New(fault.Unavailable, "no").WithCause(errors.New("why"))),
		"interrupted":         fmt.Errorf("read: %w", context.Canceled),
	} {
		if got := Message(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPrintConfig: what --print-config prints is a configuration file with the same effect.
func TestPrintConfig(t *testing.T) {
	t.Setenv("OROTUND_GATEWAY_MAX_CHARACTERS", "123")
	file := toneFile(t)
	first := run(t.Context(), t, "", "serve", "--print-config", "--config", file, "--gateway.listen", "127.0.0.1:9999", "--models", "{m: [tone]}")
	for _, want := range []string{"listen: 127.0.0.1:9999", "max_characters: 123", "tone-engine"} {
		if !strings.Contains(first.out, want) {
			t.Errorf("%q is not in\n%s%s", want, first.out, first.err)
		}
	}
	t.Setenv("OROTUND_GATEWAY_MAX_CHARACTERS", "99")
	if err := os.Unsetenv("OROTUND_GATEWAY_MAX_CHARACTERS"); err != nil {
		t.Fatal(err)
	}
	// Entries that the first file took out of a default map must be taken out again, as config.Write says.
	again := strings.Replace(first.out, "\nengines:\n", "\nengines:\n  espeak: null\n  flite: null\n", 1)
	second := run(t.Context(), t, "", "serve", "--print-config", "--config", configFile(t, again))
	if second.code != 0 || second.out != first.out {
		t.Errorf("%d: it does not read what it prints: %s\n%s", second.code, second.err, second.out)
	}
	plain := run(t.Context(), t, "", "serve", "--print-config")
	if r := run(t.Context(), t, "", "serve", "--print-config", "--config", configFile(t, plain.out)); plain.code != 0 || r.out != plain.out {
		t.Errorf("the defaults: %s", r.err)
	}
}

func TestVoices(t *testing.T) {
	file := toneFile(t)
	r := run(t.Context(), t, "", "voices", "--config", file)
	if r.code != 0 || !strings.Contains(r.out, "VOICE") || !strings.Contains(r.out, "tone.plain") || r.err != "" {
		t.Errorf("%+v", r)
	}
	r = run(t.Context(), t, "", "voices", "--config", file, "--language", "ZH", "--json")
	var list struct {
		Voices []struct {
			ID         string
			SampleRate int `json:"sample_rate"`
		}
		Profiles, Models []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || list.Voices[0].ID == "" || list.Voices[0].SampleRate != 16000 || list.Profiles[0].ID != "alloy" || len(list.Models) == 0 {
		t.Errorf("%v: %+v", err, r)
	}
	r = run(t.Context(), t, "", "voices", "--config", file, "-l", "fr", "--json")
	if r.code != 0 || !strings.Contains(r.out, `"voices": []`) {
		t.Errorf("%+v", r)
	}
	r = run(t.Context(), t, "", "voices", "--config", noneFile(t))
	if r.code != 4 || r.out != "" || !strings.Contains(r.err, "no speech engine is available") || !strings.Contains(r.err, "orotund-worker-nowhere") || !strings.Contains(r.err, "my-own-engine") {
		t.Errorf("%+v", r)
	}
}

func TestDoctor(t *testing.T) {
	r := run(t.Context(), t, "", "doctor", "--config", noneFile(t))
	for _, want := range []string{"ok       configuration", "MISSING  espeak", "orotund-worker-nowhere", "costs: Mandarin", "mend:  apt-get install espeak-ng",
		"MISSING  mine", "see docs/engines.md", "MISSING  codec", "libmp3lame-dev", "data", "port", "limits", "3 to mend"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in\n%s", want, r.out)
		}
	}
	if r.code != 4 || !strings.Contains(r.err, "no speech engine is available") {
		t.Errorf("%d %s", r.code, r.err)
	}
	r = run(t.Context(), t, "", "doctor", "--config", toneFile(t))
	if r.code != 0 || !strings.Contains(r.out, "ok       tone           16 voices") || !strings.Contains(r.out, "disabled: no mp3") || !strings.Contains(r.out, "All is well.") {
		t.Errorf("%+v", r)
	}
}

func TestExamine(t *testing.T) {
	cfg := app.DefaultConfig()
	cfg.DataDir = filepath.Join(t.TempDir(), "not", "there", "yet")
	if f := examineData(cfg); !f.ok || !strings.Contains(f.says, "MiB free") {
		t.Errorf("%+v", f)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(cfg.DataDir))), "not"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := examineData(cfg); f.ok || f.mend == "" {
		t.Errorf("a file in the way: %+v", f)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Gateway.Listen = ln.Addr().String()
	if f := examinePort(cfg); !f.ok || !strings.Contains(f.says, "in use") {
		t.Errorf("%+v", f)
	}
	_ = ln.Close()
	if f := examinePort(cfg); !f.ok || !strings.Contains(f.says, "is free") {
		t.Errorf("%+v", f)
	}
	cfg.Gateway.Listen = "256.1.1.1:1"
	if f := examinePort(cfg); f.ok {
		t.Errorf("%+v", f)
	}
}

// TestServe: serve prints where it serves, and ends in order when its context does.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := make(chan string, 1)
	ended := make(chan int, 1)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	c := New(IO{In: strings.NewReader(""), Out: writerFunc(func(p []byte) {
		select {
		case said <- string(p):
		default:
		}
	}), Err: writerFunc(func([]byte) {})})
	c.SetArgs([]string{"serve", "--config", toneFile(t), "--gateway.listen", "127.0.0.1:0", "--admin.listen", ""})
	go func() { ended <- ExitCode(c.ExecuteContext(ctx)) }()
	select {
	case s := <-said:
		if !strings.Contains(s, "serves on http://127.0.0.1:") || strings.Contains(s, ":0\n") {
			t.Error(s)
		}
	case code := <-ended:
		t.Fatalf("it ended with %d", code)
	case <-time.After(time.Minute):
		t.Fatal("it says nothing")
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// TestFlagsOfEveryKey: each setting has a flag of serve.
func TestFlagsOfEveryKey(t *testing.T) {
	var ref strings.Builder
	if err := config.Reference(&ref, app.DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	serve, _, err := New(Std()).Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(ref.String()) {
		key, _, _ := strings.Cut(strings.TrimPrefix(line, "| `"), "`")
		if strings.Contains(key, "<") || strings.Contains(key, "[") || !strings.HasPrefix(line, "| `") {
			continue
		}
		if n++; serve.Flags().Lookup(key) == nil {
			t.Errorf("no flag --%s", key)
		}
	}
	if n < 30 {
		t.Errorf("only %d keys", n)
	}
}
