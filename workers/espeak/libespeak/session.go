// SPDX-License-Identifier: GPL-3.0-or-later

package libespeak

/*
#include <espeak-ng/speak_lib.h>
*/
import "C"

import (
	"context"
	"runtime/cgo"
	"unicode/utf8"
	"unsafe"
)

// maxPhonemes bounds the cache of phoneme names; all languages together have a few hundred.
const maxPhonemes = 4096

// session is one call of the library: where its audio goes, and how it ended.
type session struct {
	ctx      context.Context
	sink     Sink
	phonemes map[[8]byte]string
	err      error // why it was broken off
}

// nobody is a Sink that drops everything.
type nobody struct{}

// Audio implements Sink.
func (nobody) Audio([]int16) error { return nil }

// Event implements Sink.
func (nobody) Event(Event) error { return nil }

// orotundSynthCallback is called by the library on the goroutine that speaks, with each buffer of audio and the events in it.
// It returns 1 to stop.
//
//export orotundSynthCallback
func orotundSynthCallback(wav *C.short, samples C.int, events *C.espeak_EVENT) C.int {
	s, ok := cgo.Handle(uintptr(events.user_data)).Value().(*session)
	if !ok {
		return 1
	}
	if s.err == nil {
		s.err = s.take(wav, int(samples), events)
	}
	if s.err != nil {
		return 1
	}
	return 0
}

// take hands one buffer to the sink: events first, for they mark points in this audio.
func (s *session) take(wav *C.short, samples int, events *C.espeak_EVENT) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	for e := events; e._type != C.espeakEVENT_LIST_TERMINATED; e = (*C.espeak_EVENT)(unsafe.Add(unsafe.Pointer(e), unsafe.Sizeof(*e))) {
		event := Event{Kind: Kind(e._type), Position: int(e.text_position) - 1, Length: int(e.length), Sample: int64(e.sample)}
		switch event.Kind {
		case Phoneme:
			event.Phoneme = s.phoneme(e.id)
		case Word, Sentence, End:
		default:
			continue
		}
		if err := s.sink.Event(event); err != nil {
			return err
		}
	}
	if wav == nil || samples <= 0 {
		return nil
	}
	return s.sink.Audio(unsafe.Slice((*int16)(unsafe.Pointer(wav)), samples))
}

// phoneme returns the name in the event's eight bytes, which a zero ends if there is room for one. It makes each string once.
func (s *session) phoneme(id [8]byte) string {
	if name, ok := s.phonemes[id]; ok {
		return name
	}
	n := 0
	for n < len(id) && id[n] != 0 {
		n++
	}
	name := string(id[:n])
	if !utf8.ValidString(name) { // cut inside a character: the field is too short for some
		name = ""
	}
	if len(s.phonemes) < maxPhonemes {
		s.phonemes[id] = name
	}
	return name
}

// appendPlain appends text to dst with one space for each control character but tab and line ends. The library takes the
// character 1 for the beginning of a command ("\x01+50S" sets its speed, for all texts that follow), and 0 for the end.
func appendPlain(dst []byte, text string) []byte {
	start := len(dst)
	dst = append(dst, text...)
	for i, c := range dst[start:] {
		if isControl(c) {
			dst[start+i] = ' '
		}
	}
	return dst
}

// Controls returns how many characters of text are not spoken but replaced by spaces.
func Controls(text string) int {
	n := 0
	for i := range len(text) {
		if isControl(text[i]) {
			n++
		}
	}
	return n
}

func isControl(c byte) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f }
