package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

const hello = `{"input": "Hello.", "response_format": "wav"}`

// TestFirstFrame: the first frame is at the client while the second is not made yet.
func TestFirstFrame(t *testing.T) {
	inf := newInference()
	heard := make(chan struct{})
	inf.next = func(ctx context.Context, n int) (speech.Event, error) {
		switch n {
		case 0:
			return speech.Event{Kind: speech.EventTiming, Timing: speech.Timing{Kind: speech.TimingWord}}, nil
		case 1:
			return speech.Event{Kind: speech.EventWarning, Warning: "the voice is missing"}, nil
		case 2:
			return audio("first"), nil
		case 3:
			select {
			case <-heard:
				return audio("second"), nil
			case <-ctx.Done():
				return speech.Event{}, ctx.Err()
			}
		case 4:
			return speech.Event{Kind: speech.EventWarning, Warning: "too late for a header"}, nil
		case 5:
			return speech.Event{Kind: speech.EventSegmentEnd}, nil
		}
		return speech.Event{}, io.EOF
	}
	s := start(t, inf, nil)
	resp := s.post(t, `{"input": "Hello.", "response_format": "pcm", "sample_rate": 16000, "instructions": "whisper"}`)
	if _, err := io.ReadFull(resp.Body, make([]byte, len("first"))); err != nil {
		t.Fatal(err)
	}
	close(heard)
	if rest := read(t, resp); rest != "second" {
		t.Fatalf("the rest is %q", rest)
	}
	h := resp.Header
	if w := h.Values("X-Orotund-Warning"); len(w) != 2 || !strings.Contains(w[0], "instructions") || w[1] != "the voice is missing" {
		t.Errorf("warnings %q", w)
	}
	if ct := h.Get("Content-Type"); ct != "audio/pcm;rate=16000;channels=1;encoding=signed-int;bits=16" && !strings.HasPrefix(ct, "audio/") {
		t.Errorf("Content-Type %q", ct)
	}
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Server") != "orotund/test" {
		t.Errorf("headers %v", h)
	}
}

// TestErrorBeforeAudio: what fails before the first audio has a status, even after warnings.
func TestErrorBeforeAudio(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		status int
		param  string
	}{
		"caller":   {fault.InvalidField("text", "the voice can say nothing of this text"), 400, "input"},
		"engine":   {fault.New(fault.Unavailable, "no worker"), 503, ""},
		"unknown":  {errors.New("open /secret"), 500, ""},
		"no audio": {io.EOF, 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inf := newInference()
			inf.next = func(_ context.Context, n int) (speech.Event, error) {
				if n == 0 {
					return speech.Event{Kind: speech.EventWarning, Warning: "w"}, nil
				}
				return speech.Event{}, tc.err
			}
			s := start(t, inf, nil)
			resp := s.post(t, hello)
			p := readProblem(t, resp)
			if resp.StatusCode != tc.status || (p.Param == nil) != (tc.param == "") || p.Param != nil && *p.Param != tc.param || strings.Contains(p.Message, "/") {
				t.Errorf("%s %s", resp.Status, show(p))
			}
			if _, st := inf.last(t); st.closed.Load() != 1 {
				t.Errorf("closed %d times", st.closed.Load())
			}
		})
	}
}

// TestErrorAfterAudio: what fails later breaks the body, so that no client takes it for whole; the span and the log tell it.
func TestErrorAfterAudio(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return fault.New(fault.Unavailable, "worker lost") },
		"panic": func() error { panic("a mistake") },
	} {
		t.Run(name, func(t *testing.T) {
			inf := newInference()
			inf.next = func(_ context.Context, n int) (speech.Event, error) {
				if n == 0 {
					return audio("first"), nil
				}
				return speech.Event{}, fail()
			}
			s := start(t, inf, nil)
			resp := s.post(t, hello)
			data, err := io.ReadAll(resp.Body)
			if resp.StatusCode != 200 || string(data) != "first" || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s, %q, %v", resp.Status, data, err)
			}
			eventually(t, "the stream is closed", func() bool { _, st := inf.last(t); return st.closed.Load() == 1 })
			span := s.span(t)
			if span.Status().Code != codes.Error || span.Name() != "POST /v1/audio/speech" {
				t.Errorf("span %s: %+v", span.Name(), span.Status())
			}
			eventually(t, "the log tells it", func() bool { return strings.Contains(s.log.String(), "cut_off=true") })
		})
	}
}

// TestPanic: a panic before audio is an error of ours with an answer, and the server lives on.
func TestPanic(t *testing.T) {
	inf := newInference()
	good := inf.next
	inf.next = func(context.Context, int) (speech.Event, error) { panic("private") }
	s := start(t, inf, nil)
	resp := s.post(t, hello)
	if p := readProblem(t, resp); resp.StatusCode != 500 || *p.Code != "internal" || p.Message != "internal error" {
		t.Errorf("%s %s", resp.Status, show(p))
	}
	if _, st := inf.last(t); st.closed.Load() != 1 {
		t.Errorf("closed %d times", st.closed.Load())
	}
	if log := s.log.String(); !strings.Contains(log, "private") || !strings.Contains(log, "stream_test.go") {
		t.Error("the log does not say where it panicked")
	}
	inf.next = good
	if resp := s.post(t, hello); resp.StatusCode != 200 {
		t.Errorf("the next request: %s", resp.Status)
	}
}

// TestClientLeaves: the stream's context ends when the client has gone, before and after the first audio.
func TestClientLeaves(t *testing.T) {
	for name, silent := range map[string]bool{"before audio": true, "after audio": false} {
		t.Run(name, func(t *testing.T) {
			inf := newInference()
			asked := make(chan struct{})
			var ended error
			inf.next = func(ctx context.Context, n int) (speech.Event, error) {
				if n == 0 && !silent {
					return audio("first"), nil
				}
				close(asked)
				select {
				case <-ctx.Done():
				case <-time.After(patience):
				}
				ended = ctx.Err()
				return speech.Event{}, ctx.Err()
			}
			s := start(t, inf, nil)
			conn := dial(t, s)
			speak(t, conn, hello)
			within(t, "the stream is read", asked)
			_ = conn.Close()
			eventually(t, "the stream is closed", func() bool { _, st := inf.last(t); return st.closed.Load() == 1 })
			_, st := inf.last(t)
			if !errors.Is(ended, context.Canceled) || !errors.Is(st.ctx.Err(), context.Canceled) {
				t.Errorf("Next's context: %v, Speak's: %v", ended, st.ctx.Err())
			}
			s.span(t)
			if st.closed.Load() != 1 || strings.Contains(s.log.String(), "level=WARN") {
				t.Errorf("closed %d times; log:\n%s", st.closed.Load(), s.log)
			}
		})
	}
}

// TestClientReadsNothing: it is cut off after the write timeout, and meanwhile others are served.
func TestClientReadsNothing(t *testing.T) {
	inf := newInference()
	endless := make([]byte, 64<<10)
	inf.next = func(context.Context, int) (speech.Event, error) {
		return speech.Event{Kind: speech.EventAudio, Audio: endless}, nil
	}
	s := start(t, inf, func(c *Config) { c.WriteTimeout = 300 * time.Millisecond })
	conn := dial(t, s)
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	speak(t, conn, hello)
	eventually(t, "it is served", func() bool { inf.mu.Lock(); defer inf.mu.Unlock(); return len(inf.streams) == 1 })
	_, stalled := inf.last(t)
	inf.mu.Lock()
	inf.next = frames("one", "two")
	inf.mu.Unlock()
	for stalled.closed.Load() == 0 {
		if body := read(t, s.post(t, hello)); body != "onetwo" {
			t.Fatalf("another client got %q", body)
		}
	}
	eventually(t, "the log tells it", func() bool { return strings.Contains(s.log.String(), "cut_off=true") })
}

// TestDeadlineOfEarlierRequest: the write deadline of one request does not break the next one on the same connection.
func TestDeadlineOfEarlierRequest(t *testing.T) {
	const timeout = 100 * time.Millisecond
	inf := newInference()
	s := start(t, inf, func(c *Config) { c.WriteTimeout = timeout })
	var conns []string
	for range 2 {
		resp := s.post(t, hello)
		if body := read(t, resp); body != "onetwo" {
			t.Fatal(body)
		}
		conns = append(conns, resp.Header.Get("X-Request-Id"))
		time.Sleep(2 * timeout) // the thing tested is a deadline that passes
		resp = s.do(t, http.MethodGet, "/v1/models", nil)
		if body := read(t, resp); !strings.Contains(body, "tts-1") {
			t.Fatal(body)
		}
		time.Sleep(2 * timeout)
	}
	if conns[0] == conns[1] {
		t.Error("request ids repeat")
	}
}

// TestSlowStream: a stream may be silent for longer than the write timeout: only the client's slowness counts.
func TestSlowStream(t *testing.T) {
	const timeout = 50 * time.Millisecond
	inf := newInference()
	inf.next = func(ctx context.Context, n int) (speech.Event, error) {
		select {
		case <-time.After(3 * timeout):
		case <-ctx.Done():
		}
		return frames("one", "two")(ctx, n)
	}
	s := start(t, inf, func(c *Config) { c.WriteTimeout, c.ReadTimeout = timeout, timeout })
	if body := read(t, s.post(t, hello)); body != "onetwo" {
		t.Fatal(body)
	}
}

// speak sends a request on a raw connection.
func speak(t *testing.T, conn net.Conn, body string) {
	t.Helper()
	if _, err := io.WriteString(conn, "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+
		strconv.Itoa(len(body))+"\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
}

// span waits for the one span of the one request.
func (s *server) span(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	eventually(t, "the span ends", func() bool { return len(s.spans.Ended()) == 1 })
	return s.spans.Ended()[0]
}
