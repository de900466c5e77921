package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/orotund/orotund/internal/worker"
)

// samples are those of a file, mixed to one channel.
type samples struct {
	wavReader
	tool *worker.ToolRun // what decodes; nil: the file is read here
}

// close ends the reading.
func (s *samples) close() error {
	if s.tool != nil {
		return s.tool.Close()
	}
	return nil
}

// said is what the decoder complained of.
func (s *samples) said() string {
	if s.tool != nil {
		return s.tool.Said()
	}
	return ""
}

// decode opens the samples of f. WAV with samples as they are is read here; the rest is decoded in a process of its own, since decoders
// have faults that made-up files find.
func decode(ctx context.Context, f *os.File, r *inspection) (*samples, error) {
	if r.file.Container == "" {
		return &samples{wavReader: bareReader(f, r.file.SampleRate)}, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if r.file.Container == "wav" || r.file.Container == "rf64" {
		w, err := newWAVReader(bufio.NewReaderSize(f, 64<<10))
		if err == nil {
			return &samples{wavReader: w}, nil
		}
		if !errors.Is(err, errWAVForm) {
			return nil, refused(r.name, err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
	run, err := ffmpeg(r.file.Container).Start(ctx, f)
	if err != nil {
		return nil, refused(r.name, err)
	}
	w, err := newWAVReader(bufio.NewReaderSize(run, 64<<10))
	if err != nil {
		_ = run.Close()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errNoAudio(run.Said())
		}
		return nil, refused(r.name, err)
	}
	return &samples{w, run}, nil
}

// demuxers are ffmpeg's names of the containers. No other is tried: playlists, say, would let a file name others.
var demuxers = map[string]string{"wav": "wav", "rf64": "wav", "mp3": "mp3", "adts": "aac", "ogg": "ogg", "flac": "flac"}

// ffmpeg decodes its standard input to a WAV of 32-bit floating point on its standard output. It opens nothing else.
func ffmpeg(container string) worker.Tool {
	args := []string{"ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-protocol_whitelist", "pipe", "-threads", "1"}
	if name, ok := demuxers[container]; ok {
		args = append(args, "-f", name)
	} else {
		args = append(args, "-format_whitelist", "wav,mp3,aac,ogg,flac")
	}
	args = append(args, "-i", "pipe:0", "-map", "0:a:0", "-map_metadata", "-1", "-fflags", "+bitexact", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1")
	return worker.Tool{Name: "ffmpeg", Command: args, Time: decodeTime, Output: 64 << 30, Memory: 2 << 30}
}

// bareReader reads 16-bit little-endian mono samples without a header.
func bareReader(r io.Reader, rate int) wavReader {
	return wavReader{r: bufio.NewReaderSize(r, 64<<10), rate: rate, left: -1, form: wavForm{tag: wavPCM, channels: 1, width: 2}, sample: pcm16}
}

// errWAVForm is a WAV whose encoding wavReader does not know.
var errWAVForm = errors.New("an encoding that is not read here")

func formError(tag uint16, bits int) error {
	return fmt.Errorf("WAV format 0x%04x with %d bits: %w", tag, bits, errWAVForm)
}
