package gateway

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

// FuzzSpeechRequest: any body is either a request within all limits, which reads back the same from what it means, or an error that says what is
// wrong with which field, and that OpenAI's form can carry.
func FuzzSpeechRequest(f *testing.F) {
	for _, body := range []string{
		`{"input": "Hello.", "voice": {"id": "alloy"}, "model": "tts-1", "speed": 1.5, "response_format": "wav", "language": "en-GB", "sample_rate": 16000}`,
		`{"input": "a", "bit_rate": 64000, "stream_format": "audio", "instructions": "slowly"}`, `{"input": null, "input": 1}`, `{"input": "\ud83d"}`,
		"{\"input\": \"\xff\"}", `[]`, `{`, ``, `null`, `{"speed": 1e999}`, `{"\u0000": 1}`, `{"sample_rate": 4294991296, "input": "a"}`, `{"a":{"b":[{}]}}`,
	} {
		f.Add([]byte(body))
	}
	g := &Gateway{cfg: DefaultConfig()}
	decode := func(body []byte) (speech.Request, error) {
		raw, err := parseObject(body)
		if err != nil {
			return speech.Request{}, err
		}
		req, _, _, err := decodeSpeech(raw)
		if err != nil {
			return speech.Request{}, err
		}
		return req, g.validate(&req)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := decode(body)
		if err != nil {
			var e *fault.Error
			if !errors.As(err, &e) || e.Kind != fault.Invalid && e.Kind != fault.TooLarge || e.Field == "" || e.Message == "" || !utf8.ValidString(e.Field+e.Message) {
				t.Fatalf("%q: %#v", body, err)
			}
			return
		}
		if !text.Speakable(req.Text) || !utf8.ValidString(req.Text+req.Voice+req.Model+req.Language) || !(req.Speed >= speech.MinSpeed && req.Speed <= speech.MaxSpeed) ||
			req.Format.SampleRate < 0 || req.Format.SampleRate > speech.MaxSampleRate || req.Format.BitRate < 0 {
			t.Fatalf("%q: %+v", body, req)
		}
		meant, err := json.Marshal(map[string]any{"input": req.Text, "voice": req.Voice, "model": req.Model, "language": req.Language, "speed": req.Speed,
			"response_format": req.Format.Encoding, "sample_rate": req.Format.SampleRate, "bit_rate": req.Format.BitRate})
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(meant)
		if err != nil || !reflect.DeepEqual(again, req) {
			t.Fatalf("%q\nmeans %+v\nbut is read as %+v, %v", body, req, again, err)
		}
	})
}
