package engine

import (
	"context"
	"testing"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

type fakeEngine struct {
	id     string
	voices []speech.Voice
}

func (e *fakeEngine) ID() string { return e.id }
func (e *fakeEngine) Describe() (Description, bool) {
	return Description{Voices: e.voices}, e.voices != nil
}
func (e *fakeEngine) Synthesize(context.Context, Utterance) (speech.Stream, error) { return nil, nil }
func (e *fakeEngine) Health() error                                                { return nil }

func testCatalogue(withFlite bool) *Catalogue {
	c := NewCatalogue(DefaultVoices(), map[string][]string{"tts-1": {}, "fast": {"espeak"}})
	c.Add(&fakeEngine{"espeak", []speech.Voice{
		{ID: "espeak.en-gb", Engine: "espeak", Languages: []string{"en-GB", "en"}},
		{ID: "espeak.en-us", Engine: "espeak", Languages: []string{"en-US"}},
		{ID: "espeak.cmn-latn-pinyin", Engine: "espeak", Languages: []string{"zh-CN", "cmn"}},
		{ID: "espeak.de", Engine: "espeak", Languages: []string{"de"}},
	}})
	f := &fakeEngine{id: "flite"}
	c.Add(f)
	if withFlite {
		f.voices = []speech.Voice{
			{ID: "flite.rms", Engine: "flite", Languages: []string{"en-US"}},
			{ID: "flite.slt", Engine: "flite", Languages: []string{"en-US"}},
		}
		c.Refresh()
	}
	return c
}

func TestRoute(t *testing.T) {
	for _, tc := range []struct {
		name, model, voice, language string
		noFlite                      bool
		want                         string
		warn                         bool
		routeErr, voiceErr           fault.Kind
	}{
		{name: "default English", language: "en", want: "flite.rms"},
		{name: "default Mandarin", language: "zh", want: "espeak.cmn-latn-pinyin"},
		{name: "Mandarin by another tag", language: "cmn-Hans", want: "espeak.cmn-latn-pinyin"},
		{name: "region falls back to the language", language: "en-AU", want: "flite.rms"},
		{name: "a language that no profile names", language: "de", want: "espeak.de"},
		{name: "OpenAI's name", voice: "nova", language: "en", want: "flite.slt"},
		{name: "what a profile lacks comes from the default", voice: "nova", language: "zh", want: "espeak.cmn-latn-pinyin"},
		{name: "a forced voice speaks everything", voice: "flite.rms", language: "zh", want: "flite.rms"},
		{name: "without flite", noFlite: true, voice: "nova", language: "en", want: "espeak.en-gb", warn: true},
		{name: "exact region wins", noFlite: true, language: "en-US", want: "espeak.en-us", warn: true},
		{name: "a model's engines only", model: "fast", language: "en", want: "espeak.en-gb", warn: true},
		{name: "an engine as a model", model: "espeak", language: "de", want: "espeak.de"},
		{name: "unknown model", model: "gpt-9", language: "en", routeErr: fault.NotFound},
		{name: "unknown voice", voice: "nobody", language: "en", routeErr: fault.NotFound},
		{name: "voice not in the model", model: "fast", voice: "flite.rms", routeErr: fault.Invalid},
		{name: "nobody speaks it", language: "tlh", voiceErr: fault.Unavailable},
		{name: "the model does not speak it", model: "flite", language: "zh", voiceErr: fault.Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := testCatalogue(!tc.noFlite).Route(tc.model, tc.voice)
			if tc.routeErr != "" {
				if f := fault.From(err); f == nil || f.Kind != tc.routeErr || f.Field == "" {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time from memory
				v, warning, err := r.Voice(tc.language)
				if tc.voiceErr != "" {
					if !fault.Is(err, tc.voiceErr) {
						t.Fatalf("%v", err)
					}
					continue
				}
				if err != nil || v.ID != tc.want || (warning != "") != tc.warn {
					t.Fatalf("got %s, %q, %v; want %s", v.ID, warning, err, tc.want)
				}
			}
		})
	}
}

func TestRouteKeepsItsMoment(t *testing.T) {
	c := testCatalogue(true)
	r, err := c.Route("", "")
	if err != nil {
		t.Fatal(err)
	}
	c.Remove("flite")
	if v, _, err := r.Voice("en"); err != nil || v.ID != "flite.rms" {
		t.Fatal(v.ID, err)
	}
	if _, err := r.Engine(speech.Voice{Engine: "flite"}); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if n := len(c.Snapshot().Voices); n != 4 {
		t.Fatalf("%d voices", n)
	}
}
