// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"path"
	"slices"
	"strings"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/workers/espeak/libespeak"
)

// The two Mandarin voices. The first reads pinyin as English, and in Debian's 1.51 that is how it reads Chinese characters too,
// so it is offered only where the second is missing.
const (
	brokenMandarin = "cmn"
	mandarin       = "cmn-latn-pinyin"
)

// languageFixes turns the library's tags that are not BCP 47, or say less than they should, into some that are. A tag without an
// entry is only given the usual case.
func languageFixes() map[string][]string {
	return map[string][]string{
		mandarin:             {"zh-CN", "zh", "cmn", "cmn-Latn-pinyin"},
		brokenMandarin:       {"zh-CN", "zh", "cmn"},
		"yue":                {"yue", "yue-HK", "zh-HK"},
		"zh":                 nil, // of the voices above; no other speaks what "zh" means without more
		"zh-cmn":             nil,
		"zh-yue":             nil,
		"piqd":               {"tlh"},         // the name of Klingon's script
		"py":                 {"art-x-pyash"}, // Pyash has no code
		"chr-us-qaaa-x-west": {"chr-US-x-west", "chr"},
		"en-us-nyc":          {"en-US-x-nyc"},
	}
}

// libraryVoice is what the library has to be told for a voice.
type libraryVoice struct {
	identifier string
	pace       float64 // see pace
}

// catalogue returns the voices that the engine offers, sorted by id, and what to tell the library for each.
func catalogue(voices []libespeak.Voice, sampleRate int) ([]*enginev1.Voice, map[string]libraryVoice) {
	fixes := languageFixes()
	goodMandarin := slices.ContainsFunc(voices, func(v libespeak.Voice) bool { return baseID(v) == mandarin })
	known := make(map[string]libraryVoice, len(voices))
	out := make([]*enginev1.Voice, 0, len(voices))
	for _, v := range voices {
		if goodMandarin && baseID(v) == brokenMandarin {
			continue
		}
		id := freeID(v, known)
		languages := tags(v.Languages, fixes)
		if id == "" || len(languages) == 0 {
			continue
		}
		known[id] = libraryVoice{identifier: v.Identifier, pace: pace(languages[0])}
		out = append(out, &enginev1.Voice{Id: id, Name: v.Name, Languages: languages, Gender: gender(v.Gender), SampleRate: int32(sampleRate),
			Loudness: loudness(id)})
	}
	slices.SortFunc(out, func(a, b *enginev1.Voice) int { return strings.Compare(a.GetId(), b.GetId()) })
	return out, known
}

// freeID returns the voice's language as its id, or its file's name where another voice of that language came first; empty if
// both are taken.
func freeID(v libespeak.Voice, taken map[string]libraryVoice) string {
	for _, id := range []string{languageID(v), baseID(v)} {
		if _, is := taken[id]; !is && id != "" {
			return id
		}
	}
	return ""
}

func languageID(v libespeak.Voice) string {
	if len(v.Languages) == 0 {
		return ""
	}
	return plainID(v.Languages[0])
}

func baseID(v libespeak.Voice) string { return plainID(path.Base(v.Identifier)) }

// plainID returns s in the characters that an id may have.
func plainID(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '-'
	}, strings.ToLower(s))
}

// tags returns the BCP 47 tags for the library's ones, each once.
func tags(languages []string, fixes map[string][]string) []string {
	var out []string
	for _, l := range languages {
		fixed, is := fixes[l]
		if !is {
			fixed = []string{tagCase(l)}
		}
		for _, t := range fixed {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// tagCase writes a tag as BCP 47 recommends: scripts like "Latn", regions like "US", the rest in lower case.
func tagCase(tag string) string {
	parts := strings.Split(strings.ToLower(tag), "-")
	for i, p := range parts {
		switch {
		case i == 0:
		case len(parts[i-1]) == 1: // private use
			return strings.Join(parts, "-")
		case len(p) == 4 && p[0] >= 'a':
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		case len(p) == 2:
			parts[i] = strings.ToUpper(p)
		}
	}
	return strings.Join(parts, "-")
}

func gender(g libespeak.Gender) enginev1.Gender {
	switch g {
	case libespeak.Male:
		return enginev1.Gender_GENDER_MALE
	case libespeak.Female:
		return enginev1.Gender_GENDER_FEMALE
	default:
		return enginev1.Gender_GENDER_UNSPECIFIED
	}
}
