package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

const (
	maxInstructions = 4096 // characters, as OpenAI has it
	pcmRate         = 24000
	speechFields    = "model, input, voice, instructions, response_format, speed, stream_format, language, sample_rate, bit_rate, pitch, volume, loudness, timings"
)

// speech answers POST /v1/audio/speech: OpenAI's fields, and some of our own (the last seven of speechFields).
func (g *Gateway) speech(w http.ResponseWriter, r *http.Request) error {
	raw, err := g.readJSON(w, r, "input")
	if err != nil {
		return err
	}
	req, events, warnings, err := decodeSpeech(raw)
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
	var b body = audioBody{}
	if events {
		b = newEventBody(req.Text)
	}
	return g.stream(w, r, st, b, warnings)
}

// decodeSpeech returns the request, whether it is to be answered with events, and warnings.
func decodeSpeech(raw map[string]json.RawMessage) (req speech.Request, events bool, warnings []string, err error) {
	req.Speed = 1
	var kinds []string
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
	f.take("pitch", &req.Pitch, "a number of semitones")
	f.take("volume", &req.Volume, "a number of dB")
	f.take("loudness", &req.Loudness, "a number of LUFS")
	f.take("timings", &kinds, "a list of strings")
	if err := f.done(speechFields); err != nil {
		return req, false, nil, err
	}
	req.Voice, req.Format.Encoding = string(voice), speech.Encoding(format)
	if req.Format.Encoding == speech.PCM && req.Format.SampleRate == 0 {
		req.Format.SampleRate = pcmRate // OpenAI's contract for bytes without a header, whatever is configured
	}
	if streamFormat != "audio" && streamFormat != "sse" {
		return req, false, nil, fault.InvalidField("stream_format", "must be audio or sse")
	}
	events = streamFormat == "sse"
	if req.Timings, err = timingKinds(kinds); err != nil {
		return req, false, nil, err
	}
	if len(kinds) > 0 && !events {
		return req, false, nil, fault.InvalidField("timings", "need stream_format sse")
	}
	if n := utf8.RuneCountInString(instructions); n > maxInstructions {
		return req, false, nil, fault.InvalidField("instructions", "has %d characters; at most %d are allowed", n, maxInstructions)
	} else if n > 0 {
		warnings = append(warnings, "instructions were not applied: no installed voice follows them")
	}
	return req, events, warnings, nil
}

// timingKinds are the kinds of timing that a request asks for.
func timingKinds(names []string) ([]speech.TimingKind, error) {
	var kinds []speech.TimingKind
	for _, name := range names {
		k, ok := timingNames[name]
		if !ok {
			return nil, fault.InvalidField("timings", "must be a list of word and phoneme")
		}
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds, nil
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
