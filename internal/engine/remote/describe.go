package remote

import (
	"fmt"
	"regexp"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/speech"
)

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)

const maxVoices = 10_000

// read checks a worker's description and turns it into ours. The worker is not trusted: what breaks the contract is an error.
func (e *Engine) read(r *enginev1.DescribeResponse) (*described, map[string]bool, error) {
	d := &described{
		Description: engine.Description{Name: r.GetName(), Version: r.GetVersion(), SpeedMin: 1, SpeedMax: 1,
			MaxCharacters: int(r.GetCapabilities().GetMaxCharacters())},
		voices: map[string]voiceRef{},
	}
	if c := r.GetCapabilities(); c.GetSpeedMax() > 0 {
		d.SpeedMin, d.SpeedMax = c.GetSpeedMin(), c.GetSpeedMax()
		if !(d.SpeedMin > 0 && d.SpeedMin <= 1 && d.SpeedMax >= 1 && d.SpeedMax <= 100) {
			return nil, nil, fmt.Errorf("capabilities: speed range %g to %g must hold 1", d.SpeedMin, d.SpeedMax)
		}
	}
	if d.MaxCharacters < 0 {
		return nil, nil, fmt.Errorf("capabilities: max_characters is negative")
	}
	loaded := map[string]bool{}
	for _, m := range r.GetModels() {
		if !idForm.MatchString(m.GetId()) {
			return nil, nil, fmt.Errorf("model id %q is not of the form %s", m.GetId(), idForm)
		}
		loaded[m.GetId()] = m.GetLoaded()
		for _, v := range m.GetVoices() {
			if err := d.add(e.id, m.GetId(), v); err != nil {
				return nil, nil, err
			}
		}
	}
	if len(d.Voices) == 0 {
		return nil, nil, fmt.Errorf("the engine has no voices")
	}
	return d, loaded, nil
}

func (d *described) add(engineID, model string, v *enginev1.Voice) error {
	id := engineID + "." + v.GetId()
	_, double := d.voices[id]
	switch {
	case !idForm.MatchString(v.GetId()):
		return fmt.Errorf("voice id %q is not of the form %s", v.GetId(), idForm)
	case double:
		return fmt.Errorf("voice id %q is there twice", v.GetId())
	case v.GetSampleRate() < speech.MinSampleRate || v.GetSampleRate() > speech.MaxSampleRate:
		return fmt.Errorf("voice %s: sample rate %d is not from %d to %d Hz", v.GetId(), v.GetSampleRate(), speech.MinSampleRate, speech.MaxSampleRate)
	case len(d.voices) == maxVoices:
		return fmt.Errorf("more than %d voices", maxVoices)
	}
	if !(v.GetLoudness() >= -70 && v.GetLoudness() <= 0) {
		return fmt.Errorf("voice %s: loudness %g is not from -70 to 0 LUFS", v.GetId(), v.GetLoudness())
	}
	for _, tag := range v.GetLanguages() {
		if !speech.IsLanguageTag(tag) {
			return fmt.Errorf("voice %s: %q is not a language tag", v.GetId(), tag)
		}
	}
	d.voices[id] = voiceRef{id: v.GetId(), model: model, sampleRate: int(v.GetSampleRate())}
	d.Voices = append(d.Voices, speech.Voice{
		ID: id, Name: v.GetName(), Engine: engineID, Languages: v.GetLanguages(), Gender: gender(v.GetGender()), SampleRate: int(v.GetSampleRate()), Loudness: v.GetLoudness(),
	})
	return nil
}

func gender(g enginev1.Gender) string {
	switch g {
	case enginev1.Gender_GENDER_FEMALE:
		return "female"
	case enginev1.Gender_GENDER_MALE:
		return "male"
	case enginev1.Gender_GENDER_NEUTRAL:
		return "neutral"
	default:
		return ""
	}
}
