package metadata

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/speech"
)

// Key is the name of the field that holds the label wherever a container lets fields have names: a TXXX frame's description in ID3, a
// Vorbis comment. RIFF INFO has no free names; there the label is the comment, ICMT.
const Key = "AIGC"

// Encoder is what the containers name as the program that made them.
const Encoder = "Orotund"

// maxText is how many bytes of the producer and of the content id are written, and taken from what was read.
const maxText = 256

// generated is the value of "Label" that says: this content was generated. Of the other two, "2" is content that may have been, "3" content
// that is suspected of it; Orotund knows what it made.
const generated = "1"

// aigc is the implicit label of GB 45438-2025 as it stands in a file's metadata. The propagator's fields belong to who spreads the file, and
// the reserved ones to a checksum or signature of either; they are written empty so that tools which look for every key find it. "Time"
// is Orotund's own: some containers have no field for it that others leave alone.
type aigc struct {
	Label             string
	ContentProducer   string
	ProduceID         string
	ReservedCode1     string
	ContentPropagator string
	PropagateID       string
	ReservedCode2     string
	Time              string `json:",omitempty"`
}

type wrapped struct {
	AIGC aigc
}

// labelJSON returns the label as one line of JSON.
func labelJSON(l *speech.Label) string {
	w := wrapped{AIGC: aigc{Label: generated, ContentProducer: clean(l.Producer), ProduceID: clean(l.ContentID)}}
	if !l.Time.IsZero() {
		w.AIGC.Time = l.Time.UTC().Format(time.RFC3339)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)  // a producer called "R&D" stays readable
	if e.Encode(w) != nil { // strings alone: it cannot fail
		return "{}"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// clean returns s as one line of valid UTF-8 of at most maxText bytes, without control characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, cut(s, 4*maxText))
	return strings.TrimSpace(cut(s, maxText))
}

// cut returns at most n bytes of s and no part of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// findLabel looks for the label among the tags: as the value of a field called AIGC, or as JSON in any other (a RIFF comment, for example).
// What others leave out may be missing. Where the label has no time, the container's own date counts.
func findLabel(tags []Tag) *speech.Label {
	for _, t := range tags {
		name := t.Key[strings.LastIndexByte(t.Key, ':')+1:]
		if a, ok := parseLabel(t.Value, strings.EqualFold(name, Key)); ok {
			l := &speech.Label{Producer: clean(a.ContentProducer), ContentID: clean(a.ProduceID)}
			if l.Time, ok = parseTime(a.Time); !ok {
				l.Time = date(tags)
			}
			return l
		}
	}
	return nil
}

// parseLabel takes the object with the key AIGC around it, and if bare also without. "Label" has to be there.
func parseLabel(value string, bare bool) (aigc, bool) {
	if value = strings.TrimSpace(value); !strings.HasPrefix(value, "{") {
		return aigc{}, false
	}
	var w struct{ AIGC *aigc }
	if json.Unmarshal([]byte(value), &w) == nil && w.AIGC != nil {
		return *w.AIGC, w.AIGC.Label != ""
	}
	var a aigc
	return a, bare && json.Unmarshal([]byte(value), &a) == nil && a.Label != ""
}

// date returns the time that the container's fields for it tell; the zero time if none does.
func date(tags []Tag) time.Time {
	for _, key := range []string{"TDEN", "TDRC", "DATE", "ICRD"} {
		for _, t := range tags {
			if at, ok := parseTime(t.Value); ok && strings.EqualFold(t.Key, key) {
				return at
			}
		}
	}
	return time.Time{}
}

// parseTime takes RFC 3339 and the shorter forms of ID3 and RIFF, which are in UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
