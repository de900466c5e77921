package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Catalogue holds the engines and answers which voice speaks what. It is safe for concurrent use.
type Catalogue struct {
	voices VoicesConfig
	models map[string][]string

	mu      sync.Mutex
	engines map[string]Engine
	index   atomic.Pointer[index]
}

// index is the catalogue at one moment; it is never changed.
type index struct {
	cat        speech.Catalogue
	engines    []string // ids, sorted
	voices     map[string]*speech.Voice
	byLanguage map[string][]*speech.Voice // by base language, best first
}

// NewCatalogue returns a catalogue without engines. Models maps a model's name to the engines that it may use; none: all. Each
// engine's id is a model too.
func NewCatalogue(voices VoicesConfig, models map[string][]string) *Catalogue {
	c := &Catalogue{voices: voices, models: models, engines: map[string]Engine{}}
	c.Refresh()
	return c
}

// Add puts an engine in. Refresh is due when it has described itself.
func (c *Catalogue) Add(e Engine) {
	c.mu.Lock()
	c.engines[e.ID()] = e
	c.mu.Unlock()
	c.Refresh()
}

// Remove takes an engine out. What it speaks now goes on.
func (c *Catalogue) Remove(id string) {
	c.mu.Lock()
	delete(c.engines, id)
	c.mu.Unlock()
	c.Refresh()
}

// Engine returns an engine by id.
func (c *Catalogue) Engine(id string) (Engine, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.engines[id]
	return e, ok
}

// Engines lists the engines by id.
func (c *Catalogue) Engines() []Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.engines), func(a, b Engine) int { return cmp.Compare(a.ID(), b.ID()) })
}

// Snapshot lists what can be asked for now. The lists are shared: do not change them.
func (c *Catalogue) Snapshot() speech.Catalogue { return c.index.Load().cat }

// Refresh reads the engines' descriptions anew.
func (c *Catalogue) Refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	ix := &index{voices: map[string]*speech.Voice{}, byLanguage: map[string][]*speech.Voice{}}
	ix.engines = slices.Sorted(maps.Keys(c.engines))
	models := maps.Clone(c.models)
	if models == nil {
		models = map[string][]string{}
	}
	for id, e := range c.engines {
		if _, taken := models[id]; !taken {
			models[id] = []string{id}
		}
		if d, ok := e.Describe(); ok {
			ix.cat.Voices = append(ix.cat.Voices, d.Voices...)
		}
	}
	slices.SortFunc(ix.cat.Voices, func(a, b speech.Voice) int { return cmp.Compare(a.ID, b.ID) })
	for i := range ix.cat.Voices {
		v := &ix.cat.Voices[i]
		ix.voices[v.ID] = v
		for _, tag := range v.Languages {
			if base := baseOf(tag); !slices.Contains(ix.byLanguage[base], v) {
				ix.byLanguage[base] = append(ix.byLanguage[base], v)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.voices.Profiles)) {
		ix.cat.Profiles = append(ix.cat.Profiles, speech.Profile{Name: name, Voices: c.voices.Profiles[name]})
	}
	for _, id := range slices.Sorted(maps.Keys(models)) {
		engines := models[id]
		if len(engines) == 0 {
			engines = ix.engines
		}
		ix.cat.Models = append(ix.cat.Models, speech.Model{ID: id, Engines: engines})
	}
	c.index.Store(ix)
}

// baseOf returns the language of a BCP 47 tag without region and script; the tags of Chinese's languages other than Mandarin
// (yue, hak …) are bases of their own, cmn is zh.
func baseOf(tag string) string {
	base, _, _ := strings.Cut(tag, "-")
	base = strings.ToLower(base)
	if base == "cmn" {
		return "zh"
	}
	return base
}

// Route is a request's way: it answers which voice speaks a language. It keeps to the catalogue as it was when it was made.
type Route struct {
	c       *Catalogue
	ix      *index
	engines []string // allowed
	forced  *speech.Voice
	chain   []map[string]string // profiles, the request's first
	chosen  map[string]choice
}

type choice struct {
	voice   *speech.Voice
	warning string
}

// Route resolves a request's model and voice. Errors are fault.NotFound about field "model" or "voice".
func (c *Catalogue) Route(model, voice string) (*Route, error) {
	ix := c.index.Load()
	r := &Route{c: c, ix: ix, chosen: map[string]choice{}}
	i := slices.IndexFunc(ix.cat.Models, func(m speech.Model) bool { return m.ID == model })
	switch {
	case i >= 0:
		r.engines = ix.cat.Models[i].Engines
	case model == "":
		r.engines = ix.engines
	default:
		return nil, &fault.Error{Kind: fault.NotFound, Code: "model_not_found", Field: "model",
			Message: "unknown model; GET /v1/models lists the ones that exist"}
	}
	voice = cmp.Or(voice, c.voices.Default)
	if v, ok := ix.voices[voice]; ok {
		if !slices.Contains(r.engines, v.Engine) {
			return nil, fault.InvalidField("voice", "the model does not have this voice").WithCode("voice_not_in_model")
		}
		r.forced = v
		return r, nil
	}
	if profile, ok := c.voices.Profiles[voice]; ok {
		r.chain = append(r.chain, profile)
	} else if voice != c.voices.Default {
		return nil, &fault.Error{Kind: fault.NotFound, Code: "voice_not_found", Field: "voice",
			Message: "unknown voice; GET /v1/audio/voices lists the ones that exist"}
	}
	if def, ok := c.voices.Profiles[c.voices.Default]; ok && voice != c.voices.Default {
		r.chain = append(r.chain, def)
	}
	return r, nil
}

// Voice returns the voice that speaks a language, and a warning if it is not the one that the profile names. It is for one
// goroutine. The error is fault.Unavailable if no voice speaks the language now.
func (r *Route) Voice(language string) (speech.Voice, string, error) {
	if r.forced != nil {
		return *r.forced, "", nil
	}
	ch, ok := r.chosen[language]
	if !ok {
		ch = r.choose(language)
		r.chosen[language] = ch
	}
	if ch.voice == nil {
		return speech.Voice{}, "", fault.New(fault.Unavailable, "no installed voice speaks %q", language).WithCode("language_not_available")
	}
	return *ch.voice, ch.warning, nil
}

func (r *Route) choose(language string) choice {
	var missing string
	for _, profile := range r.chain {
		for _, tag := range []string{language, baseOf(language), "*"} {
			id, ok := profile[tag]
			if !ok {
				continue
			}
			if v, ok := r.ix.voices[id]; ok && slices.Contains(r.engines, v.Engine) {
				return r.with(v, missing)
			}
			missing = cmp.Or(missing, id)
			break
		}
	}
	var best *speech.Voice
	for _, v := range r.ix.byLanguage[baseOf(language)] {
		if !slices.Contains(r.engines, v.Engine) {
			continue
		}
		if best == nil || rank(v, language) < rank(best, language) {
			best = v
		}
	}
	return r.with(best, missing)
}

// rank orders the voices of a language: the exact tag, then where the language stands in the voice's own list.
func rank(v *speech.Voice, language string) int {
	for i, tag := range v.Languages {
		if strings.EqualFold(tag, language) {
			return i
		}
	}
	i := slices.IndexFunc(v.Languages, func(tag string) bool { return baseOf(tag) == baseOf(language) })
	return 100 + i
}

func (r *Route) with(v *speech.Voice, missing string) choice {
	if v == nil || missing == "" {
		return choice{voice: v}
	}
	return choice{voice: v, warning: "voice " + missing + " is not available; " + v.ID + " speaks instead"}
}

// Engine returns the engine that a voice belongs to.
func (r *Route) Engine(v speech.Voice) (Engine, error) {
	e, ok := r.c.Engine(v.Engine)
	if !ok {
		return nil, fault.New(fault.Unavailable, "engine %s has been removed", v.Engine)
	}
	return e, nil
}
