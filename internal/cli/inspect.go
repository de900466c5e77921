package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	plot, timings, format string
	rate                  int
	asJSON                bool
}

func newInspect(stdio IO) *cobra.Command {
	var o inspectOptions
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Tell what an audio file is, and draw it",
		Long: `Tell what an audio file is: container, encoding, length, tags, and whether it is labelled as AI-generated (GB 45438-2025).

It knows WAV, MP3, AAC in ADTS, Opus and Vorbis in Ogg, and FLAC; samples without a header with --format pcm.
With --plot it draws the waveform, a spectrogram and the steps between samples, where clicks stand out. What is not WAV
is decoded by ffmpeg, which must be installed for that.

  orotund inspect hello.mp3
  orotund inspect hello.wav --plot hello.png --timings hello.json`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error { return inspect(c, stdio, o, a[0]) },
	}
	f := c.Flags()
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.StringVar(&o.plot, "plot", "", "draw the audio to a PNG file, or to - for standard output instead of the text")
	f.StringVar(&o.timings, "timings", "", "JSON of `orotund say --subtitles`: mark in the plot where segments join")
	f.StringVar(&o.format, "format", "", "pcm: the file is 16-bit little-endian mono samples without a header")
	f.IntVar(&o.rate, "sample-rate", 24000, "Hz, of a file without a header")
	return c
}

func inspect(c *cobra.Command, stdio IO, o inspectOptions, name string) error {
	if err := o.check(c); err != nil {
		return err
	}
	f, err := openAudio(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := o.read(f, name)
	if err != nil {
		return err
	}
	if o.plot != "" {
		if r.measured, err = drawTo(c.Context(), stdio, o, f, r); err != nil {
			return err
		}
	}
	switch {
	case o.plot == "-":
		return nil
	case o.asJSON:
		return r.printJSON(stdio.Out)
	}
	return r.print(stdio.Out)
}

// check checks the flags by themselves.
func (o inspectOptions) check(c *cobra.Command) error {
	switch {
	case o.timings != "" && o.plot == "":
		return usageError{errors.New("--timings marks where segments join in a plot; it needs --plot FILE.png")}
	case o.plot == "-" && o.asJSON:
		return usageError{errors.New("--plot - and --json both write to standard output; name a file with --plot FILE.png")}
	case o.format != "" && o.format != string(speech.PCM):
		return usageError{errors.New("--format must be pcm; files with a header tell their format themselves")}
	case o.format == "" && c.Flags().Changed("sample-rate"):
		return usageError{errors.New("--sample-rate is for files without a header; it needs --format pcm")}
	case o.rate < 1000 || o.rate > 768000:
		return usageError{errors.New("--sample-rate must be from 1000 to 768000")}
	}
	return nil
}

// openAudio opens a file to inspect. It must be a regular file, since a pipe can be read only once and a device has no end.
func openAudio(name string) (*os.File, error) {
	if name == "-" {
		return nil, usageError{errors.New("standard input cannot be inspected; name a file")}
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer does not hold us
	if err != nil {
		return nil, usageError{err}
	}
	fi, err := f.Stat()
	if err == nil && fi.Mode().IsRegular() {
		return f, nil
	}
	_ = f.Close()
	switch {
	case err != nil:
		return nil, fmt.Errorf("look at file: %w", err)
	case fi.IsDir():
		return nil, usageError{fmt.Errorf("%s is a directory", name)}
	case fi.Mode()&fs.ModeNamedPipe != 0:
		return nil, usageError{fmt.Errorf("%s is a pipe; save it to a file first", name)}
	}
	return nil, usageError{fmt.Errorf("%s is not a regular file", name)}
}

// read finds out what the file is.
func (o inspectOptions) read(f *os.File, name string) (*inspection, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at file: %w", err)
	}
	r := &inspection{name: name, size: fi.Size()}
	if r.size == 0 {
		return nil, fault.InvalidField(name, "is empty")
	}
	if o.format != "" {
		r.file = bareSamples(r.size, o.rate)
		return r, nil
	}
	r.file, err = metadata.Read(f)
	var broken *fs.PathError
	switch {
	case errors.As(err, &broken):
		return nil, err // the disk, not the file
	case err != nil:
		hint := ""
		if strings.EqualFold(filepath.Ext(name), ".pcm") {
			hint = fmt.Sprintf("; for samples without a header: --format pcm --sample-rate %d", o.rate)
		}
		return nil, fault.InvalidField(name, "is no audio file that can be read: %s\nknown are WAV, MP3, AAC in ADTS, Opus and Vorbis in Ogg, and FLAC%s",
			strings.TrimPrefix(err.Error(), "read audio file: "), hint)
	}
	return r, nil
}

// bareSamples is what is known of size bytes of bare samples.
func bareSamples(size int64, rate int) metadata.File {
	const bytesPerSample = 2
	f := metadata.File{Encoding: string(speech.PCM), SampleRate: rate, Channels: 1, BitDepth: 8 * bytesPerSample,
		BitRate: 8 * bytesPerSample * rate, Samples: size / bytesPerSample}
	f.Duration = lengthOf(f.Samples, rate)
	if size%bytesPerSample != 0 {
		f.Notes = []string{fmt.Sprintf("byte %d: half a sample at the end", size-1)}
	}
	return f
}
