// Package libflite binds libflite, Carnegie Mellon's small English synthesiser (version 2.2, package flite1-dev in Debian), and
// adds what a server needs: an utterance can be stopped within a few milliseconds in any phase.
//
// Concurrency: flite keeps its state in the utterance. Two threads that speak at once, with the same voice or with different
// ones, share rand() of the C library alone, which locks (checked with helgrind over all five voices). So the noise in a voice's
// consonants differs from call to call; everything else is the same.
package libflite

/*
#cgo LDFLAGS: -lflite_cmu_us_rms -lflite_cmu_us_slt -lflite_cmu_us_awb -lflite_cmu_us_kal16 -lflite_cmu_us_kal
#cgo LDFLAGS: -lflite_usenglish -lflite_cmulex -lflite -lm
#include "flite.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// voiceNames is in the order of the enum in flite.h.
var voiceNames = []string{"rms", "slt", "awb", "kal16", "kal"}

var initOnce = sync.OnceFunc(func() { C.orotund_flite_init(C.int(runtime.GOMAXPROCS(0))) })

// registry mirrors flite's static table of voices, of which there can be one each, and guards it: registering is not safe from two
// threads.
var registry struct {
	sync.Mutex
	open [5]bool
}

// Version is flite's, for example "2.2".
func Version() string { return C.GoString(C.orotund_flite_version()) }

// Voice is a registered voice. It is safe for concurrent use until Close.
type Voice struct {
	which      C.int
	voice      unsafe.Pointer
	SampleRate int // Hz: 16000, of kal 8000
}

// Open registers a voice by its short name: rms, slt, awb, kal16 or kal. There can be one of each in a process: opening one that is
// open is an error.
func Open(name string) (*Voice, error) {
	which := slices.Index(voiceNames, name)
	if which < 0 {
		return nil, fmt.Errorf("flite has no voice %q", name)
	}
	initOnce()
	registry.Lock()
	defer registry.Unlock()
	if registry.open[which] {
		return nil, fmt.Errorf("the voice %q is open already", name)
	}
	v := &Voice{which: C.int(which)}
	v.voice = C.orotund_register(v.which)
	if v.voice == nil {
		return nil, fmt.Errorf("flite does not register the voice %q", name)
	}
	registry.open[which] = true
	v.SampleRate = int(C.orotund_sample_rate(v.voice))
	return v, nil
}

// Close unregisters the voice. Nothing may speak with it then, or later. It may be called more than once.
func (v *Voice) Close() {
	registry.Lock()
	defer registry.Unlock()
	if v.voice == nil {
		return
	}
	C.orotund_unregister(v.which, v.voice)
	v.voice = nil
	registry.open[v.which] = false
}
