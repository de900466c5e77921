package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/orotund/orotund/internal/audio/plot"
	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// inspection is what inspect tells of a file.
type inspection struct {
	name     string
	size     int64 // bytes
	file     metadata.File
	measured *measured // nil without --plot
}

// measured is what was found while the plot was drawn.
type measured struct {
	plot.Summary
	to    string // file of the plot
	seams int
}

// containers and encodings are names for people; what is not here is shown as metadata.Read names it.
var (
	containers = map[string]string{"": "none", "wav": "WAV (RIFF)", "rf64": "WAV (RF64)", "mp3": "MP3 (bare frames)", "adts": "ADTS", "ogg": "Ogg", "flac": "FLAC"}
	encodings  = map[string]string{"pcm": "PCM", "float": "floating point", "mulaw": "µ-law (G.711)", "alaw": "A-law (G.711)", "mp3": "MP3", "aac": "AAC",
		"opus": "Opus", "vorbis": "Vorbis", "flac": "FLAC"}
)

func named(names map[string]string, key string) string {
	if name, ok := names[key]; ok {
		return name
	}
	return key
}

// encoding is for example "PCM, 16 bit".
func (r *inspection) encoding() string {
	s := named(encodings, r.file.Encoding)
	if r.file.BitDepth > 0 {
		s += fmt.Sprintf(", %d bit", r.file.BitDepth)
	}
	return s
}

func (r *inspection) channels() string {
	switch r.file.Channels {
	case 1:
		return "mono"
	case 2:
		return "stereo"
	}
	return fmt.Sprintf("%d channels", r.file.Channels)
}

// print writes the report for people.
func (r *inspection) print(w io.Writer) error {
	var b strings.Builder
	line := func(name, value string) {
		fmt.Fprintf(&b, "%-14s%s\n", name, strings.ReplaceAll(printable(value), "\n", "\n"+strings.Repeat(" ", 14)))
	}
	f := r.file
	line("file", r.name)
	line("size", fmt.Sprintf("%d bytes", r.size))
	line("container", named(containers, f.Container))
	line("encoding", r.encoding())
	rate := fmt.Sprintf("%d Hz", f.SampleRate)
	if f.SourceRate > 0 && f.SourceRate != f.SampleRate {
		rate += fmt.Sprintf(" (encoded from %d Hz)", f.SourceRate)
	}
	line("sample rate", rate)
	line("channels", r.channels())
	line("bit rate", orUnknown(f.BitRate > 0, strconv.FormatFloat(float64(f.BitRate)/1000, 'f', -1, 64)+" kbit/s"))
	line("samples", orUnknown(f.Samples >= 0, strconv.FormatInt(f.Samples, 10)))
	line("duration", orUnknown(f.Samples >= 0, inSeconds(f.Duration)))
	line("AI-generated", labelText(f.Label))
	for i, t := range f.Tags {
		name := ""
		if i == 0 {
			name = "tags"
		}
		line(name, t.Key+" = "+t.Value)
	}
	for _, n := range f.Notes {
		line("odd", n)
	}
	if r.measured != nil {
		r.measured.print(line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orUnknown(known bool, s string) string {
	if known {
		return s
	}
	return "not known"
}

// labelText says what the label says.
func labelText(l *speech.Label) string {
	if l == nil {
		return "no label"
	}
	s := "yes"
	if l.Producer != "" {
		s += ", by " + l.Producer
	}
	if l.ContentID != "" {
		s += ", content id " + l.ContentID
	}
	if !l.Time.IsZero() {
		s += ", at " + l.Time.Format(time.RFC3339)
	}
	return s
}

func (m *measured) print(line func(name, value string)) {
	line("loudness", inDecibels(m.Loudness, "LUFS"))
	line("peak", inDecibels(m.Peak, "dBFS"))
	clicks := "none found"
	if len(m.Clicks) > 0 {
		clicks = fmt.Sprintf("%d likely, at ", len(m.Clicks))
		if m.More {
			clicks = fmt.Sprintf("more than %d likely, at ", len(m.Clicks))
		}
		var at []string
		for _, c := range m.Clicks[:min(len(m.Clicks), 10)] {
			at = append(at, inSeconds(c.At))
		}
		clicks += strings.Join(at, ", ")
		if len(m.Clicks) > len(at) {
			clicks += " …"
		}
	}
	line("clicks", clicks)
	line("largest step", stepText(m.Step, m.StepAt))
	if m.seams > 0 {
		line("joins", fmt.Sprintf("%d, largest step there %s", m.seams, stepText(m.SeamStep, m.SeamAt)))
	}
	line("plot", m.to)
}

func stepText(db float64, at time.Duration) string {
	if math.IsInf(db, 0) {
		return "none"
	}
	return inDecibels(db, "dB") + " relative to the level of the speech, at " + inSeconds(at)
}

// The form of inspect --json. Members that are not known are null; docs/cli.md describes them.
type (
	inspectJSON struct {
		File       string        `json:"file"`
		Size       int64         `json:"size"`
		Container  *string       `json:"container"`
		Encoding   string        `json:"encoding"`
		SampleRate int           `json:"sample_rate"`
		SourceRate *int          `json:"source_rate"`
		Channels   int           `json:"channels"`
		BitDepth   *int          `json:"bit_depth"`
		BitRate    *int          `json:"bit_rate"`
		Samples    *int64        `json:"samples"`
		Duration   *float64      `json:"duration_ms"`
		Generated  *bool         `json:"ai_generated"`
		Label      *labelJSON    `json:"label"`
		Tags       []tagJSON     `json:"tags"`
		Notes      []string      `json:"notes"`
		Measured   *measuredJSON `json:"measured,omitempty"`
	}
	labelJSON struct {
		Producer  string     `json:"producer"`
		ContentID string     `json:"content_id"`
		Time      *time.Time `json:"time"`
	}
	tagJSON struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	measuredJSON struct {
		Plot     string      `json:"plot"`
		Samples  int64       `json:"samples"`
		Loudness *float64    `json:"loudness"`
		Peak     *float64    `json:"peak"`
		Speech   *float64    `json:"speech_level"`
		Step     stepJSON    `json:"largest_step"`
		Joins    int         `json:"joins"`
		JoinStep *stepJSON   `json:"largest_join_step"`
		Clicks   []clickJSON `json:"clicks"`
		More     bool        `json:"more_clicks"`
	}
	stepJSON struct {
		Level *float64 `json:"level"`
		At    float64  `json:"at_ms"`
	}
	clickJSON struct {
		At    float64  `json:"at_ms"`
		Level *float64 `json:"level"`
		Over  *float64 `json:"over"`
	}
)

func (r *inspection) printJSON(w io.Writer) error {
	f := r.file
	out := inspectJSON{File: r.name, Size: r.size, Container: known(f.Container != "", f.Container), Encoding: f.Encoding, SampleRate: f.SampleRate,
		SourceRate: known(f.SourceRate > 0, f.SourceRate), Channels: f.Channels, BitDepth: known(f.BitDepth > 0, f.BitDepth),
		BitRate: known(f.BitRate > 0, f.BitRate), Samples: known(f.Samples >= 0, f.Samples), Duration: known(f.Samples >= 0, inMillis(f.Duration)),
		Generated: known(f.Label != nil, true), Tags: []tagJSON{}, Notes: append([]string{}, f.Notes...)}
	if l := f.Label; l != nil {
		out.Label = &labelJSON{l.Producer, l.ContentID, known(!l.Time.IsZero(), l.Time)}
	}
	for _, t := range f.Tags {
		out.Tags = append(out.Tags, tagJSON(t))
	}
	if r.measured != nil {
		out.Measured = r.measured.json()
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}

func (m *measured) json() *measuredJSON {
	out := &measuredJSON{Plot: m.to, Samples: m.Samples, Loudness: decibels(m.Loudness), Peak: decibels(m.Peak), Speech: decibels(m.Speech),
		Step: stepJSON{decibels(m.Step), inMillis(m.StepAt)}, Joins: m.seams, Clicks: []clickJSON{}, More: m.More}
	if m.seams > 0 {
		out.JoinStep = &stepJSON{decibels(m.SeamStep), inMillis(m.SeamAt)}
	}
	for _, c := range m.Clicks {
		out.Clicks = append(out.Clicks, clickJSON{inMillis(c.At), decibels(c.Step), decibels(c.Over)})
	}
	return out
}

// known returns a pointer to v, or nil where it means nothing.
func known[T any](ok bool, v T) *T {
	if !ok {
		return nil
	}
	return &v
}

// decibels is a level to the hundredth; nil of silence.
func decibels(db float64) *float64 {
	return known(!math.IsInf(db, 0), math.Round(100*db)/100)
}

// inMillis is a time in milliseconds, to the microsecond.
func inMillis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

func inDecibels(db float64, unit string) string {
	if math.IsInf(db, 0) {
		return "silent"
	}
	return strconv.FormatFloat(db, 'f', 1, 64) + " " + unit
}

// inSeconds is a time to the millisecond, with hours and minutes if there are any.
func inSeconds(d time.Duration) string {
	s := strconv.FormatFloat(d.Seconds(), 'f', 3, 64) + " s"
	if d >= time.Minute {
		s += " (" + d.Round(time.Millisecond).String() + ")"
	}
	return s
}

// printable has no characters that do anything to a terminal but end a line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// lengthOf is how long n samples last.
func lengthOf(n int64, rate int) time.Duration {
	return time.Duration(float64(n) / float64(rate) * float64(time.Second))
}
