package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress shows how much of the text has been spoken, on a terminal; elsewhere it only passes warnings on.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil: no terminal
	quiet bool
	audio time.Duration
	began time.Time
}

// newProgress shows progress over size bytes of text, or, if that is -1, the number of bytes that have come.
func newProgress(w io.Writer, size int, quiet bool) *progress {
	p := &progress{w: w, quiet: quiet, began: time.Now()}
	if !quiet && isTerminal(w) {
		p.bar = progressbar.NewOptions(size, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetDescription("speaking"),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	}
	return p
}

// spoken moves the bar to a place in the text, with so much audio made.
func (p *progress) spoken(offset int, d time.Duration) {
	p.audio = d
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s of audio", p.audio.Round(100*time.Millisecond)))
		_ = p.bar.Set(offset)
	}
}

// Write counts bytes from a server, which does not tell how far it is.
func (p *progress) Write(b []byte) (int, error) {
	if p.bar != nil {
		_ = p.bar.Add(len(b))
	}
	return len(b), nil
}

func (p *progress) warn(s string) {
	if !p.quiet {
		fmt.Fprintln(p.w, "warning:", s)
	}
}

func (p *progress) end(done bool) {
	if p.bar == nil {
		return
	}
	_ = p.bar.Clear()
	if done && p.audio > 0 {
		took := time.Since(p.began)
		fmt.Fprintf(p.w, "%s of audio in %s (%.0f times real time)\n", p.audio.Round(100*time.Millisecond), took.Round(10*time.Millisecond),
			p.audio.Seconds()/took.Seconds())
	}
}
