package codec

import (
	"slices"
	"strings"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Set is the codecs of one process. It never changes, so it is safe for concurrent use.
type Set struct {
	codecs map[speech.Encoding]Codec
	infos  []Info // sorted by encoding
}

// NewSet returns the set of the codecs. Of two for the same encoding the later one counts.
func NewSet(codecs ...Codec) *Set {
	s := &Set{codecs: make(map[speech.Encoding]Codec, len(codecs))}
	for _, c := range codecs {
		s.codecs[c.Info().Encoding] = c
	}
	for _, c := range s.codecs {
		s.infos = append(s.infos, c.Info())
	}
	slices.SortFunc(s.infos, func(a, b Info) int { return strings.Compare(string(a.Encoding), string(b.Encoding)) })
	return s
}

// Lookup returns the codec of an encoding.
func (s *Set) Lookup(e speech.Encoding) (Codec, bool) {
	c, ok := s.codecs[e]
	return c, ok
}

// List returns what the set can make, sorted by encoding. The caller may keep and change it.
func (s *Set) List() []Info { return slices.Clone(s.infos) }

// Resolve completes a format that a caller asked for, as Info.Resolve does, and refuses what the set cannot make with a
// fault.Invalid error that names the field and what is allowed.
func (s *Set) Resolve(f speech.Format, defaultRate int) (speech.Format, error) {
	c, ok := s.codecs[f.Encoding]
	if !ok {
		names := make([]string, len(s.infos))
		for n, i := range s.infos {
			names[n] = string(i.Encoding)
		}
		return speech.Format{}, fault.InvalidField(FieldEncoding, "must be one of %s", strings.Join(names, ", "))
	}
	return c.Info().Resolve(f, defaultRate)
}
