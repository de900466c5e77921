package metadata

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/speech"
)

// File is what a file of audio says of itself.
type File struct {
	Container  string        // "wav", "rf64", "mp3" (bare frames), "adts" (bare frames), "ogg" or "flac"
	Encoding   string        // "pcm", "float", "mulaw", "alaw", "mp3", "aac", "opus", "vorbis", "flac", or "0x0055" for a number of WAV with no name here
	SampleRate int           // Hz of what a decoder yields; always 48000 for Opus
	SourceRate int           // Hz of what was encoded, where Opus tells; 0: not known
	Channels   int           // 1 and up
	BitDepth   int           // bits a sample; 0: the encoding has none
	BitRate    int           // bit/s, the average over the file; 0: not known
	Samples    int64         // of one channel, as a player that honours the container gives them; -1: not known
	Duration   time.Duration // of Samples; 0 where they are not known
	Tags       []Tag         // in the order of the file, the encoder's name among them
	Label      *speech.Label // the label of generated audio; nil: there is none
	Notes      []string      // what is odd in the file but did not keep it from being read, each with its byte

	full bool // there were more tags than are kept
}

// Tag is one field of a container's metadata: its key as in the container ("TSSE", "TXXX:AIGC", "ISFT", "DATE"), its value as text. Of a
// picture or of other bytes the value tells only how many there are.
type Tag struct {
	Key, Value string
}

// Limits of what is kept of a file, however much it holds.
const (
	maxTags    = 512     // more are left out, with a note
	maxValue   = 8 << 10 // bytes of a tag's value; a longer one is told as its length
	maxKey     = 128     // bytes of a tag's key
	maxNotes   = 20
	maxParts   = 20_000 // chunks, blocks or frames of metadata that are looked at
	maxRate    = 16_000_000
	maxChannel = 255
)

// Read reads what the file says of itself, whichever of WAV, MP3, ADTS, Ogg and FLAC it is. It passes over the audio itself only where that is
// the one way to know its length (MP3 and ADTS). What is wrong is told with the byte at which it is. Whatever the file holds, Read takes a
// bounded amount of memory, and time in proportion to the file's size at most. An io.ReadSeeker that is an io.ReaderAt too, like a file, is
// read without a change of its position.
func Read(r io.ReadSeeker) (File, error) {
	at, ok := r.(io.ReaderAt)
	if !ok {
		at = seekerAt{r}
	}
	size, err := length(r, ok)
	if err != nil {
		return File{}, fmt.Errorf("read audio file: %w", err)
	}
	f, err := read(newSource(at, size))
	if err != nil {
		return File{}, fmt.Errorf("read audio file: %w", err)
	}
	f.finish(size)
	return f, nil
}

// length is how long the file is; with keep its position is put back.
func length(r io.Seeker, keep bool) (int64, error) {
	pos := int64(0)
	var err error
	if keep {
		if pos, err = r.Seek(0, io.SeekCurrent); err != nil {
			return 0, err
		}
	}
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = r.Seek(pos, io.SeekStart)
	return size, err
}

func read(s *source) (File, error) {
	head, err := s.some(0, 12)
	if err != nil {
		return File{}, err
	}
	switch {
	case len(head) == 12 && string(head[8:]) == "WAVE" && (string(head[:4]) == "RIFF" || string(head[:4]) == "RF64" || string(head[:4]) == "BW64"):
		return readWAV(s, string(head[:4]) != "RIFF")
	case len(head) >= 4 && string(head[:4]) == "OggS":
		return readOgg(s)
	}
	f := File{Samples: -1}
	audio, err := f.id3Tags(s, 0)
	if err != nil {
		return File{}, err
	}
	head, err = s.some(audio, 4)
	switch {
	case err != nil:
		return File{}, err
	case string(head) == "fLaC":
		return f, f.flac(s, audio)
	case isADTS(head):
		return f, f.adts(s, audio)
	case audio > 0 || isMPEG(head):
		return f, f.mp3(s, audio)
	case len(head) == 0:
		return File{}, problem(0, "the file is empty")
	default:
		return File{}, problem(0, "%q begins no format that is known here", head)
	}
}

// finish fills in what follows from the rest.
func (f *File) finish(size int64) {
	if f.Samples >= 0 && f.SampleRate > 0 {
		f.Duration = time.Duration(min(float64(f.Samples)/float64(f.SampleRate)*1e9, math.MaxInt64/2))
		if f.Container == "ogg" {
			f.average(size, f.Samples)
		}
	}
	f.Label = findLabel(f.Tags)
}

// average sets the bit rate to that of so many bytes for so many samples.
func (f *File) average(size, samples int64) {
	if samples > 0 {
		f.BitRate = int(min(float64(size)*8*float64(f.SampleRate)/float64(samples), math.MaxInt32))
	}
}

// tag keeps a tag, if there is room.
func (f *File) tag(at int64, key, value string) {
	if len(f.Tags) == maxTags {
		if !f.full {
			f.note(at, "more than %d tags; the rest are left out", maxTags)
		}
		f.full = true
		return
	}
	f.Tags = append(f.Tags, Tag{oneLine(cut(key, maxKey)), text(cut(value, maxValue))})
}

// tagBytes keeps what there is to say of a value that is no text, or too long.
func (f *File) tagBytes(at int64, key string, n int64) { f.tag(at, key, fmt.Sprintf("(%d bytes)", n)) }

// note keeps a remark, if there is room.
func (f *File) note(at int64, format string, args ...any) {
	if len(f.Notes) < maxNotes {
		f.Notes = append(f.Notes, problem(at, format, args...).Error())
	}
}

// setRates takes the sample rate and the channels, which have to be sensible.
func (f *File) setRates(at int64, rate, channels int64) error {
	if rate < 1 || rate > maxRate {
		return problem(at, "a sample rate of %d Hz", rate)
	}
	if channels < 1 || channels > maxChannel {
		return problem(at, "%d channels", channels)
	}
	f.SampleRate, f.Channels = int(rate), int(channels)
	return nil
}

// text returns s as valid UTF-8 without the control characters that harm a terminal; line ends and tabs stay.
func text(s string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r < 0x20, r >= 0x7F && r < 0xA0, r == utf8.RuneError:
			return -1
		}
		return r
	}, s), " \n\t")
}

func oneLine(s string) string { return strings.Join(strings.Fields(text(s)), " ") }

// latin1 returns the text of bytes that are UTF-8, or else one character each.
func latin1(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}
