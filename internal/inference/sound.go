package inference

import (
	"errors"
	"math"
	"sync"
	"time"

	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

// SoundConfig is how segments become one utterance.
type SoundConfig struct {
	Join       bool        `yaml:"join" doc:"Trim the silence that engines put around segments, fade the seams, and put pauses in by punctuation; false: segments stand end to end as engines make them."`
	Loudness   float64     `yaml:"loudness" doc:"Target in LUFS (ITU-R BS.1770) that voices are brought to unless a request names its own; 0: they stay as loud as engines make them."`
	FillBlocks bool        `yaml:"fill_blocks" doc:"Fill streamed WAV with silence to a whole block of 4096 bytes or more (85 ms at 24 kHz), without which ffmpeg and mpv take its end for damage."`
	Pauses     PauseConfig `yaml:"pauses" doc:"Silence between segments."`
}

// PauseConfig is the silence after a segment, by what ends it, at speed 1.
type PauseConfig struct {
	None        time.Duration `yaml:"none" doc:"Silence where a text is cut without punctuation, at a change of language say. Pauses are between what can be heard, at speed 1; faster speech has shorter ones."`
	Comma       time.Duration `yaml:"comma" doc:"Silence after a comma that ends a segment."`
	Semicolon   time.Duration `yaml:"semicolon" doc:"After a semicolon."`
	Colon       time.Duration `yaml:"colon" doc:"After a colon."`
	Dash        time.Duration `yaml:"dash" doc:"After a dash."`
	FullStop    time.Duration `yaml:"full_stop" doc:"After a full stop, and after any other end of a sentence."`
	Question    time.Duration `yaml:"question" doc:"After a question mark."`
	Exclamation time.Duration `yaml:"exclamation" doc:"After an exclamation mark."`
	Ellipsis    time.Duration `yaml:"ellipsis" doc:"After an ellipsis."`
	Paragraph   time.Duration `yaml:"paragraph" doc:"After a paragraph."`
}

// maxPause is the longest that a pause may be set to.
const maxPause = 10 * time.Second

// DefaultSound returns the settings that suit most.
func DefaultSound() SoundConfig {
	const ms = time.Millisecond
	return SoundConfig{Join: true, Loudness: -19, FillBlocks: true, Pauses: PauseConfig{None: 80 * ms, Comma: 180 * ms, Semicolon: 280 * ms,
		Colon: 280 * ms, Dash: 250 * ms, FullStop: 400 * ms, Question: 450 * ms, Exclamation: 400 * ms, Ellipsis: 500 * ms, Paragraph: 750 * ms}}
}

// Validate tells every value that cannot be used.
func (c SoundConfig) Validate() error {
	if l := c.Loudness; l != 0 && !(l >= speech.MinLoudness && l <= speech.MaxLoudness) {
		return config.Invalid("loudness", "must be from %g to %g LUFS, or 0", speech.MinLoudness, speech.MaxLoudness)
	}
	return nil
}

// Validate tells every value that cannot be used.
func (c PauseConfig) Validate() error {
	var errs []error
	for _, p := range []struct {
		key  string
		time time.Duration
	}{{"none", c.None}, {"comma", c.Comma}, {"semicolon", c.Semicolon}, {"colon", c.Colon}, {"dash", c.Dash}, {"full_stop", c.FullStop},
		{"question", c.Question}, {"exclamation", c.Exclamation}, {"ellipsis", c.Ellipsis}, {"paragraph", c.Paragraph}} {
		if p.time < 0 || p.time > maxPause {
			errs = append(errs, config.Invalid(p.key, "must be from 0s to %v", maxPause))
		}
	}
	return errors.Join(errs...)
}

// after returns the silence that belongs after a segment.
func (c PauseConfig) after(seg speech.Segment) time.Duration {
	switch seg.Boundary {
	case speech.BoundaryNone:
		return c.None
	case speech.BoundaryParagraph:
		return c.Paragraph
	}
	switch text.Ending(seg.Text) {
	case ',':
		return c.Comma
	case ';':
		return c.Semicolon
	case ':':
		return c.Colon
	case '-':
		return c.Dash
	case '?':
		return c.Question
	case '!':
		return c.Exclamation
	case '…':
		return c.Ellipsis
	}
	if seg.Boundary == speech.BoundaryClause {
		return c.Comma
	}
	return c.FullStop
}

const (
	enoughSpeech   = 20.0 // seconds after which a voice's loudness is taken as known
	maxKnownVoices = 4096
)

// loudnesses is what has been heard of voices whose engines do not say how loud they are. It is safe for concurrent use.
type loudnesses struct {
	mu    sync.Mutex
	heard map[string]heard
}

// heard is the loudness of a voice in LUFS, over so many seconds of speech.
type heard struct{ lufs, seconds float64 }

// of returns what is known of a voice: infinite seconds where it will not change.
func (l *loudnesses) of(v speech.Voice) heard {
	if v.Loudness != 0 {
		return heard{v.Loudness, math.Inf(1)}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.heard[v.ID]
	if h.seconds >= enoughSpeech {
		h.seconds = math.Inf(1)
	}
	return h
}

// learn keeps what a segment has told, unless more was known already.
func (l *loudnesses) learn(v speech.Voice, h heard) {
	if v.Loudness != 0 || math.IsInf(h.seconds, 1) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old, ok := l.heard[v.ID]
	if h.seconds > old.seconds && (ok || len(l.heard) < maxKnownVoices) {
		l.heard[v.ID] = h
	}
}
