package subtitle

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/orotund/orotund/internal/fault"
)

// Word is a word with its place in the original text and in time.
type Word struct {
	Text        string // as it stands in the original
	Offset      int    // first UTF-8 byte in the original
	Length      int    // UTF-8 bytes
	UTF16Offset int    // first UTF-16 unit in the original
	UTF16Length int    // UTF-16 units
	Start       time.Duration
	End         time.Duration // not before Start, not after the next word's Start
	Estimated   bool          // the engine did not say when; see speech.Timing
	Phonemes    []Phoneme     // where the engine has them; valid until Writer.Word returns
}

// Phoneme is a sound of a word.
type Phoneme struct {
	Symbol    string // as the engine writes it
	Start     time.Duration
	End       time.Duration
	Estimated bool
}

// Segment is a part of the text that was spoken in one go.
type Segment struct {
	Index       int // speech.Segment.Index
	Offset      int // first UTF-8 byte in the original
	Length      int // UTF-8 bytes
	UTF16Offset int // first UTF-16 unit in the original
	UTF16Length int // UTF-16 units
	Start       time.Duration
	End         time.Duration
	Phonemes    []Phoneme // those of no word; valid until Writer.Segment returns
}

// Cue is a subtitle: what is shown from Start to End. Cues are in order, do not overlap, and are whole milliseconds, at least one.
type Cue struct {
	Start     time.Duration
	End       time.Duration
	Text      string // one line, or more with \n between; never empty, no white space around or doubled
	Estimated bool   // the times are made of estimated ones
}

// Writer writes subtitles in one format. A Builder calls Word for each word, Segment after the last word of each, and Cue for each cue; cues come
// later than their words. Close ends the document, which lasts total; it does not close what is below.
type Writer interface {
	Word(w Word) error
	Segment(s Segment) error
	Cue(c Cue) error
	Close(total time.Duration) error
}

// Extensions are the file name extensions that ForFile knows.
const Extensions = ".srt, .vtt or .json"

// ForFile returns the Writer for a file by its name's extension: .srt SubRip, .vtt WebVTT, .json package subtitle's own (see NewJSON). Any other is a
// fault.Invalid error about the field "subtitles". Each record is one Write of w, so w should buffer. sampleRate is that of the audio in Hz; 0:
// not known.
func ForFile(name string, w io.Writer, sampleRate int) (Writer, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".srt":
		return NewSRT(w), nil
	case ".vtt":
		return NewVTT(w), nil
	case ".json":
		return NewJSON(w, sampleRate), nil
	}
	return nil, fault.InvalidField("subtitles", "must be the name of a file that ends in %s", Extensions)
}

// SRT writes SubRip: UTF-8, lines that end in LF, times in milliseconds. SubRip has no place for whether times are exact.
type SRT struct {
	w   io.Writer
	n   int
	buf []byte
}

// NewSRT returns a writer of SubRip to w.
func NewSRT(w io.Writer) *SRT { return &SRT{w: w} }

// Word implements Writer.
func (*SRT) Word(Word) error { return nil }

// Segment implements Writer.
func (*SRT) Segment(Segment) error { return nil }

// Cue implements Writer.
func (s *SRT) Cue(c Cue) error {
	s.n++
	s.buf = fmt.Appendf(s.buf[:0], "%d\n", s.n)
	s.buf = appendTimes(s.buf, c, ',')
	s.buf = append(append(s.buf, c.Text...), "\n\n"...)
	_, err := s.w.Write(s.buf)
	return err
}

// Close implements Writer.
func (*SRT) Close(time.Duration) error { return nil }

// VTT writes WebVTT (https://www.w3.org/TR/webvtt1/). A NOTE before a cue tells whether its times and those that follow are exact or estimated.
type VTT struct {
	w         io.Writer
	begun     bool
	told      bool // a NOTE was written
	estimated bool // what it said
	buf       []byte
}

// NewVTT returns a writer of WebVTT to w.
func NewVTT(w io.Writer) *VTT { return &VTT{w: w} }

// Word implements Writer.
func (*VTT) Word(Word) error { return nil }

// Segment implements Writer.
func (*VTT) Segment(Segment) error { return nil }

// Cue implements Writer.
func (v *VTT) Cue(c Cue) error {
	v.buf = v.buf[:0]
	v.head()
	if !v.told || v.estimated != c.Estimated {
		v.told, v.estimated = true, c.Estimated
		v.buf = fmt.Appendf(v.buf, "NOTE The times that follow are %s.\n\n", timing(c.Estimated))
	}
	v.buf = appendTimes(v.buf, c, '.')
	for i := range len(c.Text) {
		switch ch := c.Text[i]; ch {
		case '&':
			v.buf = append(v.buf, "&amp;"...)
		case '<':
			v.buf = append(v.buf, "&lt;"...)
		case '>':
			v.buf = append(v.buf, "&gt;"...)
		default:
			v.buf = append(v.buf, ch)
		}
	}
	v.buf = append(v.buf, "\n\n"...)
	_, err := v.w.Write(v.buf)
	return err
}

func (v *VTT) head() {
	if !v.begun {
		v.begun = true
		v.buf = append(v.buf, "WEBVTT\n\n"...)
	}
}

// Close implements Writer.
func (v *VTT) Close(time.Duration) error {
	v.buf = v.buf[:0]
	v.head()
	if len(v.buf) == 0 {
		return nil
	}
	_, err := v.w.Write(v.buf)
	return err
}

// timing is the word for whether times are estimated.
func timing(estimated bool) string {
	if estimated {
		return "estimated"
	}
	return "exact"
}

// appendTimes appends the line with a cue's times. point is what stands before the milliseconds.
func appendTimes(dst []byte, c Cue, point byte) []byte {
	dst = appendTime(dst, c.Start, point)
	dst = append(dst, " --> "...)
	return append(appendTime(dst, c.End, point), '\n')
}

func appendTime(dst []byte, t time.Duration, point byte) []byte {
	ms := t.Milliseconds()
	return fmt.Appendf(dst, "%02d:%02d:%02d%c%03d", ms/3600000, ms/60000%60, ms/1000%60, point, ms%1000)
}
