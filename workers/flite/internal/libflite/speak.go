package libflite

/*
#include <stdlib.h>
#include "flite.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime/cgo"
	"strings"
	"sync"
	"unsafe"
)

// Token is a word as flite's tokenizer sees it: what is between two white spaces, punctuation taken off. All bytes are ASCII, none
// is zero.
type Token struct {
	Name string // never empty
	Pre  string // punctuation before it
	Post string // punctuation after it
}

// Span is where a token is spoken, in samples from the start of its utterance. A token without sound has Begin -1.
type Span struct{ Begin, End int64 }

// Receiver gets the audio of an utterance.
type Receiver interface {
	// Spans gets the span of each token, before the first audio. It must not keep the slice.
	Spans(spans []Span)
	// Audio gets samples as they are made, about 20 ms at a time. It must not keep the slice. An error ends the utterance.
	Audio(samples []int16) error
}

// ErrSilent is what Speak returns for tokens that have no sound.
var ErrSilent = errors.New("the tokens have no sound")

// Speak synthesises tokens as one utterance at speed times the voice's own rate, and returns when to has got all audio. The
// goroutine is in C code meanwhile, except for calls of to.
//
// When ctx is done it stops and returns its cause: at once while audio comes, within about 20 ms for each 300 characters
// (on a core of 2026) in the analysis before. An error of to.Audio is returned as it is.
func (v *Voice) Speak(ctx context.Context, tokens []Token, speed float64, to Receiver) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	r := &reception{to: to, rate: v.SampleRate}
	handle := cgo.NewHandle(r)
	defer handle.Delete()
	s := &session{c: C.orotund_session_new(C.uintptr_t(handle))}
	if s.c == nil {
		return errors.New("no memory for an utterance")
	}
	defer s.free()
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()

	packed := pack(tokens)
	defer C.free(unsafe.Pointer(packed))
	switch rc := C.orotund_speak(s.c, v.voice, packed, C.int(len(tokens)), C.float(1/speed)); {
	case r.err != nil:
		return r.err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case rc == C.OROTUND_SILENT:
		return ErrSilent
	case rc != C.OROTUND_SPOKEN:
		return fmt.Errorf("flite did not finish an utterance of %d tokens (result %d)", len(tokens), int(rc))
	}
	return nil
}

// pack lays out tokens for orotund_speak, in memory of C.
func pack(tokens []Token) *C.char {
	var b strings.Builder
	for _, t := range tokens {
		for _, part := range []string{t.Name, t.Pre, t.Post} {
			b.WriteString(part)
			b.WriteByte(0)
		}
	}
	return C.CString(b.String())
}

// session keeps cancel and free apart: a context may end while an utterance does.
type session struct {
	mu sync.Mutex
	c  *C.struct_orotund_session
}

func (s *session) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		C.orotund_cancel(s.c)
	}
}

func (s *session) free() {
	s.mu.Lock()
	defer s.mu.Unlock()
	C.orotund_session_free(s.c)
	s.c = nil
}

// reception is the Go side of an utterance's callbacks.
type reception struct {
	to   Receiver
	rate int
	err  error // the receiver's
}

//export orotundSpans
func orotundSpans(receiver C.uintptr_t, spans *C.float, count C.int) {
	r := cgo.Handle(receiver).Value().(*reception)
	out := make([]Span, count)
	seconds := unsafe.Slice((*float32)(unsafe.Pointer(spans)), 2*int(count))
	for i := range out {
		if seconds[2*i] < 0 {
			out[i] = Span{Begin: -1, End: -1}
			continue
		}
		out[i] = Span{
			Begin: int64(float64(seconds[2*i]) * float64(r.rate)),
			End:   int64(float64(seconds[2*i+1]) * float64(r.rate)),
		}
	}
	r.to.Spans(out)
}

//export orotundAudio
func orotundAudio(receiver C.uintptr_t, samples *C.int16_t, count C.int) C.int {
	r := cgo.Handle(receiver).Value().(*reception)
	if r.err = r.to.Audio(unsafe.Slice((*int16)(unsafe.Pointer(samples)), int(count))); r.err != nil {
		return 0
	}
	return 1
}
