package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// private matches what an error must never tell: Go's own error texts, types, paths and addresses.
var private = regexp.MustCompile(`json:|invalid character|unmarshal|Unmarshal|EOF|i/o|panic|goroutine|\.go\b|/[a-z]+/[a-z]+/|127\.0\.0\.1|runtime|interface conversion|github`)

func TestBadInput(t *testing.T) {
	s := start(t, newInference(), func(c *Config) { c.MaxBody, c.MaxCharacters = 64<<10, 1000 })
	const invalid = "invalid_request_error"
	with := func(fields string) string { return `{"input": "Hello.", ` + fields + `}` }
	for _, tc := range []struct {
		name, body, contentType string
		status                  int
		param, code             string
	}{
		{"empty input", `{"input": ""}`, "", 400, "input", "empty"},
		{"missing input", `{"voice": "alloy"}`, "", 400, "input", "empty"},
		{"null input", `{"input": null}`, "", 400, "input", "empty"},
		{"input of the wrong type", `{"input": ["a"]}`, "", 400, "input", "wrong_type"},
		{"white space", `{"input": " \n\t　"}`, "", 400, "input", "nothing_to_say"},
		{"punctuation", `{"input": "?! … 。，—"}`, "", 400, "input", "nothing_to_say"},
		{"emoji", `{"input": "🙂🎉"}`, "", 400, "input", "nothing_to_say"},
		{"bytes that are not UTF-8", "{\"input\": \"a\xff\xfeb\"}", "", 400, "input", "invalid_utf8"},
		{"half a surrogate pair", `{"input": "a\ud83d b"}`, "", 400, "input", "invalid_utf8"},
		{"NUL", `{"input": "a\u0000b"}`, "", 400, "input", "invalid_character"},
		{"too many characters", `{"input": "` + strings.Repeat("字", 1001) + `"}`, "", 413, "input", "text_too_long"},
		{"10 MB", `{"input": "` + strings.Repeat("a", 10<<20) + `"}`, "", 413, "input", "body_too_large"},
		{"unknown voice", with(`"voice": "nobody"`), "", 404, "voice", "voice_not_found"},
		{"voice of the wrong type", with(`"voice": 7`), "", 400, "voice", "wrong_type"},
		{"voice without id", with(`"voice": {"name": "x"}`), "", 400, "voice", "wrong_type"},
		{"voice with a line end", with(`"voice": "a\nb"`), "", 400, "voice", "invalid_argument"},
		{"long voice", with(`"voice": "` + strings.Repeat("v", 129) + `"`), "", 400, "voice", "invalid_argument"},
		{"voice of another model", with(`"voice": "flite.rms", "model": "espeak"`), "", 400, "voice", "voice_not_in_model"},
		{"unknown format", with(`"response_format": "midi"`), "", 400, "response_format", "invalid_argument"},
		{"empty format", with(`"response_format": ""`), "", 400, "response_format", "invalid_argument"},
		{"format of the wrong type", with(`"response_format": 3`), "", 400, "response_format", "wrong_type"},
		{"unknown model", with(`"model": "tts-9"`), "", 404, "model", "model_not_found"},
		{"model of the wrong type", with(`"model": {}`), "", 400, "model", "wrong_type"},
		{"speed 0", with(`"speed": 0`), "", 400, "speed", "invalid_argument"},
		{"speed 5", with(`"speed": 5`), "", 400, "speed", "invalid_argument"},
		{"speed below 0", with(`"speed": -1`), "", 400, "speed", "invalid_argument"},
		{"speed beyond numbers", with(`"speed": 1e999`), "", 400, "speed", "wrong_type"},
		{"speed NaN", with(`"speed": NaN`), "", 400, "body", "invalid_json"},
		{"speed as a word", with(`"speed": "fast"`), "", 400, "speed", "wrong_type"},
		{"language that is none", with(`"language": "english!"`), "", 400, "language", "invalid_argument"},
		{"sample rate below 0", with(`"sample_rate": -1`), "", 400, "sample_rate", "invalid_argument"},
		{"sample rate that wraps", with(`"sample_rate": 4294991296`), "", 400, "sample_rate", "invalid_argument"},
		{"sample rate that MP3 has not", with(`"sample_rate": 22051`), "", 400, "sample_rate", "invalid_argument"},
		{"sample rate as text", with(`"sample_rate": "24000"`), "", 400, "sample_rate", "wrong_type"},
		{"half a hertz", with(`"sample_rate": 16000.5`), "", 400, "sample_rate", "wrong_type"},
		{"bit rate below 0", with(`"bit_rate": -5`), "", 400, "bit_rate", "invalid_argument"},
		{"bit rate that MP3 has not", with(`"bit_rate": 12345`), "", 400, "bit_rate", "invalid_argument"},
		{"bit rate of PCM", with(`"bit_rate": 64000, "response_format": "pcm"`), "", 400, "bit_rate", "invalid_argument"},
		{"unknown stream format", with(`"stream_format": "hls"`), "", 400, "stream_format", "invalid_argument"},
		{"timings without events", with(`"timings": ["word"]`), "", 400, "timings", "invalid_argument"},
		{"unknown timing", with(`"stream_format": "sse", "timings": ["word", "note"]`), "", 400, "timings", "invalid_argument"},
		{"timings as a word", with(`"stream_format": "sse", "timings": "word"`), "", 400, "timings", "wrong_type"},
		{"pitch", with(`"pitch": 12.1`), "", 400, "pitch", "invalid_argument"},
		{"pitch as a word", with(`"pitch": "high"`), "", 400, "pitch", "wrong_type"},
		{"volume", with(`"volume": -61`), "", 400, "volume", "invalid_argument"},
		{"loudness", with(`"loudness": -41`), "", 400, "loudness", "invalid_argument"},
		{"loudness above full scale", with(`"loudness": 3`), "", 400, "loudness", "invalid_argument"},
		{"long instructions", with(`"instructions": "` + strings.Repeat("i", 4097) + `"`), "", 400, "instructions", "invalid_argument"},
		{"unknown field", with(`"voise": "alloy"`), "", 400, "voise", "unknown_field"},
		{"unknown field with a long name", with(`"` + strings.Repeat("x", 65) + `": 1`), "", 400, "body", "unknown_field"},
		{"empty name", with(`"": 1`), "", 400, "body", "unknown_field"},
		{"field given twice", with(`"input": "Bye."`), "", 400, "input", "duplicate_field"},
		{"broken JSON", `{"input": "Hello."`, "", 400, "body", "invalid_json"},
		{"not JSON", `input=Hello`, "", 400, "body", "invalid_json"},
		{"no body", ``, "", 400, "body", "invalid_json"},
		{"JSON array", `[{"input": "Hello."}]`, "", 400, "body", "invalid_json"},
		{"JSON null", `null`, "", 400, "body", "invalid_json"},
		{"two objects", `{"input": "a"} {"input": "b"}`, "", 400, "body", "invalid_json"},
		{"deep nesting", `{"input": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "", 400, "body", "invalid_json"},
		{"wrong content type", `input=Hello`, "application/x-www-form-urlencoded", 415, "content-type", "unsupported_media_type"},
		{"content type that is none", `{"input": "a"}`, "application/", 415, "content-type", "unsupported_media_type"},
		{"no content type", `{"input": "a"}`, "none", 415, "content-type", "unsupported_media_type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			headers := []string{"Content-Type", "application/json; charset=utf-8"}
			if tc.contentType == "none" {
				headers = nil
			} else if tc.contentType != "" {
				headers[1] = tc.contentType
			}
			resp := s.do(t, http.MethodPost, "/v1/audio/speech", strings.NewReader(tc.body), headers...)
			p := readProblem(t, resp)
			if resp.StatusCode != tc.status || p.Type != invalid || p.Param == nil || *p.Param != tc.param || p.Code == nil || *p.Code != tc.code {
				t.Errorf("%d %s", resp.StatusCode, show(p))
			}
			if !strings.HasPrefix(p.Message, tc.param+": ") || len(p.Message) > 300 || private.MatchString(strings.TrimPrefix(p.Message, tc.param)) {
				t.Errorf("message %q", p.Message)
			}
			if resp.Header.Get("X-Request-Id") == "" {
				t.Error("no request id")
			}
		})
	}
	s.inf.mu.Lock()
	defer s.inf.mu.Unlock()
	if len(s.inf.asked) != 0 {
		t.Errorf("%d bad requests were spoken", len(s.inf.asked))
	}
	if log := s.log.String(); strings.Contains(log, "Hello") || strings.Contains(log, "WARN") {
		t.Error("the log holds text, or a caller's mistake as ours")
	}
}

func show(p problem) string {
	str := func(s *string) string {
		if s == nil {
			return "null"
		}
		return *s
	}
	return fmt.Sprintf("type %s, param %s, code %s: %s", p.Type, str(p.Param), str(p.Code), p.Message)
}

// TestGoodInput: what is on the right side of each limit is passed on, as it was meant.
func TestGoodInput(t *testing.T) {
	s := start(t, newInference(), func(c *Config) { c.MaxCharacters = 10 })
	for _, tc := range []struct {
		body string
		want speech.Request
	}{
		{`{"input": "Hello."}`, speech.Request{Text: "Hello.", Speed: 1, Format: speech.Format{Encoding: speech.MP3}}},
		{`{"input": "😀 ab\ud83d\ude00�\ufffd"}`, speech.Request{Text: "😀 ab😀��", Speed: 1, Format: speech.Format{Encoding: speech.MP3}}},
		{`{"input": "十个字十个字十个字十", "voice": {"id": "nova"}, "model": "tts-1-hd", "speed": 4.0, "response_format": "wav", "language": "zh-CN", "sample_rate": 48000}`,
			speech.Request{Text: "十个字十个字十个字十", Voice: "nova", Model: "tts-1-hd", Speed: 4, Language: "zh-CN", Format: speech.Format{Encoding: speech.WAV, SampleRate: 48000}}},
		{`{"input": "a", "voice": null, "speed": null, "instructions": "", "stream_format": "audio", "response_format": "pcm"}`,
			speech.Request{Text: "a", Speed: 1, Format: speech.Format{Encoding: speech.PCM, SampleRate: 24000}}},
		{`{"input": "a", "response_format": "pcm", "sample_rate": 8000, "speed": 0.25}`,
			speech.Request{Text: "a", Speed: 0.25, Format: speech.Format{Encoding: speech.PCM, SampleRate: 8000}}},
		{`{"input": "a", "bit_rate": 32000, "sample_rate": 0}`, speech.Request{Text: "a", Speed: 1, Format: speech.Format{Encoding: speech.MP3, BitRate: 32000}}},
	} {
		resp := s.post(t, tc.body)
		if body := read(t, resp); resp.StatusCode != 200 || body != "onetwo" {
			t.Errorf("%s: %s %s", tc.body, resp.Status, body)
			continue
		}
		got, st := s.inf.last(t)
		tc.want.ID, tc.want.Principal = resp.Header.Get("X-Request-Id"), speech.Anonymous
		if fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s: %+v", tc.body, got)
		}
		if st.closed.Load() != 1 {
			t.Errorf("closed %d times", st.closed.Load())
		}
	}
}

// TestStalledBody: a body that does not come is given up after the read timeout, and so are headers.
func TestStalledBody(t *testing.T) {
	s := start(t, newInference(), func(c *Config) { c.ReadTimeout = 50 * time.Millisecond })
	conn := dial(t, s)
	send := "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"input\""
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatal(err)
	}
	resp := answer(t, conn)
	if p := readProblem(t, resp); resp.StatusCode != 400 || *p.Param != "body" || *p.Code != "body_incomplete" || private.MatchString(p.Message) {
		t.Errorf("%s %s", resp.Status, show(p))
	}
	conn = dial(t, s)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHo"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil { // the server ends it
		t.Fatal(err)
	}
}

// TestExpectContinue: a client that asks first is told before it sends 10 MB.
func TestExpectContinue(t *testing.T) {
	s := start(t, newInference(), nil)
	conn := dial(t, s)
	if _, err := io.WriteString(conn, "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if resp := answer(t, conn); resp.StatusCode != 413 {
		t.Errorf("%s", resp.Status)
	}
}

// TestHeaderLimit: headers are bounded.
func TestHeaderLimit(t *testing.T) {
	s := start(t, newInference(), nil)
	conn := dial(t, s)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Big: "+strings.Repeat("b", 80<<10)); err != nil {
		t.Fatal(err)
	}
	if resp := answer(t, conn); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s", resp.Status)
	}
}

// TestErrorForms: each kind has its status and OpenAI's type; nothing of the cause gets out.
func TestErrorForms(t *testing.T) {
	s := start(t, newInference(), nil)
	for _, tc := range []struct {
		err    error
		status int
		kind   string // OpenAI's type
		code   string
	}{
		{fault.New(fault.Unauthenticated, "no key"), 401, "authentication_error", "unauthenticated"},
		{fault.New(fault.Forbidden, "not yours"), 403, "permission_error", "permission_denied"},
		{fault.New(fault.Conflict, "changed"), 409, "invalid_request_error", "conflict"},
		{fault.New(fault.Exhausted, "queue full").WithRetryAfter(1500 * time.Millisecond), 429, "rate_limit_error", "resource_exhausted"},
		{fault.New(fault.Unavailable, "no engine").WithCode("worker_lost").WithCause(fmt.Errorf("exec /usr/bin/x")), 503, "server_error", "worker_lost"},
		{fault.New(fault.Deadline, "too late"), 504, "server_error", "deadline_exceeded"},
		{fault.New(fault.Unimplemented, "not built"), 501, "server_error", "unimplemented"},
		{fmt.Errorf("open /etc/passwd: secret"), 500, "server_error", "internal"},
	} {
		s.inf.failing = tc.err
		resp := s.do(t, http.MethodGet, "/v1/models", nil)
		p := readProblem(t, resp)
		if resp.StatusCode != tc.status || p.Type != tc.kind || p.Param != nil || *p.Code != tc.code || strings.Contains(p.Message, "/") {
			t.Errorf("%v: %s %s", tc.err, resp.Status, show(p))
		}
		if retry := resp.Header.Get("Retry-After"); (retry == "2") != (tc.status == 429) {
			t.Errorf("%v: Retry-After %q", tc.err, retry)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "open /etc/passwd: secret") || !strings.Contains(log, "exec /usr/bin/x") {
		t.Error("the log does not tell the causes")
	}
}

func dial(t *testing.T, s *server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}
