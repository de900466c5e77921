// Package engine is what Orotund knows of speech engines: the Engine interface, the catalogue of their voices, and the routing
// from a request's voice, model and language to one voice of one engine. Engines that run as programs are in the
// sub-package remote; the sub-package conformance is the suite that every engine passes.
package engine

import (
	"context"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Engine speaks segments. Implementations are safe for concurrent use.
type Engine interface {
	// ID is the engine's name in the configuration: the first part of its voices' ids.
	ID() string
	// Describe returns what the engine has told of itself, and false as long as it has not.
	Describe() (Description, bool)
	// Synthesize speaks one segment. It waits in the engine's queue, and returns when a worker has accepted the segment. The
	// stream's format is PCM at the voice's own rate; its timings are relative to Utterance.Text.
	//
	// Errors are *fault.Error: Exhausted (queue full), Unavailable (no worker; see Retryable), Invalid, NotFound, Internal.
	Synthesize(ctx context.Context, u Utterance) (speech.Stream, error)
	// Health returns nil if the engine can be expected to speak, else why it cannot.
	Health() error
}

// Description is what an engine can do.
type Description struct {
	Name          string // of the product, for example "espeak-ng"
	Version       string
	Voices        []speech.Voice // with public ids
	SpeedMin      float64        // the range that Utterance.Speed may have; both are 1 if the engine cannot change its speed
	SpeedMax      float64
	MaxCharacters int // of a segment; 0: no limit
}

// Utterance is what an engine is asked to say: one segment, in one voice.
type Utterance struct {
	Text     string              // one segment's
	Voice    string              // public voice id
	Language string              // BCP 47
	Timings  []speech.TimingKind // wanted
	Speed    float64             // within Description's range
}

// CodeWorkerLost is the fault code of a segment whose worker died, hung or was busy: it can be spoken again, by another worker.
const CodeWorkerLost = "worker_lost"

// Retryable tells whether a segment that failed with err may be spoken again.
func Retryable(err error) bool {
	return err != nil && fault.From(err).Code == CodeWorkerLost
}
