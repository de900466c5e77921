// SPDX-License-Identifier: GPL-3.0-or-later

package libespeak

/*
#include <espeak-ng/speak_lib.h>
*/
import "C"

import (
	"strings"
	"unsafe"
)

// Bounds of the lists that the library returns, in case one is not terminated.
const (
	maxVoices    = 4096
	maxLanguages = 64
)

// Gender as the voice's file gives it; the numbers are the library's.
type Gender int

// Genders.
const (
	Unspecified Gender = 0
	Male        Gender = 1
	Female      Gender = 2
)

// Voice describes a voice as the library lists it.
type Voice struct {
	Identifier string   // its file, for example "gmw/en-US"; Speak takes it
	Name       string   // for example "English (America)"
	Languages  []string // lower-case tags, the library's own ones, its order
	Gender     Gender
}

// burmese is the voice that ends the process ("buffer overflow detected", espeak-ng 1.51) with a sentence of some length.
const burmese = "sit/my"

// listVoices reads the library's list, without the mbrola voices, which need another program that speaks at other rates, and without the
// one that crashes.
func listVoices() []Voice {
	list := C.espeak_ListVoices(nil)
	if list == nil {
		return nil
	}
	var out []Voice
	for _, v := range unsafe.Slice(list, maxVoices) {
		if v == nil {
			break
		}
		identifier := C.GoString(v.identifier)
		if strings.HasPrefix(identifier, "mb/") || strings.HasPrefix(identifier, "mb-") || identifier == burmese {
			continue
		}
		out = append(out, Voice{
			Identifier: identifier,
			Name:       strings.TrimSpace(C.GoString(v.name)),
			Languages:  languages(v.languages),
			Gender:     Gender(v.gender),
		})
	}
	return out
}

// languages reads pairs of a priority byte and a zero-terminated tag, up to a zero priority.
func languages(p *C.char) []string {
	var out []string
	for p != nil && *p != 0 && len(out) < maxLanguages {
		tag := C.GoString((*C.char)(unsafe.Add(unsafe.Pointer(p), 1)))
		out = append(out, strings.ToLower(tag))
		p = (*C.char)(unsafe.Add(unsafe.Pointer(p), len(tag)+2))
	}
	return out
}
