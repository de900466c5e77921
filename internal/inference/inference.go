// Package inference is the inference role: it runs a request. It asks style for the segments, finds a voice for each, has a bounded
// window of them spoken in parallel, puts their audio in order at one rate and speed, and encodes it.
package inference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Config of the inference role.
type Config struct {
	Window       int          `yaml:"window" doc:"Segments of one request that are spoken or wait to be heard at the same time."`
	Attempts     int          `yaml:"attempts" doc:"How often a segment is tried whose worker dies before any of it was heard."`
	SampleRate   int          `yaml:"sample_rate" doc:"Sample rate in Hz of requests that name none."`
	BufferMemory config.Bytes `yaml:"buffer_memory" doc:"Audio held in memory for slow readers, of all requests together; what is more goes to temporary files."`
}

// DefaultConfig returns the settings that suit most.
func DefaultConfig() Config {
	return Config{Window: 3, Attempts: 3, SampleRate: 24000, BufferMemory: 64 << 20}
}

// Validate tells every value that cannot be used.
func (c Config) Validate() error {
	var errs []error
	if c.Window < 1 || c.Window > 64 {
		errs = append(errs, config.Invalid("window", "must be from 1 to 64"))
	}
	if c.Attempts < 1 || c.Attempts > 10 {
		errs = append(errs, config.Invalid("attempts", "must be from 1 to 10"))
	}
	if c.SampleRate < speech.MinSampleRate || c.SampleRate > speech.MaxSampleRate {
		errs = append(errs, config.Invalid("sample_rate", "must be from %d to %d", speech.MinSampleRate, speech.MaxSampleRate))
	}
	if c.BufferMemory < 1<<20 {
		errs = append(errs, config.Invalid("buffer_memory", "must be at least 1MiB"))
	}
	return errors.Join(errs...)
}

// Styler is what inference asks of the style role.
type Styler interface {
	Segments(ctx context.Context, text, language string) (speech.SegmentStream, error)
}

// Service is the inference role. It is safe for concurrent use.
type Service struct {
	cfg       Config
	style     Styler
	catalogue *engine.Catalogue
	codecs    *codec.Set
	log       *slog.Logger
	metrics   metrics
	memory    *budget
}

// New returns the service.
func New(cfg Config, style Styler, catalogue *engine.Catalogue, codecs *codec.Set, meter metric.Meter, log *slog.Logger) (*Service, error) {
	m, err := newMetrics(meter)
	if err != nil {
		return nil, fmt.Errorf("inference metrics: %w", err)
	}
	return &Service{cfg: cfg, style: style, catalogue: catalogue, codecs: codecs, log: log, metrics: m,
		memory: &budget{free: int64(cfg.BufferMemory)}}, nil
}

// Catalogue lists what can be asked for now.
func (s *Service) Catalogue(context.Context) (speech.Catalogue, error) {
	return s.catalogue.Snapshot(), nil
}

// Speak runs one request and returns its stream, in the format that was asked for with its zero fields filled in. The first
// audio is pulled by Next. ctx holds for the whole stream: when it ends, so does the work.
//
// Errors are *fault.Error; fields are named as in speech.Request and speech.Format ("voice", "model", "encoding", "sample_rate" …).
func (s *Service) Speak(ctx context.Context, req speech.Request) (speech.Stream, error) {
	began := time.Now()
	format, err := s.codecs.Resolve(req.Format, s.cfg.SampleRate)
	if err != nil {
		return nil, err
	}
	route, err := s.catalogue.Route(req.Model, req.Voice)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	segments, err := s.style.Segments(ctx, req.Text, req.Language)
	if err != nil {
		cancel()
		return nil, err
	}
	w := newWindow(ctx, s, route, segments, req) // starts to speak while the encoder is made
	c, _ := s.codecs.Lookup(format.Encoding)
	enc, err := c.New(ctx, format, nil)
	if err != nil {
		cancel()
		w.close()
		return nil, err
	}
	return newUtterance(ctx, cancel, s, began, req, format, w, enc), nil
}

// errNothingSaid is the answer to a text of which the engines could say nothing.
var errNothingSaid = fault.InvalidField("text", "the voice can say nothing of this text").WithCode("nothing_to_say")
