package test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/codec/metadata"
)

// orotund runs a command to its end. It sees no configuration of the user's.
func orotund(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), program(t, "orotund"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestSay(t *testing.T) {
	engines(t)
	program(t, "orotund-worker-codec")
	dir := t.TempDir()
	mp3 := filepath.Join(dir, "hello.mp3")
	if _, stderr, code := orotund(t, "", "say", "你好，世界。Hello.", "-o", mp3); code != 0 {
		t.Fatal(code, stderr)
	}
	data, err := os.ReadFile(mp3)
	if err != nil {
		t.Fatal(err)
	}
	if pcm := decode(t, data); len(pcm) < 2*24000 || level(pcm) < 0.01 {
		t.Fatalf("%d bytes at level %.4f", len(pcm), level(pcm))
	}
	wav := filepath.Join(dir, "hello.wav")
	if _, stderr, code := orotund(t, "Hello from standard input.", "say", "-o", wav, "--voice", "flite.slt", "--sample-rate", "16000", "--speed", "1.5"); code != 0 {
		t.Fatal(code, stderr)
	}
	if data, err = os.ReadFile(wav); err != nil {
		t.Fatal(err)
	}
	if f := inspect(t, data); f.SampleRate != 16000 || f.Samples < 8000 || f.Label == nil || f.Label.Producer != "Orotund" {
		t.Fatalf("%+v", f)
	}
	file := filepath.Join(dir, "text.txt")
	if err := os.WriteFile(file, []byte("\uFEFFHello from a file."), 0o600); err != nil {
		t.Fatal(err)
	}
	pcm, stderr, code := orotund(t, "", "say", "--file", file, "-o", "-", "--format", "pcm", "--language", "en")
	if code != 0 || len(pcm) < 24000 {
		t.Fatal(code, len(pcm), stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".orotund-*")); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
}

// inspect reads what a file says of itself.
func inspect(t *testing.T, data []byte) metadata.File {
	t.Helper()
	f, err := metadata.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSubtitles: say writes the times of words in every form, here and from a server, exact from engines that tell them.
func TestSubtitles(t *testing.T) {
	engines(t)
	d := single(t, "")
	dir := t.TempDir()
	text := "你好，世界。Hello there, dear world! 😀 It costs 3.14 dollars."
	for _, server := range []string{"", d.url} {
		for _, name := range []string{"x.srt", "x.vtt", "x.json"} {
			out := filepath.Join(dir, name)
			args := []string{"say", text, "-o", filepath.Join(dir, "x.wav"), "--subtitles", out}
			if server != "" {
				args = append(args, "--server", server)
			}
			if _, stderr, code := orotund(t, "", args...); code != 0 {
				t.Fatal(args, code, stderr)
			}
			data, err := os.ReadFile(out)
			if err != nil || !bytes.Contains(data, []byte("3.14")) || bytes.Contains(data, []byte(`"timing":"estimated"`)) {
				t.Errorf("%v: %v\n%s", args, err, data)
			}
		}
	}
	if _, stderr, code := orotund(t, "", "say", "x", "-o", filepath.Join(dir, "y.wav"), "--subtitles", filepath.Join(dir, "y.txt")); code != 2 || !strings.Contains(stderr, ".srt") {
		t.Error(code, stderr)
	}
}

func TestSayWithServer(t *testing.T) {
	engines(t)
	d := single(t, "")
	out := filepath.Join(t.TempDir(), "x.wav")
	if _, stderr, code := orotund(t, "", "say", "Hello.", "-o", out, "--server", d.url); code != 0 {
		t.Fatal(code, stderr)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if f := inspect(t, data); f.Samples < 4000 || len(f.Notes) > 0 {
		t.Fatalf("%+v", f)
	}
	if _, stderr, code := orotund(t, "", "say", "Hello.", "-o", out, "--server", d.url, "--voice", "nobody"); code != 3 || !strings.Contains(stderr, "unknown voice") {
		t.Fatal(code, stderr)
	}
	if stdout, stderr, code := orotund(t, "", "voices", "--server", d.url, "--language", "zh"); code != 0 || !strings.Contains(stdout, "espeak.cmn-latn-pinyin") {
		t.Fatal(code, stdout, stderr)
	}
}

func TestExitCodes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("gateway:\n  lisen: x\n  max_body: lots\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "x.wav")
	for _, tc := range []struct {
		code int
		says string
		args []string
	}{
		{0, "orotund ", []string{"version"}},
		{2, "unknown flag", []string{"say", "--what"}},
		{2, "name the file to write", []string{"say", "hi"}},
		{2, "the format of x.midi is not known", []string{"say", "hi", "-o", "x.midi"}},
		{2, "gateway.lisen", []string{"serve", "--config", bad}},
		{2, "gateway.max_body", []string{"serve", "--config", bad}},
		{3, "has nothing in it to say", []string{"say", "?!", "-o", out}},
		{3, "must be from 0.25 to 4", []string{"say", "hi", "-o", out, "--speed", "9"}},
		{3, "must be a language tag", []string{"say", "hi", "-o", out, "--language", "English!"}},
		{4, "does not answer", []string{"say", "hi", "-o", out, "--server", "127.0.0.1:1"}},
	} {
		stdout, stderr, code := orotund(t, "", tc.args...)
		if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
			t.Errorf("%v: exit code %d, said %q", tc.args, code, stdout+stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a failed run left a file")
	}
}

func TestDoctor(t *testing.T) {
	engines(t)
	stdout, stderr, code := orotund(t, "", "doctor")
	if code != 0 || !strings.Contains(stdout, "espeak") || !strings.Contains(stdout, "voices") {
		t.Fatal(code, stdout, stderr)
	}
	file := filepath.Join(t.TempDir(), "none.yaml")
	if err := os.WriteFile(file, []byte("engines:\n  espeak: {command: [orotund-worker-nowhere]}\n  flite: {disabled: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _, code = orotund(t, "", "doctor", "--config", file)
	for _, want := range []string{"MISSING  espeak", "costs:", "mend:", "apt-get install"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	if code != 4 {
		t.Errorf("exit code %d", code)
	}
}

func TestPrintConfig(t *testing.T) {
	stdout, stderr, code := orotund(t, "", "serve", "--print-config", "--gateway.listen", "127.0.0.1:9999")
	if code != 0 || !strings.Contains(stdout, "listen: 127.0.0.1:9999") {
		t.Fatal(code, stdout, stderr)
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	again, stderr, code := orotund(t, "", "serve", "--print-config", "--config", file)
	if code != 0 || again != stdout {
		t.Fatalf("%d: it does not read what it prints: %s", code, stderr)
	}
}
