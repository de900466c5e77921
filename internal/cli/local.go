package cli

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/orotund/orotund/internal/app"
	"github.com/orotund/orotund/internal/fault"
)

// heldLimit is how much of a log is held back, in bytes; what is older is dropped.
const heldLimit = 16 << 10

// heldLog holds a log back until it is known whether anyone needs it.
type heldLog struct {
	mu   sync.Mutex
	tail []byte
}

// Write implements io.Writer.
func (l *heldLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, p...)
	l.tail = l.tail[max(0, len(l.tail)-heldLimit):]
	return len(p), nil
}

// show writes what was held back.
func (l *heldLog) show(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = w.Write(l.tail) // standard error: there is nowhere to complain
}

// speakHere runs use with a system in this process, for a command that works without a server. Its log, as text, is shown where it
// helps to understand a failure; at a level that the user has chosen it is shown at once. stream is whether the audio goes through a
// pipe, and not into a file, which has its true length and need not be filled.
func speakHere(c *cobra.Command, stderr io.Writer, stream bool, use func(ctx context.Context, a *app.App, s app.Speaker) error) error {
	cfg, _, err := load(c)
	if err != nil {
		return err
	}
	cfg.Inference.Sound.FillBlocks = cfg.Inference.Sound.FillBlocks && stream
	held := &heldLog{}
	log := stderr
	cfg.Telemetry.Log.Format = "text"
	if cfg.Telemetry.Log.Level == app.DefaultConfig().Telemetry.Log.Level {
		cfg.Telemetry.Log.Level, log = "error", held
	}
	a, err := app.New(c.Context(), cfg, log)
	if err != nil {
		return err
	}
	err = a.Speak(c.Context(), func(ctx context.Context, s app.Speaker) error { return use(ctx, a, s) })
	if f := fault.From(err); f != nil && f.Code != codeNoEngine && ExitCode(err) != ExitInput && ExitCode(err) != ExitInterrupted {
		held.show(stderr)
	}
	return err
}

// codeNoEngine marks noEngine's error, which tells all by itself.
const codeNoEngine = "no_engine"

// noEngine is the error of a system without a voice, with the reasons of all its engines.
func noEngine(a *app.App) error {
	health := a.Engines()
	var reasons []error
	for _, id := range slices.Sorted(maps.Keys(health)) {
		reasons = append(reasons, health[id])
	}
	return fault.New(fault.Unavailable, "no speech engine is available; `orotund doctor` says what is missing").
		WithCode(codeNoEngine).WithCause(errors.Join(reasons...))
}
