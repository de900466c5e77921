package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/orotund/orotund/internal/audio/plot"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/worker"
)

// Limits of what is drawn.
const (
	maxPlotted = 24 * time.Hour
	maxTimings = 64 << 20 // bytes of --timings
	decodeTime = 10 * time.Minute
)

// drawTo draws the file f, of which r tells, to o.plot.
func drawTo(ctx context.Context, stdio IO, o inspectOptions, f *os.File, r *inspection) (*measured, error) {
	if err := o.checkPlot(stdio, f); err != nil {
		return nil, err
	}
	seams, err := readSeams(o.timings)
	if err != nil {
		return nil, err
	}
	src, err := decode(ctx, f, r)
	if err != nil {
		return nil, err
	}
	p, err := plot.New(plot.Options{Title: filepath.Base(r.name), SampleRate: src.rate, Seams: seams,
		Subtitle: strings.Join([]string{named(containers, r.file.Container), r.encoding(), fmt.Sprintf("%d Hz", src.rate), r.channels()}, "  ·  ")})
	if err == nil {
		err = pump(ctx, src, p)
	}
	if err == nil && src.tool != nil && p.Summary().Samples == 0 && r.file.Samples != 0 {
		err = errNoAudio(src.said())
	}
	err = errors.Join(err, src.close())
	if err != nil {
		return nil, refused(r.name, err)
	}
	if said := src.said(); said != "" {
		fmt.Fprintf(stdio.Err, "warning: ffmpeg: %s\n", printable(said))
	}
	var png bytes.Buffer
	if err := p.Encode(&png); err != nil {
		return nil, err
	}
	out, err := newSink(o.plot, stdio.Out, "")
	if err != nil {
		return nil, err
	}
	_, err = out.Write(png.Bytes())
	return &measured{Summary: p.Summary(), to: o.plot, seams: len(seams)}, errors.Join(err, out.close(err == nil))
}

// errNoAudio is what a decoder's silence amounts to.
func errNoAudio(said string) error {
	if said != "" {
		return errors.New("ffmpeg finds no audio in it: " + said)
	}
	return errors.New("ffmpeg finds no audio in it")
}

// checkPlot tells what is wrong with the place of the plot, before any work.
func (o inspectOptions) checkPlot(stdio IO, in *os.File) error {
	if o.plot == "-" {
		if isTerminal(stdio.Out) {
			return usageError{errors.New("a picture is not written to a terminal; name a file with --plot FILE.png or send it through a pipe")}
		}
		return nil
	}
	fi, err := os.Stat(o.plot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if dir, err := os.Stat(filepath.Dir(o.plot)); err != nil || !dir.IsDir() {
			return usageError{fmt.Errorf("--plot %s: there is no folder %s", o.plot, filepath.Dir(o.plot))}
		}
	case err != nil:
		return usageError{fmt.Errorf("--plot: %w", err)}
	case fi.IsDir():
		return usageError{fmt.Errorf("--plot %s is a directory", o.plot)}
	case fi.Mode()&fs.ModeCharDevice != 0:
		return o.checkDevice()
	case !fi.Mode().IsRegular():
		return nil
	}
	if self, err := in.Stat(); err == nil && fi != nil && os.SameFile(self, fi) {
		return usageError{fmt.Errorf("--plot %s is the file to inspect", o.plot)}
	}
	if !strings.EqualFold(filepath.Ext(o.plot), ".png") {
		return usageError{fmt.Errorf("--plot %s: the picture is a PNG; its name must end in .png", o.plot)}
	}
	return nil
}

// checkDevice refuses a terminal.
func (o inspectOptions) checkDevice() error {
	f, err := os.OpenFile(o.plot, os.O_WRONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return usageError{fmt.Errorf("--plot: %w", err)}
	}
	defer f.Close()
	if isTerminal(f) {
		return usageError{fmt.Errorf("--plot %s is a terminal; name a file", o.plot)}
	}
	return nil
}

// pump hands all samples to the plot.
func pump(ctx context.Context, src *samples, p *plot.Plot) error {
	buf := make([]float32, 0, 16<<10)
	var n int64
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		buf, err = src.next(buf[:0])
		p.Write(buf)
		n += int64(len(buf))
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case lengthOf(n, src.rate) > maxPlotted:
			return fault.New(fault.TooLarge, "is longer than %v, which is the most that is drawn", maxPlotted)
		}
	}
}

// refused makes an error of decoding one that names the file and says what can be done.
func refused(name string, err error) error {
	var f *fault.Error
	var missing *worker.NotInstalledError
	var broken *fs.PathError
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &broken):
		return err
	case errors.As(err, &missing):
		return fault.New(fault.Unavailable, "ffmpeg is not installed, and without it only WAV and bare samples can be drawn; install it with: apt-get install ffmpeg")
	case errors.Is(err, worker.ErrToolTime), errors.Is(err, worker.ErrToolOutput):
		return fault.New(fault.TooLarge, "%s is too much to draw: %v", name, err)
	case errors.As(err, &f):
		named := *f
		named.Field = cmp.Or(f.Field, name)
		return &named
	}
	return fault.InvalidField(name, "cannot be decoded: %s", printable(err.Error()))
}

// readSeams reads where segments join from the JSON of say --subtitles, or any JSON with "segments" that have "start_ms" and "end_ms".
func readSeams(name string) ([]plot.Seam, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, usageError{fmt.Errorf("--timings: %w", err)}
	}
	defer f.Close()
	switch fi, err := f.Stat(); {
	case err != nil || !fi.Mode().IsRegular():
		return nil, usageError{fmt.Errorf("--timings %s is not a regular file", name)}
	case fi.Size() > maxTimings:
		return nil, fault.InvalidField("--timings", "%s is larger than %d MiB", name, maxTimings>>20)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxTimings)) // it may have grown
	if err != nil {
		return nil, usageError{fmt.Errorf("--timings: %w", err)}
	}
	return parseSeams(name, data)
}

func parseSeams(name string, data []byte) ([]plot.Seam, error) {
	var doc struct {
		Segments []struct {
			Start *float64 `json:"start_ms"`
			End   *float64 `json:"end_ms"`
		} `json:"segments"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fault.InvalidField("--timings", "%s is not the JSON of `orotund say --subtitles`: %v", name, err)
	}
	if doc.Segments == nil {
		return nil, fault.InvalidField("--timings", `%s has no "segments"`, name)
	}
	var seams []plot.Seam
	last := -1.0
	for _, s := range doc.Segments {
		if s.Start == nil || *s.Start < 0 || *s.Start > maxMillis {
			continue
		}
		if last >= 0 {
			seams = append(seams, plot.Seam{End: millis(min(last, *s.Start)), Start: millis(*s.Start)})
		}
		last = *s.Start
		if s.End != nil {
			last = min(max(*s.End, last), maxMillis)
		}
	}
	return seams, nil
}

// maxMillis is the latest time that a segment can have.
const maxMillis = float64(maxPlotted / time.Millisecond)

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
