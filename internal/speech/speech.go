// Package speech is the vocabulary of Orotund: what a request, a voice, a segment and a stream of audio are. Every other
// package speaks it; it imports the standard library only.
package speech

import (
	"time"
)

// Principal is who asks: every request has one.
type Principal struct {
	Tenant string // tenant name, never empty after authentication
	Class  string // service class, "interactive" or "batch"
}

// Anonymous is the built-in principal while no keys are configured.
var Anonymous = Principal{Tenant: "default", Class: "interactive"}

// Limits of a request that no configuration widens.
const (
	MinSpeed      = 0.25
	MaxSpeed      = 4.0
	MinSampleRate = 8000  // Hz
	MaxSampleRate = 48000 // Hz
	MaxPitch      = 12.0  // semitones, up or down
	MinVolume     = -60.0 // dB
	MaxVolume     = 20.0  // dB
	MinLoudness   = -40.0 // LUFS
	MaxLoudness   = -8.0  // LUFS
)

// Request is one utterance to synthesise, as the gateway hands it to inference. It has been validated.
type Request struct {
	ID        string // request id, safe to log
	Principal Principal
	Text      string       // valid UTF-8, with something in it to say
	Language  string       // BCP 47 tag; empty: found for each segment
	Voice     string       // voice id ("flite.rms") or profile name ("alloy"); empty: the default profile
	Model     string       // name from Catalogue.Models; empty: the default
	Speed     float64      // MinSpeed to MaxSpeed; 1 is the voice's own
	Pitch     float64      // semitones that the voice is raised, -MaxPitch to MaxPitch; the speed stays
	Volume    float64      // gain in dB, MinVolume to MaxVolume
	Loudness  float64      // target in LUFS (ITU-R BS.1770), MinLoudness to MaxLoudness; 0: the server's
	Timings   []TimingKind // the kinds that are wanted; an engine that does not have one does not send it
	Format    Format       // what the caller wants back; a zero SampleRate or BitRate leaves it to the server
}

// Segment is a part of a request's text that one engine speaks in one go, in one language.
type Segment struct {
	Index    int      // from 0, without gaps
	Text     string   // what is spoken
	Offset   int      // first byte of the segment in Request.Text
	Length   int      // bytes of Request.Text that the segment covers
	Language string   // BCP 47 tag, never empty
	Boundary Boundary // what ends it
}

// Boundary says what ends a segment, and so how long a pause belongs there.
type Boundary int

// Boundaries, from the weakest.
const (
	BoundaryNone      Boundary = iota // cut for length or at a change of language: no pause
	BoundaryClause                    // comma, semicolon, colon, dash
	BoundarySentence                  // full stop, question or exclamation mark
	BoundaryParagraph                 // blank line
)

// Voice is one way to sound.
type Voice struct {
	ID         string   // "<engine>.<voice>", for example "flite.rms"
	Name       string   // what a person calls it
	Engine     string   // engine id, for example "flite"
	Languages  []string // BCP 47 tags, the best first
	Gender     string   // "female", "male", "neutral" or "" (not known)
	SampleRate int      // Hz of what the engine makes
	Loudness   float64  // LUFS of what the engine makes (ITU-R BS.1770, integrated over usual speech); 0: not known
}

// Profile is a name that stands for one voice in each language, for example "alloy".
type Profile struct {
	Name   string
	Voices map[string]string // language ("en", "zh", "*") to voice id
}

// Model is a name that a request's Model may have.
type Model struct {
	ID      string
	Engines []string // the engines whose voices it may use
}

// Catalogue is what can be asked for at one moment. Each list is sorted by id or name.
type Catalogue struct {
	Voices   []Voice
	Profiles []Profile
	Models   []Model
}

// TimingKind says what a Timing marks.
type TimingKind int

// Kinds of timing; the numbers are those of orotund.engine.v1.
const (
	TimingWord     TimingKind = 1
	TimingSentence TimingKind = 2
	TimingPhoneme  TimingKind = 3
)

// Timing ties a span of text to a span of time.
type Timing struct {
	Kind     TimingKind
	Offset   int           // first byte; in a segment's stream within the segment, at the listener within Request.Text
	Length   int           // bytes
	Start    time.Duration // from the beginning of the stream
	Duration time.Duration // 0: not known
	Phoneme  string        // symbol, for TimingPhoneme

	// Estimated tells that the engine did not say when: the time is a share of the segment's, by the length of the text.
	Estimated bool
}

// Label is what a container's metadata say of where audio comes from.
type Label struct {
	Producer  string    // who made it, for example the company that runs the service
	ContentID string    // identifies this audio with the producer
	Time      time.Time // when it was made
}
