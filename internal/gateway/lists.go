package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// modelJSON is an element of GET /v1/models.
type modelJSON struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// voiceJSON is an element of the voice lists. A profile has voices by language instead of a rate and an engine.
type voiceJSON struct {
	ID         string            `json:"id"`
	Object     string            `json:"object,omitempty"`
	Name       string            `json:"name"`
	Engine     string            `json:"engine,omitempty"`
	Languages  []string          `json:"languages,omitempty"`
	Gender     string            `json:"gender,omitempty"`
	SampleRate int               `json:"sample_rate,omitempty"`
	Loudness   float64           `json:"loudness,omitempty"`
	Voices     map[string]string `json:"voices,omitempty"`
}

func toVoiceJSON(v speech.Voice) voiceJSON {
	return voiceJSON{ID: v.ID, Name: v.Name, Engine: v.Engine, Languages: v.Languages, Gender: v.Gender, SampleRate: v.SampleRate, Loudness: v.Loudness}
}

// listOf is OpenAI's list.
type listOf[T any] struct {
	Object string `json:"object"`
	Data   []T    `json:"data"`
}

func (g *Gateway) models(r *http.Request) ([]modelJSON, error) {
	c, err := g.inference.Catalogue(r.Context())
	if err != nil {
		return nil, err
	}
	data := make([]modelJSON, 0, len(c.Models))
	for _, m := range c.Models {
		data = append(data, modelJSON{ID: m.ID, Object: "model", OwnedBy: "orotund"})
	}
	return data, nil
}

// openAIModels answers GET /v1/models.
func (g *Gateway) openAIModels(w http.ResponseWriter, r *http.Request) error {
	data, err := g.models(r)
	if err != nil {
		return err
	}
	return writeJSON(w, listOf[modelJSON]{"list", data})
}

// openAIModel answers GET /v1/models/{model}.
func (g *Gateway) openAIModel(w http.ResponseWriter, r *http.Request) error {
	data, err := g.models(r)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(data, func(m modelJSON) bool { return m.ID == r.PathValue("model") })
	if i < 0 {
		return &fault.Error{Kind: fault.NotFound, Field: "model", Code: "model_not_found", Message: "unknown model; GET /v1/models lists the ones that exist"}
	}
	return writeJSON(w, data[i])
}

// openAIVoices answers GET /v1/audio/voices: profiles and voices in one list, as both are names for the voice field.
func (g *Gateway) openAIVoices(w http.ResponseWriter, r *http.Request) error {
	c, err := g.inference.Catalogue(r.Context())
	if err != nil {
		return err
	}
	data := make([]voiceJSON, 0, len(c.Profiles)+len(c.Voices))
	for _, p := range c.Profiles {
		data = append(data, voiceJSON{ID: p.Name, Object: "voice", Name: p.Name, Voices: p.Voices})
	}
	for _, v := range c.Voices {
		j := toVoiceJSON(v)
		j.Object = "voice"
		data = append(data, j)
	}
	return writeJSON(w, listOf[voiceJSON]{"list", data})
}

// restVoices answers GET /api/v1/voices?language=zh&engine=flite.
func (g *Gateway) restVoices(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	for name := range q {
		if name != "language" && name != "engine" {
			return fault.InvalidField(nameOf(strings.ToValidUTF8(name, "")), "unknown parameter; known are language and engine").WithCode("unknown_field")
		}
	}
	language, engine := q.Get("language"), q.Get("engine")
	if language != "" && !speech.IsLanguageTag(language) {
		return fault.InvalidField("language", "must be a language tag such as en, en-GB or zh")
	}
	c, err := g.inference.Catalogue(r.Context())
	if err != nil {
		return err
	}
	out := struct {
		Voices   []voiceJSON `json:"voices"`
		Profiles []voiceJSON `json:"profiles"`
	}{Voices: []voiceJSON{}, Profiles: []voiceJSON{}}
	for _, v := range c.Voices {
		if (engine == "" || v.Engine == engine) && (language == "" || v.Speaks(language)) {
			out.Voices = append(out.Voices, toVoiceJSON(v))
		}
	}
	for _, p := range c.Profiles {
		out.Profiles = append(out.Profiles, voiceJSON{ID: p.Name, Name: p.Name, Voices: p.Voices})
	}
	return writeJSON(w, out)
}
