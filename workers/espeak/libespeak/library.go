// SPDX-License-Identifier: GPL-3.0-or-later

// Package libespeak is the C library libespeak-ng in Go, as far as a speech engine needs it: the voices, and speaking a text
// into a sink, cancellable. The library's state is global, so a process opens it once and speaks one text at a time.
package libespeak

/*
#cgo LDFLAGS: -lespeak-ng
#include <stdint.h>
#include <stdlib.h>
#include <espeak-ng/speak_lib.h>

extern int orotundSynthCallback(short *wav, int samples, espeak_EVENT *events);

static void setCallback(void) { espeak_SetSynthCallback(orotundSynthCallback); }

// The handle travels as user_data, which every event carries, the one that ends a list too.
static espeak_ERROR speak(const char *text, size_t size, uintptr_t handle) {
	return espeak_Synth(text, size, 0, POS_CHARACTER, 0, espeakCHARS_UTF8 | espeakENDPAUSE, NULL, (void *)handle);
}
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"unsafe"
)

// bufferMS is the length of the library's audio buffer. Its least is about 49 ms, whatever less is asked for.
const bufferMS = 20

// opened keeps a process from initialising the library twice, which it does not survive. The state it guards is the library's.
var opened atomic.Bool

// Library is the open library. Its methods may be called from several goroutines; they run one after another.
type Library struct {
	version    string
	sampleRate int
	voices     []Voice

	mu       sync.Mutex
	voice    string // identifier of the current voice
	rate     int    // current rate in words a minute
	stopped  bool   // the last text was broken off: see reset
	text     []byte // the text for C, reused
	phonemes map[[8]byte]string
}

// Open initialises the library and reads its list of voices. It can succeed once in a process.
func Open() (*Library, error) {
	if opened.Swap(true) {
		return nil, errors.New("libespeak: the library can be opened once in a process")
	}
	rate := int(C.espeak_Initialize(C.AUDIO_OUTPUT_SYNCHRONOUS, bufferMS, nil,
		C.espeakINITIALIZE_PHONEME_EVENTS|C.espeakINITIALIZE_PHONEME_IPA|C.espeakINITIALIZE_DONT_EXIT))
	var path *C.char
	version := C.GoString(C.espeak_Info(&path))
	if rate <= 0 {
		return nil, fmt.Errorf("libespeak: initialise espeak-ng %s: no data in %s (is the package espeak-ng-data installed?)", version, C.GoString(path))
	}
	C.setCallback()
	l := &Library{version: version, sampleRate: rate, phonemes: make(map[[8]byte]string)}
	if l.voices = listVoices(); len(l.voices) == 0 {
		return nil, fmt.Errorf("libespeak: espeak-ng %s has no voices in %s (is the package espeak-ng-data installed?)", version, C.GoString(path))
	}
	return l, nil
}

// Version returns the library's version, for example "1.51".
func (l *Library) Version() string { return l.version }

// SampleRate returns the rate of all audio in Hz: 22050.
func (l *Library) SampleRate() int { return l.sampleRate }

// Voices returns the voices that need nothing but the library's data, in its order. The slice must not be changed.
func (l *Library) Voices() []Voice { return l.voices }

// Kind says what an Event marks; the numbers are the library's.
type Kind int

// Kinds of event. The others that the library has do not occur in plain text.
const (
	Word     Kind = C.espeakEVENT_WORD     // a word begins
	Sentence Kind = C.espeakEVENT_SENTENCE // a sentence begins
	End      Kind = C.espeakEVENT_END      // a clause ends
	Phoneme  Kind = C.espeakEVENT_PHONEME  // a phoneme or a pause begins
)

// Event is a point in the audio that belongs to a point in the text. The library is not exact about the text: it reports words
// inside of numbers it spells out, and spans that overlap.
type Event struct {
	Kind     Kind
	Position int    // Unicode characters before it, from 0; -1 where the library knows none
	Length   int    // of a word, in characters
	Sample   int64  // samples before it, from 0
	Phoneme  string // in IPA; empty for a pause
}

// Sink takes what is spoken, in order. An error ends the speaking. Neither call may use the Library.
type Sink interface {
	// Audio gets signed 16-bit mono samples in the library's own memory, valid until it returns.
	Audio(samples []int16) error
	// Event gets an event. It may come before the audio that it belongs to, never after it.
	Event(e Event) error
}

// Speak speaks text with a voice, by identifier, at a rate in words a minute (80 to 450; 175 is the voices' own), into sink. The
// text is plain: no character in it is an instruction. It returns when all is spoken, ctx is done, or sink returns an error; the
// last two end it within one buffer of audio (under a millisecond).
func (l *Library) Speak(ctx context.Context, voice string, rate int, text string, sink Sink) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.reset(); err != nil {
		return err
	}
	if err := l.prepare(voice, rate); err != nil {
		return err
	}
	s := &session{ctx: ctx, sink: sink, phonemes: l.phonemes}
	if err := l.synth(text, s); err != nil {
		return err
	}
	l.stopped = s.err != nil
	return s.err
}

// reset puts the sound generator at rest after a text was broken off. It keeps its place in the sound it was making (samples
// left of a frame, a noise to mix in), and only a pause in the next text would end that: so it speaks a comma to nobody.
func (l *Library) reset() error {
	if !l.stopped {
		return nil
	}
	l.stopped = false
	return l.synth(",", &session{ctx: context.Background(), sink: nobody{}, phonemes: l.phonemes})
}

// prepare sets voice and rate where they differ from the current ones: a change of voice reads files.
func (l *Library) prepare(voice string, rate int) error {
	if l.voice != voice {
		name := C.CString(voice)
		defer C.free(unsafe.Pointer(name))
		l.voice = "" // whatever it is after a failure
		if e := C.espeak_SetVoiceByName(name); e != C.EE_OK {
			return fmt.Errorf("libespeak: set the voice %s: error %d", voice, int(e))
		}
		l.voice, l.rate = voice, 0 // a voice may bring a speed of its own, which stays for those after it
	}
	if l.rate != rate {
		if e := C.espeak_SetParameter(C.espeakRATE, C.int(rate), 0); e != C.EE_OK {
			return fmt.Errorf("libespeak: set the rate to %d: error %d", rate, int(e))
		}
		l.rate = rate
	}
	return nil
}

// synth speaks text in one call of the library. What went wrong in the session stands in s.err.
func (l *Library) synth(text string, s *session) error {
	l.text = appendPlain(l.text[:0], text)
	l.text = append(l.text, 0)
	handle := cgo.NewHandle(s)
	defer handle.Delete()
	e := C.speak((*C.char)(unsafe.Pointer(&l.text[0])), C.size_t(len(l.text)), C.uintptr_t(handle))
	if e != C.EE_OK && s.err == nil {
		return fmt.Errorf("libespeak: speak %d bytes: error %d", len(text), int(e))
	}
	return nil
}
