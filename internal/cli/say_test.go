package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/testkit/tone"
)

// wav checks a WAV file and returns its number of samples.
func wav(t *testing.T, data []byte, rate int) int {
	t.Helper()
	f, err := metadata.Read(bytes.NewReader(data))
	if err != nil || f.Container != "wav" || f.Encoding != "pcm" || f.SampleRate != rate || f.Channels != 1 || len(f.Notes) > 0 {
		t.Fatalf("not a WAV file of %d Hz: %v, %+v", rate, err, f)
	}
	if n := int(binary.LittleEndian.Uint32(data[4:])); n != len(data)-8 {
		t.Errorf("the header tells of %d bytes, there are %d", n, len(data)-8)
	}
	return int(f.Samples)
}

// alone checks that a folder holds these files and no others.
func alone(t *testing.T, dir string, files ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(files, " ") {
		t.Errorf("the folder holds %v, want %v", names, files)
	}
}

func TestSay(t *testing.T) {
	file := toneFile(t)
	dir := t.TempDir()
	in := filepath.Join(dir, "text")
	if err := os.WriteFile(in, []byte("\uFEFFFrom a file."), 0o600); err != nil {
		t.Fatal(err)
	}
	rate := strconv.Itoa(tone.Rate)
	for _, tc := range []struct {
		name, stdin, text string
		args              []string
	}{
		{"arguments", "", "Two words.", []string{"Two", "words."}},
		{"standard input", "From a pipe.", "From a pipe.", nil},
		{"dash", "From a pipe.", "From a pipe.", []string{"--file", "-"}},
		{"file", "", "From a file.", []string{"-f", in}},
		{"every flag", "", "你好", []string{"你好", "-v", "tone.plain", "-m", "tone", "-l", "zh", "--format", "WAV", "--speed", "1", "-q"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "hello.wav")
			r := run(t.Context(), t, tc.stdin, append([]string{"say", "--config", file, "--sample-rate", rate, "-o", out}, tc.args...)...)
			if r.code != 0 || r.out != "" || r.err != "" {
				t.Fatalf("%+v", r)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if n := wav(t, data, tone.Rate); n != tone.Samples(tc.text) {
				t.Errorf("%d samples, want %d", n, tone.Samples(tc.text))
			}
			alone(t, filepath.Dir(out), "hello.wav")
		})
	}
	r := run(t.Context(), t, "", "say", "Hello.", "--config", file, "-o", "-", "--format", "pcm", "--sample-rate", rate)
	if r.code != 0 || len(r.out)/2 != tone.Samples("Hello.") {
		t.Errorf("-o -: %d bytes, %d %s", len(r.out), r.code, r.err)
	}
	r = run(t.Context(), t, "", "say", "Hello.", "--config", file, "-o", "-")
	if r.code != 0 || !strings.HasPrefix(r.out, "RIFF") {
		t.Errorf("-o - is not WAV: %.10q %s", r.out, r.err)
	}
	if r = run(t.Context(), t, "", "say", "Hello.", "--config", file, "-o", os.DevNull); r.code != 0 {
		t.Errorf("%+v", r)
	}
	if fi, err := os.Stat(os.DevNull); err != nil || fi.Mode().IsRegular() {
		t.Fatal("it replaced the null device")
	}
}

// TestSayFails: what cannot be spoken leaves no file, leaves an old one as it was, and says why in the words of the command line.
func TestSayFails(t *testing.T) {
	file := toneFile(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "x.wav")
	if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		config string
		args   []string
		code   int
		says   string
	}{
		{file, []string{"--voice", "nobody"}, 3, "--voice: unknown voice; `orotund voices` lists"},
		{file, []string{"--model", "none"}, 3, "--model: unknown model"},
		{file, []string{"--sample-rate", "7"}, 3, "--sample-rate: must be from 8000"},
		{file, []string{"--sample-rate", "-1"}, 3, "--sample-rate: must be from 8000"},
		{file, []string{"--format", "mp3"}, 3, "--format: must be one of alaw, flac, mulaw, opus, pcm, wav"},
		{file, []string{"--voice", "tone.crash"}, 4, "dying as asked"},
		{file, []string{"--voice", "tone.crashmid"}, 4, ""},
		{noneFile(t), nil, 4, "orotund: no speech engine is available; `orotund doctor` says what is missing\nengine espeak: worker espeak: program orotund-worker-nowhere"},
	} {
		r := run(t.Context(), t, "", append([]string{"say", "A long enough text.", "--config", tc.config, "-o", out}, tc.args...)...)
		if r.code != tc.code || !strings.Contains(r.err, tc.says) || !strings.Contains("\n"+r.err, "\norotund: ") || tc.code == 3 && strings.Count(r.err, "\n") != 1 {
			t.Errorf("%v: %+v", tc.args, r)
		}
		alone(t, dir, "x.wav")
		if data, err := os.ReadFile(out); err != nil || string(data) != "old" {
			t.Errorf("%v: the old file is %q, %v", tc.args, data, err)
		}
	}
}

// TestSayInterrupted: an interrupt ends say with 130, whether it speaks or waits for its text, and no half of a file stays.
func TestSayInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	file := toneFile(t)
	go func() {
		defer cancel()
		for ctx.Err() == nil { // until the file is being written
			part, _ := filepath.Glob(filepath.Join(dir, ".orotund-*"))
			for _, p := range part {
				if fi, err := os.Stat(p); err == nil && fi.Size() > 44 {
					return
				}
			}
			time.Sleep(time.Millisecond)
		}
	}()
	r := run(ctx, t, "", "say", strings.Repeat("a", 400), "--voice", "tone.paced", "--config", file, "-o", filepath.Join(dir, "x.wav"))
	if r.code != 130 || r.err != "orotund: interrupted\n" {
		t.Errorf("%+v", r)
	}
	alone(t, dir)

	pr, pw := io.Pipe() // a standard input that nobody writes to
	defer pw.Close()
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	c := New(IO{In: pr, Out: io.Discard, Err: io.Discard})
	c.SetArgs([]string{"say", "-o", filepath.Join(dir, "x.wav")})
	if err := c.ExecuteContext(ctx); ExitCode(err) != 130 {
		t.Errorf("waiting for the text: %v", err)
	}
}

func TestSink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.wav"), filepath.Join(dir, "link.wav")
	if err := os.WriteFile(real, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	s, err := newSink(link, nil, "wav")
	if err != nil {
		t.Fatal(err)
	}
	f := speech.Format{Encoding: speech.WAV, SampleRate: 8000}
	header := codec.WAVHeader(f, nil, -1)
	for _, part := range [][]byte{header[:10], header[10:], {1, 2}, {3, 4}} { // the header in two writes
		if _, err := s.Write(part); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(real); err != nil || string(data) != "old" {
			t.Fatalf("before the end: %q, %v", data, err)
		}
	}
	if err := s.close(true); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(real)
	if err != nil || !bytes.Equal(data, append(codec.WAVHeader(f, nil, 4), 1, 2, 3, 4)) {
		t.Errorf("%q, %v", data, err)
	}
	if fi, err := os.Lstat(link); err != nil || fi.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if fi, err := os.Stat(real); err != nil || fi.Mode().Perm() != 0o640 {
		t.Errorf("permissions %v, %v", fi.Mode(), err)
	}
	if s, err = newSink(real, nil, "mp3"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if err := s.close(false); err != nil {
		t.Error(err)
	}
	alone(t, dir, "link.wav", "real.wav")
	if now, _ := os.ReadFile(real); !bytes.Equal(now, data) {
		t.Error("a broken run changed the file")
	}
	var out bytes.Buffer
	if s, err = newSink("-", &out, "wav"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("x")); err != nil || s.close(true) != nil || out.String() != "x" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestProgress: off a terminal there is no bar, only warnings, and none of these if it is to be quiet.
func TestProgress(t *testing.T) {
	for quiet, want := range map[bool]string{false: "warning: careful\n", true: ""} {
		var out bytes.Buffer
		p := newProgress(&out, 100, quiet)
		p.spoken(50, time.Second)
		_, _ = p.Write([]byte("x"))
		p.warn("careful")
		p.end(true)
		if out.String() != want {
			t.Errorf("quiet %v: %q", quiet, out.String())
		}
	}
}

// TestSayServer: what servers may answer, and what say makes of it.
func TestSayServer(t *testing.T) {
	body := append(codec.WAVHeader(speech.Format{Encoding: speech.WAV, SampleRate: 24000}, nil, -1), 1, 2, 3, 4)
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		code   int
		says   string
	}{
		"audio": {func(w http.ResponseWriter, r *http.Request) {
			data, _ := io.ReadAll(r.Body)
			if want := `{"input":"Hello.","language":"en","model":"m","response_format":"wav","sample_rate":24000,"speed":2,"voice":"alloy"}`; string(data) != want {
				http.Error(w, string(data), http.StatusTeapot)
				return
			}
			w.Header().Set("Content-Type", "audio/wav")
			w.Header().Add("X-Orotund-Warning", "careful")
			_, _ = w.Write(body)
		}, 0, "warning: careful"},
		"OpenAI's error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error": {"message": "voice: unknown voice; GET /v1", "type": "x", "param": "voice", "code": "voice_not_found"}}`)
		}, 3, "--voice: unknown voice; `orotund voices` lists"},
		"an error without a field": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error": {"message": "the queue is full", "param": null}}`)
		}, 4, "orotund: the queue is full"},
		"another error": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, 4, "502 Bad Gateway"},
		"ours to mend":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, 1, "500"},
		"not an Orotund": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>Welcome")
		}, 4, "is not an Orotund"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/wav")
			_, _ = w.Write(body)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 4, "the server cut the audio off"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(tc.answer))
			defer server.Close()
			dir := t.TempDir()
			out := filepath.Join(dir, "x.wav")
			r := run(t.Context(), t, "", "say", "Hello.", "-o", out, "--server", strings.TrimPrefix(server.URL, "http://")+"/", "--voice", "alloy",
				"--model", "m", "--language", "en", "--speed", "2", "--sample-rate", "24000")
			if r.code != tc.code || !strings.Contains(r.err, tc.says) {
				t.Errorf("%+v", r)
			}
			if tc.code != 0 {
				alone(t, dir)
				return
			}
			data, err := os.ReadFile(out)
			if err != nil || wav(t, data, 24000) != 2 {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
	for _, base := range []string{"127.0.0.1:1", "http://127.0.0.1:1"} {
		r := run(t.Context(), t, "", "say", "Hello.", "-o", "-", "--server", base)
		if r.code != 4 || !strings.Contains(r.err, "the server at http://127.0.0.1:1 does not answer") {
			t.Errorf("%+v", r)
		}
	}
	if r := run(t.Context(), t, "", "say", "Hello.", "-o", "-", "--server", "http://[::1"); r.code != 2 {
		t.Errorf("%+v", r)
	}
}

func TestVoicesOfServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/voices":
			_, _ = io.WriteString(w, `{"voices": [{"id": "a.b", "name": "B", "engine": "a", "languages": ["en"], "sample_rate": 16000}], "profiles": [{"id": "alloy", "voices": {"en": "a.b"}}]}`)
		case "/v1/models":
			_, _ = io.WriteString(w, `{"object": "list", "data": [{"id": "tts-1", "object": "model"}]}`)
		}
	}))
	defer server.Close()
	r := run(t.Context(), t, "", "voices", "--server", server.URL)
	if r.code != 0 || !strings.Contains(r.out, "a.b") || !strings.Contains(r.out, "en: a.b") {
		t.Errorf("%+v", r)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	if r = run(t.Context(), t, "", "voices", "--server", server.URL); r.code != 4 || !strings.Contains(r.err, "is not an Orotund") {
		t.Errorf("%+v", r)
	}
}

func TestInFlags(t *testing.T) {
	if err := inFlags(nil); err != nil {
		t.Error(err)
	}
	plain := errors.New("x")
	if err := inFlags(plain); !errors.Is(err, plain) {
		t.Error(err)
	}
	give := fault.InvalidField("encoding", "m").WithCause(plain)
	if err := inFlags(give); fault.From(err).Field != "--format" || give.Field != "encoding" || !errors.Is(err, plain) {
		t.Error(err)
	}
}
