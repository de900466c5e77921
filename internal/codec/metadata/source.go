package metadata

import (
	"errors"
	"fmt"
	"io"
)

// window is how much of a file is held at a time. No part that has to be looked at in one piece is longer, by far.
const window = 32 << 10

// source reads a file piece by piece, wherever it likes, and never more of it at once than a window. All readers stand on it.
type source struct {
	r    io.ReaderAt
	size int64
	buf  []byte // what the window holds
	from int64  // offset of buf's first byte
}

func newSource(r io.ReaderAt, size int64) *source { return &source{r: r, size: size} }

// seekerAt is an io.ReadSeeker as an io.ReaderAt, for one goroutine.
type seekerAt struct{ io.ReadSeeker }

// ReadAt implements io.ReaderAt.
func (s seekerAt) ReadAt(p []byte, off int64) (int, error) {
	if _, err := s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// problem is what is wrong at a byte of the file.
func problem(at int64, format string, args ...any) error {
	return fmt.Errorf("byte %d: "+format, append([]any{at}, args...)...)
}

// some returns up to n bytes at off, fewer at the end of the file. They are borrowed until the next call; n is at most a window.
func (s *source) some(off int64, n int) ([]byte, error) {
	if off < 0 || n > window {
		return nil, problem(off, "not to be read: %d bytes", n)
	}
	if n = int(max(0, min(int64(n), s.size-off))); n == 0 {
		return nil, nil
	}
	if at := off - s.from; at >= 0 && at+int64(n) <= int64(len(s.buf)) {
		return s.buf[at : at+int64(n)], nil
	}
	if s.buf == nil {
		s.buf = make([]byte, 0, window)
	}
	s.buf, s.from = s.buf[:min(window, s.size-off)], off
	got, err := s.r.ReadAt(s.buf, off)
	s.buf = s.buf[:got]
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("byte %d: %w", off, err)
	}
	return s.buf[:min(n, got)], nil
}

// bytes returns n bytes at off, borrowed until the next call. What they are is for the error that says that the file ends before.
func (s *source) bytes(off int64, n int, what string) ([]byte, error) {
	b, err := s.some(off, n)
	if err == nil && len(b) < n {
		err = problem(off, "the file ends in the middle of %s", what)
	}
	return b, err
}

// part is a bounded piece of the file that is read from front to back: a packet, a block, a chunk. It does not hold more than its caller asks for.
type part interface {
	// take returns the next n bytes, which the caller may keep; n is at most a window.
	take(n int) ([]byte, error)
	// skip passes over n bytes.
	skip(n int64) error
	// at is the offset in the file of what is next.
	at() int64
	// left is how many bytes there are at most.
	left() int64
}

// span is the bytes from pos to end.
type span struct {
	s        *source
	pos, end int64
}

func (p *span) at() int64   { return p.pos }
func (p *span) left() int64 { return p.end - p.pos }

func (p *span) take(n int) ([]byte, error) {
	if int64(n) > p.left() {
		return nil, problem(p.pos, "a length of %d, of which only %d are there", n, p.left())
	}
	b, err := p.s.bytes(p.pos, n, "a field")
	if err != nil {
		return nil, err
	}
	p.pos += int64(n)
	return append([]byte(nil), b...), nil
}

func (p *span) skip(n int64) error {
	if n < 0 || n > p.left() {
		return problem(p.pos, "a length of %d, of which only %d are there", n, p.left())
	}
	p.pos += n
	return nil
}
