// Package style is the style role: the text front end that turns a request's text into the segments that engines speak.
package style

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

// Config of the style role.
type Config struct {
	MaxCharacters   int `yaml:"max_characters" doc:"The most characters that one engine is asked to speak in one go; longer sentences are cut at clauses or spaces."`
	FirstCharacters int `yaml:"first_characters" doc:"Where a first sentence is longer than this, it is cut after a clause, so that the first sound comes early; East Asian characters count twice. The limit doubles from part to part up to max_characters. 0: sentences are cut only where they are longer than max_characters."`
}

// DefaultConfig returns the settings that suit most.
func DefaultConfig() Config {
	return Config{MaxCharacters: text.DefaultMaxCharacters, FirstCharacters: text.DefaultFirst}
}

// MaxMaxCharacters is the highest limit that a segment may be given: beyond it an engine would answer too late, and hold too much.
const MaxMaxCharacters = 2000

// Validate returns every setting that cannot be used.
func (c Config) Validate() error {
	var errs []error
	if c.MaxCharacters < text.MinMaxCharacters || c.MaxCharacters > MaxMaxCharacters {
		errs = append(errs, config.Invalid("max_characters", "must be from %d to %d, not %d", text.MinMaxCharacters, MaxMaxCharacters, c.MaxCharacters))
	}
	if c.FirstCharacters != 0 && (c.FirstCharacters < text.MinMaxCharacters || c.FirstCharacters > MaxMaxCharacters) {
		errs = append(errs, config.Invalid("first_characters", "must be 0, or from %d to %d, not %d", text.MinMaxCharacters, MaxMaxCharacters, c.FirstCharacters))
	}
	return errors.Join(errs...)
}

// Service is the style role. It is safe for concurrent use.
type Service struct {
	cfg Config
	log *slog.Logger
}

// New returns the service. cfg must be valid.
func New(cfg Config, log *slog.Logger) *Service {
	return &Service{cfg: cfg, log: log}
}

// Segments returns the segments of text, found as they are asked for. language is a BCP 47 tag that forces the language of text
// in its script, or empty. Text with nothing to say is a fault.Invalid error about the field "text".
func (s *Service) Segments(ctx context.Context, txt, language string) (speech.SegmentStream, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.From(err)
	}
	if !text.Speakable(txt) {
		return nil, fault.InvalidField("text", "must have something in it to say: a letter, a digit or a symbol that is read aloud")
	}
	s.log.DebugContext(ctx, "segmenting", "bytes", len(txt), "language", language)
	return &stream{seg: text.NewSegmenter(txt, text.Options{
		Language: language, MaxCharacters: s.cfg.MaxCharacters, First: s.cfg.FirstCharacters,
	})}, nil
}

// stream is a speech.SegmentStream over a Segmenter.
type stream struct {
	seg *text.Segmenter // nil after Close
}

// Next implements speech.SegmentStream.
func (s *stream) Next(ctx context.Context) (speech.Segment, error) {
	if err := ctx.Err(); err != nil {
		return speech.Segment{}, fault.From(err)
	}
	if s.seg == nil {
		return speech.Segment{}, io.EOF
	}
	seg, ok := s.seg.Next()
	if !ok {
		return speech.Segment{}, io.EOF
	}
	return seg, nil
}

// Close implements speech.SegmentStream.
func (s *stream) Close() error {
	s.seg = nil
	return nil
}
