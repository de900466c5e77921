package gateway

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// TestOpenAISDK: OpenAI's own client works as it is, errors too.
func TestOpenAISDK(t *testing.T) {
	inf := newInference()
	s := start(t, inf, nil)
	client := openai.NewClient(option.WithBaseURL(s.url+"/v1"), option.WithAPIKey("none"), option.WithHTTPClient(s.http), option.WithMaxRetries(0))
	params := openai.AudioSpeechNewParams{
		Input: "你好，世界。", Model: "gpt-4o-mini-tts", Speed: openai.Float(1.25), Instructions: openai.String("calmly"),
		Voice:          openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("alloy")},
		ResponseFormat: openai.AudioSpeechNewParamsResponseFormatWAV,
	}
	resp, err := client.Audio.Speech.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || string(data) != "onetwo" || resp.Header.Get("Content-Type") != "audio/wav" {
		t.Errorf("%q, %v, %s", data, err, resp.Header.Get("Content-Type"))
	}
	got, _ := inf.last(t)
	if got.Text != "你好，世界。" || got.Voice != "alloy" || got.Model != "gpt-4o-mini-tts" || got.Speed != 1.25 || got.Format.Encoding != speech.WAV {
		t.Errorf("%+v", got)
	}

	for name, tc := range map[string]struct {
		change            func(*openai.AudioSpeechNewParams)
		status            int
		kind, param, code string
	}{
		"empty input": {func(p *openai.AudioSpeechNewParams) { p.Input = "" }, 400, "invalid_request_error", "input", "empty"},
		"voice": {func(p *openai.AudioSpeechNewParams) {
			p.Voice = openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("nobody")}
		}, 404, "invalid_request_error", "voice", "voice_not_found"},
		"format": {func(p *openai.AudioSpeechNewParams) { p.ResponseFormat = "midi" }, 400, "invalid_request_error", "response_format", "invalid_argument"},
		"stream": {func(p *openai.AudioSpeechNewParams) { p.StreamFormat = "hls" }, 400, "invalid_request_error", "stream_format", "invalid_argument"},
	} {
		p := params
		tc.change(&p)
		_, err := client.Audio.Speech.New(t.Context(), p)
		var e *openai.Error
		if !errors.As(err, &e) || e.StatusCode != tc.status || e.Type != tc.kind || e.Param != tc.param || e.Code != tc.code || e.Message == "" {
			t.Errorf("%s: %v", name, err)
		}
	}

	models, err := client.Models.List(t.Context())
	if err != nil || len(models.Data) != 2+len(engine.DefaultModels()) {
		t.Errorf("%v, %v", models, err)
	}
	if m, err := client.Models.Get(t.Context(), "gpt-4o-mini-tts"); err != nil || m.ID != "gpt-4o-mini-tts" {
		t.Errorf("%v, %v", m, err)
	}
	_, err = client.Models.Get(t.Context(), "none")
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != 404 || e.Code != "model_not_found" {
		t.Error(err)
	}
}

// TestOpenAISDKRetries: the client tries again by itself when the server is busy, and sees the break of an audio that is cut off.
func TestOpenAISDKRetries(t *testing.T) {
	inf := newInference()
	busy := 1
	inf.next = func(ctx context.Context, n int) (speech.Event, error) {
		if busy > 0 {
			busy--
			return speech.Event{}, fault.New(fault.Exhausted, "the queue is full").WithRetryAfter(1)
		}
		if n == 1 {
			return speech.Event{}, fault.New(fault.Unavailable, "worker lost")
		}
		return frames("one", "two")(ctx, n)
	}
	s := start(t, inf, nil)
	client := openai.NewClient(option.WithBaseURL(s.url+"/v1"), option.WithAPIKey("none"), option.WithHTTPClient(s.http))
	resp, err := client.Audio.Speech.New(t.Context(), openai.AudioSpeechNewParams{Input: "Hello.", Model: "gpt-4o-mini-tts",
		Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("nova")}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); string(data) != "one" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", data, err)
	}
}
