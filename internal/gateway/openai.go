package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

const (
	maxInstructions = 4096 // characters, as OpenAI has it
	pcmRate         = 24000
	speechFields    = "model, input, voice, instructions, response_format, speed, stream_format, language, sample_rate, bit_rate"
)

// speech answers POST /v1/audio/speech: OpenAI's fields, and language, sample_rate and bit_rate of our own.
func (g *Gateway) speech(w http.ResponseWriter, r *http.Request) error {
	raw, err := g.readJSON(w, r, "input")
	if err != nil {
		return err
	}
	req, warnings, err := decodeSpeech(raw)
	if err != nil {
		return err
	}
	req.ID, req.Principal = r.Header.Get(headerRequestID), speech.Anonymous
	if err := g.validate(&req); err != nil {
		return err
	}
	st, err := g.inference.Speak(r.Context(), req)
	if err != nil {
		return err
	}
	defer st.Close()
	return g.stream(w, r, st, warnings)
}

func decodeSpeech(raw map[string]json.RawMessage) (speech.Request, []string, error) {
	req := speech.Request{Speed: 1}
	format, streamFormat, instructions := string(speech.MP3), "audio", ""
	var voice openAIVoice
	f := &fields{raw: raw}
	f.take("model", &req.Model, "a string")
	f.take("input", &req.Text, "a string")
	f.take("voice", &voice, `a string or {"id": string}`)
	f.take("instructions", &instructions, "a string")
	f.take("response_format", &format, "a string")
	f.take("speed", &req.Speed, "a number")
	f.take("stream_format", &streamFormat, "a string")
	f.take("language", &req.Language, "a string")
	f.take("sample_rate", &req.Format.SampleRate, "a whole number of Hz")
	f.take("bit_rate", &req.Format.BitRate, "a whole number of bit/s")
	if err := f.done(speechFields); err != nil {
		return req, nil, err
	}
	req.Voice, req.Format.Encoding = string(voice), speech.Encoding(format)
	if req.Format.Encoding == speech.PCM && req.Format.SampleRate == 0 {
		req.Format.SampleRate = pcmRate // OpenAI's contract for bytes without a header, whatever is configured
	}
	if streamFormat != "audio" {
		return req, nil, fault.InvalidField("stream_format", "must be audio")
	}
	var warnings []string
	if n := utf8.RuneCountInString(instructions); n > maxInstructions {
		return req, nil, fault.InvalidField("instructions", "has %d characters; at most %d are allowed", n, maxInstructions)
	} else if n > 0 {
		warnings = append(warnings, "instructions were not applied: no installed voice follows them")
	}
	return req, warnings, nil
}

// openAIVoice is a voice's name, or an object that holds it as id.
type openAIVoice string

// UnmarshalJSON takes both forms.
func (v *openAIVoice) UnmarshalJSON(b []byte) error {
	var object struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(b, (*string)(v)); err == nil {
		return nil
	}
	if err := json.Unmarshal(b, &object); err != nil || object.ID == "" {
		return errors.New("neither a string nor an object with an id")
	}
	*v = openAIVoice(object.ID)
	return nil
}

// stream sends a stream's audio as the body, each frame as soon as it is there. Nothing is sent before the first audio, so that what
// goes wrong until then has a status of its own.
func (g *Gateway) stream(w http.ResponseWriter, r *http.Request, st speech.Stream, warnings []string) error {
	ctx := r.Context()
	rc := http.NewResponseController(w)
	begun := false
	for {
		ev, err := st.Next(ctx)
		switch {
		case errors.Is(err, io.EOF) && !begun:
			return fault.New(fault.Internal, "internal error").WithCause(errors.New("the stream ended without audio"))
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !begun:
			return err
		case err != nil:
			if f := fault.From(err); f.Kind != fault.Canceled {
				g.log.WarnContext(ctx, "audio cut off", "request_id", r.Header.Get(headerRequestID), "kind", f.Kind, "err", err)
			}
			return errCutOff
		case ev.Kind == speech.EventWarning && !begun:
			warnings = append(warnings, ev.Warning)
		case ev.Kind == speech.EventAudio:
			if !begun {
				begun = true
				begin(w, st.Format(), warnings)
			}
			if err := send(ctx, w, rc, ev.Audio); err != nil {
				return errCutOff
			}
		}
	}
}

// begin sends the headers of the audio.
func begin(w http.ResponseWriter, f speech.Format, warnings []string) {
	h := w.Header()
	h.Set("Content-Type", codec.ContentType(f))
	h.Set("Cache-Control", "no-store")
	for _, warning := range warnings {
		h.Add(headerWarning, warning)
	}
	w.WriteHeader(http.StatusOK)
}

// send writes and flushes one frame.
func send(ctx context.Context, w http.ResponseWriter, rc *http.ResponseController, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	return rc.Flush()
}
