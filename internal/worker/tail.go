package worker

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

const (
	tailLines   = 20
	tailLineMax = 400 // bytes; the rest of a longer line is dropped
)

// crashWords begin the lines with which run-times tell that a program is going down; what follows is often longer than the tail.
var crashWords = []string{"panic:", "fatal error:", "SIG", "terminate called", "Traceback", "Assertion", "thread '", "*** "}

// tail keeps the last lines that a worker wrote to its standard error, and the one with which a crash began, to explain it. It is an
// io.Writer.
type tail struct {
	mu      sync.Mutex
	crash   string // the last line that begins with one of crashWords, once it has left lines
	lines   []string
	partial []byte
	onLine  func(string) // may be nil
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		if room := tailLineMax - len(t.partial); room > 0 {
			t.partial = append(t.partial, part[:min(room, len(part))]...)
		}
		if i < 0 {
			break
		}
		t.push()
		p = p[i+1:]
	}
	return n, nil
}

func (t *tail) push() {
	line := strings.ToValidUTF8(strings.TrimRight(string(t.partial), "\r "), "\uFFFD")
	t.partial = t.partial[:0]
	if line == "" {
		return
	}
	if len(t.lines) == tailLines {
		if beginsCrash(t.lines[0]) {
			t.crash = t.lines[0]
		}
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, line)
	if t.onLine != nil {
		t.onLine(line)
	}
}

func beginsCrash(line string) bool {
	return slices.ContainsFunc(crashWords, func(w string) bool { return strings.HasPrefix(line, w) })
}

// String is the lines kept, the last one at the end, with what has no newline yet.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := t.lines
	if t.crash != "" {
		lines = append([]string{t.crash, "…"}, lines...)
	}
	if len(t.partial) > 0 {
		lines = append(lines[:len(lines):len(lines)], strings.ToValidUTF8(string(t.partial), "\uFFFD"))
	}
	return strings.Join(lines, "\n")
}
