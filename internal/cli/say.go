package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/orotund/orotund/internal/app"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

// maxText is the largest text that say reads, in bytes.
const maxText = 64 << 20

// sayOptions are the flags of say.
type sayOptions struct {
	file, out, voice, model, language, format, server, subtitles string
	speed, pitch, volume, loudness                               float64
	rate, bitRate                                                int
	quiet                                                        bool
}

func newSay(stdio IO) *cobra.Command {
	var o sayOptions
	c := &cobra.Command{
		Use:   "say [TEXT…]",
		Short: "Speak a text to a file",
		Long: `Speak a text to a file, without a server.

The text is the arguments, a file (--file), or standard input. The format follows the name of the output unless --format says it.

  orotund say "你好，世界。Hello." -o hello.mp3
  orotund say --file chapter.txt -o chapter.flac --subtitles chapter.srt
  echo Hello | orotund say -o - --format wav | aplay`,
		RunE: func(c *cobra.Command, words []string) error { return say(c, stdio, o, words) },
	}
	f := c.Flags()
	f.StringVarP(&o.out, "output", "o", "", "file to write, or - for standard output")
	f.StringVarP(&o.file, "file", "f", "", "file to read the text from, or - for standard input")
	f.StringVarP(&o.voice, "voice", "v", "", "voice id or name (see: orotund voices)")
	f.StringVarP(&o.model, "model", "m", "", "model")
	f.StringVarP(&o.language, "language", "l", "", "language of the text, for example en or zh (default: found for each part)")
	f.StringVar(&o.format, "format", "", formatNames()+" (default: by the name of the output, else wav)")
	f.IntVar(&o.rate, "sample-rate", 0, "samples a second (default 24000, or what the format has)")
	f.IntVar(&o.bitRate, "bit-rate", 0, "bits a second, for formats that have a choice")
	f.Float64Var(&o.speed, "speed", 1, "speed, from 0.25 to 4; the pitch stays")
	f.Float64Var(&o.pitch, "pitch", 0, "semitones up or down, to 12; the speed stays")
	f.Float64Var(&o.volume, "volume", 0, "gain in dB, from -60 to 20")
	f.Float64Var(&o.loudness, "loudness", 0, "loudness in LUFS, from -40 to -8 (default: inference.sound.loudness)")
	f.StringVar(&o.subtitles, "subtitles", "", "file for the times of words, by its name: .srt, .vtt or .json")
	f.StringVar(&o.server, "server", "", "let a server speak, for example http://127.0.0.1:8700")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress bar and no warnings")
	return c
}

func say(c *cobra.Command, stdio IO, o sayOptions, words []string) error {
	req, err := o.request(c.Context(), stdio, words)
	if err != nil {
		return err
	}
	out, err := newOutputs(o, stdio, req)
	if err != nil {
		return err
	}
	size := len(req.Text)
	if o.server != "" {
		size = -1
	}
	p := newProgress(stdio.Err, size, o.quiet)
	if o.server != "" {
		err = sayRemote(c.Context(), newClient(o.server), req, out, p)
	} else {
		err = sayLocal(c, stdio, req, out, p)
	}
	p.end(err == nil)
	return errors.Join(inFlags(err), out.close(err == nil))
}

// outputs are the files that say writes.
type outputs struct {
	audio     *sink
	subtitles *subtitles
}

func newOutputs(o sayOptions, stdio IO, req speech.Request) (*outputs, error) {
	subs, err := newSubtitles(o.subtitles, req.Text)
	if err != nil {
		return nil, err
	}
	audio, err := newSink(o.out, stdio.Out, req.Format.Encoding)
	if err != nil {
		return nil, errors.Join(err, subs.close(false))
	}
	return &outputs{audio, subs}, nil
}

// close finishes the files, or removes what there is of them.
func (o *outputs) close(whole bool) error {
	return errors.Join(o.audio.close(whole), o.subtitles.close(whole))
}

// event takes one event of a stream.
func (o *outputs) event(ev speech.Event, p *progress) error {
	switch ev.Kind {
	case speech.EventAudio:
		_, err := o.audio.Write(ev.Audio)
		return err
	case speech.EventWarning:
		p.warn(ev.Warning)
	case speech.EventTiming:
		return o.subtitles.timing(ev.Timing)
	case speech.EventSegmentEnd:
		p.spoken(ev.SegmentEnd.Offset+ev.SegmentEnd.Length, ev.SegmentEnd.Start+ev.SegmentEnd.Duration)
		return o.subtitles.segment(ev.SegmentEnd)
	}
	return nil
}

// timings are the kinds that the subtitles need.
func (o sayOptions) timings() []speech.TimingKind {
	switch {
	case o.subtitles == "":
		return nil
	case strings.EqualFold(filepath.Ext(o.subtitles), ".json"):
		return []speech.TimingKind{speech.TimingWord, speech.TimingPhoneme}
	}
	return []speech.TimingKind{speech.TimingWord}
}

// flagOf names the flags of the fields that inference, or a server, complains of.
var flagOf = map[string]string{"text": "the text", "input": "the text", "voice": "--voice", "model": "--model", "language": "--language",
	"speed": "--speed", "pitch": "--pitch", "volume": "--volume", "loudness": "--loudness", "bit_rate": "--bit-rate", "encoding": "--format", "response_format": "--format", "sample_rate": "--sample-rate"}

// hints replace messages that send the user of an API somewhere.
var hints = map[string]string{
	"voice_not_found": "unknown voice; `orotund voices` lists the ones that exist",
	"model_not_found": "unknown model; `orotund voices --json` lists the ones that exist",
}

// inFlags puts an error of a request into the words of the command line.
func inFlags(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	said := *f
	said.Field, said.Message = cmp.Or(flagOf[f.Field], f.Field), cmp.Or(hints[f.Code], f.Message)
	return &said
}

// request makes the request of the flags and checks what can be checked here.
func (o sayOptions) request(ctx context.Context, stdio IO, words []string) (speech.Request, error) {
	var req speech.Request
	if o.out == "" {
		return req, usageError{errors.New("name the file to write with -o FILE, or -o - for standard output")}
	}
	format, err := o.encoding()
	if err != nil {
		return req, err
	}
	txt, err := o.text(ctx, stdio.In, words)
	if err != nil {
		return req, err
	}
	switch {
	case !utf8.ValidString(txt):
		return req, fault.InvalidField("the text", "is not valid UTF-8")
	case !text.Speakable(txt):
		return req, fault.InvalidField("the text", "has nothing in it to say")
	case o.language != "" && !speech.IsLanguageTag(o.language):
		return req, fault.InvalidField("--language", "must be a language tag such as en, en-GB or zh")
	}
	return speech.Request{ID: "say", Principal: speech.Anonymous, Text: txt, Language: o.language, Voice: o.voice, Model: o.model,
		Speed: o.speed, Pitch: o.pitch, Volume: o.volume, Loudness: o.loudness, Timings: o.timings(),
		Format: speech.Format{Encoding: format, SampleRate: o.rate, BitRate: o.bitRate}}, o.checkNumbers()
}

// checkNumbers checks the flags that are numbers; none may be NaN.
func (o sayOptions) checkNumbers() error {
	for _, n := range []struct {
		flag            string
		value, from, to float64
		unit            string
		orZero          bool
	}{
		{"--speed", o.speed, speech.MinSpeed, speech.MaxSpeed, "", false},
		{"--pitch", o.pitch, -speech.MaxPitch, speech.MaxPitch, " semitones", false},
		{"--volume", o.volume, speech.MinVolume, speech.MaxVolume, " dB", false},
		{"--loudness", o.loudness, speech.MinLoudness, speech.MaxLoudness, " LUFS", true},
	} {
		if !(n.value >= n.from && n.value <= n.to) && !(n.orZero && n.value == 0) {
			return fault.InvalidField(n.flag, "must be from %g to %g%s", n.from, n.to, n.unit)
		}
	}
	if o.bitRate < 0 {
		return fault.InvalidField("--bit-rate", "must not be below 0")
	}
	return nil
}

// encoding is that of --format, or else of the output's name.
func (o sayOptions) encoding() (speech.Encoding, error) {
	name := strings.ToLower(o.format)
	if name == "" && o.out != "-" {
		name = strings.ToLower(strings.TrimPrefix(filepath.Ext(o.out), "."))
	}
	if name == "" {
		return speech.WAV, nil
	}
	for _, i := range codec.Infos() {
		if string(i.Encoding) == name || o.format == "" && slices.Contains(i.Aliases, name) {
			return i.Encoding, nil
		}
	}
	if o.format != "" {
		return "", usageError{fmt.Errorf("--format %s is not known; there are %s", o.format, formatNames())}
	}
	return "", usageError{fmt.Errorf("the format of %s is not known; name it with --format: %s", o.out, formatNames())}
}

// formatNames lists what --format takes.
func formatNames() string {
	var names []string
	for _, i := range codec.Infos() {
		names = append(names, string(i.Encoding))
	}
	return strings.Join(names, ", ")
}

// text reads the text from the arguments, a file, or standard input.
func (o sayOptions) text(ctx context.Context, stdin io.Reader, words []string) (string, error) {
	switch {
	case len(words) > 0 && o.file != "":
		return "", usageError{errors.New("give the text as arguments or with --file, not both")}
	case len(words) > 0:
		return strings.Join(words, " "), nil
	case o.file != "" && o.file != "-":
		f, err := os.Open(o.file)
		if err != nil {
			return "", usageError{fmt.Errorf("--file: %w", err)}
		}
		defer f.Close()
		stdin = f
	case isTerminal(stdin):
		return "", usageError{errors.New("give the text as an argument, with --file, or on standard input")}
	}
	data, err := readAll(ctx, io.LimitReader(stdin, maxText+1))
	if err != nil {
		return "", fmt.Errorf("read text: %w", err)
	}
	if len(data) > maxText {
		return "", fault.New(fault.TooLarge, "the text is larger than %d MiB", maxText>>20)
	}
	return strings.TrimPrefix(string(data), "\uFEFF"), nil
}

// readAll reads to the end, or until ctx ends. A read that does not return, from a terminal say, is left behind.
func readAll(ctx context.Context, r io.Reader) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := io.ReadAll(r)
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func sayLocal(c *cobra.Command, stdio IO, req speech.Request, out *outputs, p *progress) error {
	return speakHere(c, stdio.Err, out.audio.path == "", func(ctx context.Context, a *app.App, s app.Speaker) error {
		if cat, err := s.Catalogue(ctx); err == nil && len(cat.Voices) == 0 {
			return noEngine(a)
		}
		st, err := s.Speak(ctx, req)
		if err != nil {
			return err
		}
		defer st.Close()
		for {
			ev, err := st.Next(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = out.event(ev, p)
			}
			if err != nil {
				return err
			}
		}
	})
}

func sayRemote(ctx context.Context, cl *client, req speech.Request, out *outputs, p *progress) error {
	body, warnings, err := cl.speak(ctx, req)
	if err != nil {
		return err
	}
	defer body.Close()
	for _, w := range warnings {
		p.warn(w)
	}
	cut := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.New(fault.Unavailable, "the server cut the audio off").WithCause(err)
	}
	if len(req.Timings) > 0 {
		return readEvents(body, cut, func(ev speech.Event) error {
			_, _ = p.Write(ev.Audio)
			return out.event(ev, p)
		})
	}
	if _, err := io.Copy(io.MultiWriter(out.audio, p), body); err != nil {
		return cut(err)
	}
	return nil
}
