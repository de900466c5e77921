package gateway

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

const (
	maxName    = 128       // bytes of a voice's, model's or language's name
	maxBitRate = 1_000_000 // bit/s; no encoding takes more
)

// validate checks a request once, whichever protocol it came by. Fields are named as in speech.Request.
func (g *Gateway) validate(r *speech.Request) error {
	switch {
	case r.Text == "":
		return fault.InvalidField("text", "must not be empty").WithCode("empty")
	case !utf8.ValidString(r.Text):
		return fault.InvalidField("text", "is not valid UTF-8").WithCode("invalid_utf8")
	case strings.IndexByte(r.Text, 0) >= 0:
		return fault.InvalidField("text", "holds a NUL character").WithCode("invalid_character")
	}
	if n := utf8.RuneCountInString(r.Text); n > g.cfg.MaxCharacters {
		return &fault.Error{Kind: fault.TooLarge, Field: "text", Code: "text_too_long",
			Message: fmt.Sprintf("has %d characters; at most %d are allowed", n, g.cfg.MaxCharacters)}
	}
	if !text.Speakable(r.Text) {
		return fault.InvalidField("text", "has nothing in it to say: it needs at least one letter, digit or symbol that is read aloud").WithCode("nothing_to_say")
	}
	if err := validateSound(r); err != nil {
		return err
	}
	for _, f := range []struct{ field, value string }{{"voice", r.Voice}, {"model", r.Model}, {"language", r.Language}} {
		if len(f.value) > maxName || strings.ContainsFunc(f.value, unicode.IsControl) {
			return fault.InvalidField(f.field, "must be at most %d bytes without control characters", maxName)
		}
	}
	if r.Language != "" && !speech.IsLanguageTag(r.Language) {
		return fault.InvalidField("language", "must be a language tag such as en, en-GB or zh")
	}
	return validateFormat(r.Format)
}

// validateSound checks the numbers of the effects; none may be NaN.
func validateSound(r *speech.Request) error {
	if !(r.Speed >= speech.MinSpeed && r.Speed <= speech.MaxSpeed) {
		return fault.InvalidField("speed", "must be from %g to %g", speech.MinSpeed, speech.MaxSpeed)
	}
	if !(r.Pitch >= -speech.MaxPitch && r.Pitch <= speech.MaxPitch) {
		return fault.InvalidField("pitch", "must be from %g to %g semitones", -speech.MaxPitch, speech.MaxPitch)
	}
	if !(r.Volume >= speech.MinVolume && r.Volume <= speech.MaxVolume) {
		return fault.InvalidField("volume", "must be from %g to %g dB", speech.MinVolume, speech.MaxVolume)
	}
	if r.Loudness != 0 && !(r.Loudness >= speech.MinLoudness && r.Loudness <= speech.MaxLoudness) {
		return fault.InvalidField("loudness", "must be from %g to %g LUFS, or 0 for the server's", speech.MinLoudness, speech.MaxLoudness)
	}
	return nil
}

// validateFormat checks the numbers of a format; which of them an encoding takes is its codec's to say.
func validateFormat(f speech.Format) error {
	if f.SampleRate != 0 && (f.SampleRate < speech.MinSampleRate || f.SampleRate > speech.MaxSampleRate) {
		return fault.InvalidField("sample_rate", "must be from %d to %d Hz", speech.MinSampleRate, speech.MaxSampleRate)
	}
	if f.BitRate < 0 || f.BitRate > maxBitRate {
		return fault.InvalidField("bit_rate", "must be from 1 to %d bit/s", maxBitRate)
	}
	return nil
}
