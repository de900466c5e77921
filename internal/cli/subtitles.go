package cli

import (
	"bufio"
	"errors"
	"time"

	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text/subtitle"
)

// subtitles are the file that say --subtitles writes while it speaks. The file gets its name only when it is whole. Those of no file
// take everything and do nothing.
type subtitles struct {
	build *subtitle.Builder // nil: nobody wants them
	buf   *bufio.Writer
	sink  *sink
	last  time.Duration // where the segment ends that ended last
}

func newSubtitles(path, text string) (*subtitles, error) {
	if path == "" {
		return &subtitles{}, nil
	}
	if path == "-" {
		return nil, usageError{errors.New("--subtitles needs the name of a file that ends in " + subtitle.Extensions)}
	}
	s := &subtitles{buf: bufio.NewWriterSize(nil, 64<<10)}
	w, err := subtitle.ForFile(path, s.buf, 0)
	if err != nil {
		return nil, usageError{err}
	}
	if s.sink, err = newSink(path, nil, ""); err != nil {
		return nil, err
	}
	s.buf.Reset(s.sink)
	s.build = subtitle.NewBuilder(text, w, subtitle.Options{})
	return s, nil
}

// timing takes the time of a word.
func (s *subtitles) timing(t speech.Timing) error {
	if s.build == nil {
		return nil
	}
	return s.build.Add(t)
}

// segment takes the end of a segment.
func (s *subtitles) segment(e speech.SegmentEnd) error {
	s.last = e.Start + e.Duration
	if s.build == nil {
		return nil
	}
	return s.build.EndSegment(e)
}

// close finishes the file, or removes what there is of it.
func (s *subtitles) close(whole bool) error {
	if s.build == nil {
		return nil
	}
	err := s.build.Finish(s.last)
	if err == nil {
		err = s.buf.Flush()
	}
	return errors.Join(err, s.sink.close(whole && err == nil))
}
