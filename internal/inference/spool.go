package inference

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// budget is the memory that the spools of all requests share.
type budget struct {
	mu   sync.Mutex
	free int64
}

func (b *budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free < int64(n) {
		return false
	}
	b.free -= int64(n)
	return true
}

func (b *budget) give(n int) {
	b.mu.Lock()
	b.free += int64(n)
	b.mu.Unlock()
}

// spool holds the events of one segment between the engine, which never waits, and the listener, who may. Audio is kept in memory
// as long as the budget lasts, then in a temporary file without a name. One goroutine writes, one reads.
type spool struct {
	memory  *budget
	spilled func(n int)

	mu      sync.Mutex
	events  []entry
	next    int           // to be read
	wake    chan struct{} // has an element when the reader should look again
	format  speech.Format
	err     error // after the last event; io.EOF if the segment is whole
	closed  bool
	held    int // bytes taken from the budget
	file    *os.File
	fileEnd int64

	heard atomic.Bool // an audio event has been read
	buf   []byte      // the reader's, for what comes from the file
}

// entry is an event, or audio in the file.
type entry struct {
	event speech.Event
	off   int64
	size  int // in the file; 0: in event
}

func newSpool(memory *budget, spilled func(int)) *spool {
	return &spool{memory: memory, spilled: spilled, wake: make(chan struct{}, 1)}
}

func (s *spool) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// begin sets the format. A segment that is tried again begins again.
func (s *spool) begin(f speech.Format) {
	s.mu.Lock()
	s.format = f
	s.mu.Unlock()
}

// put adds an event and takes over its audio. After close it does nothing.
func (s *spool) put(ev speech.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return context.Canceled
	}
	e := entry{event: ev}
	if n := len(ev.Audio); n > 0 {
		if s.file == nil && s.memory.take(n) {
			s.held += n
		} else if err := s.spill(&e); err != nil {
			return err
		}
	}
	s.events = append(s.events, e)
	s.signal()
	return nil
}

// spill writes an event's audio to the file. The caller holds mu.
func (s *spool) spill(e *entry) error {
	full := func(err error) error {
		return fault.New(fault.Unavailable, "no room to hold audio for a slow reader").WithCode("buffer_full").WithCause(err)
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "orotund-spool-")
		if err != nil {
			return full(err)
		}
		_ = os.Remove(f.Name()) // it lives as long as it is open
		s.file = f
	}
	n, err := s.file.WriteAt(e.event.Audio, s.fileEnd)
	if err != nil {
		return full(err)
	}
	e.off, e.size = s.fileEnd, n
	e.event.Audio = nil
	s.fileEnd += int64(n)
	s.spilled(n)
	return nil
}

// end closes the writer's side with io.EOF or an error.
func (s *spool) end(err error) {
	s.mu.Lock()
	s.err = err
	s.signal()
	s.mu.Unlock()
}

// restart forgets everything if the listener has heard none of it, and tells whether that was so.
func (s *spool) restart() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard.Load() || s.closed {
		return false
	}
	s.release()
	s.events, s.next = nil, 0
	return true
}

// read returns the next event, waiting for it if wait is set; ok is false if there is none yet. The audio is valid until the next read.
func (s *spool) read(ctx context.Context, wait bool) (ev speech.Event, ok bool, err error) {
	for {
		ev, ok, err = s.tryRead()
		if ok || err != nil || !wait {
			return ev, ok, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return ev, false, ctx.Err()
		}
	}
}

func (s *spool) tryRead() (speech.Event, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == len(s.events) {
		return speech.Event{}, false, s.err
	}
	e := s.events[s.next]
	s.events[s.next] = entry{}
	s.next++
	if s.next == len(s.events) {
		s.events, s.next = s.events[:0], 0
	}
	if e.event.Kind != speech.EventAudio {
		return e.event, true, nil
	}
	s.heard.Store(true)
	if e.size == 0 {
		s.memory.give(len(e.event.Audio))
		s.held -= len(e.event.Audio)
		return e.event, true, nil
	}
	s.buf = append(s.buf[:0], make([]byte, e.size)...)
	if _, err := s.file.ReadAt(s.buf, e.off); err != nil && err != io.EOF {
		return speech.Event{}, false, fmt.Errorf("read spooled audio: %w", err)
	}
	e.event.Audio = s.buf
	return e.event, true, nil
}

// close releases everything; the writer's next put fails.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.release()
	s.events = nil
}

// release gives the memory and the file back. The caller holds mu.
func (s *spool) release() {
	s.memory.give(s.held)
	s.held = 0
	if s.file != nil {
		_ = s.file.Close()
		s.file, s.fileEnd = nil, 0
	}
}
