// Package audio works on samples: conversion, resampling, changes of speed and pitch, loudness, peaks, and the joins between
// segments. Inside, a signal is mono float32 with full scale from -1 to 1; at the borders it is signed 16-bit little-endian PCM.
// Processors are state machines of one stream: they append to the caller's buffer or work in place, keep no reference to it,
// start no goroutine, and give the same samples however the input is cut up.
//
// Pitch is not a processor of its own. Audio that is raised by a factor f and made s times as fast goes through a Stretcher of
// speed s/f, and then a Resampler that takes its rate to be f times what it is.
package audio

import (
	"fmt"

	"github.com/orotund/orotund/internal/speech"
)

// checkRate returns an error where what cannot be done at a sample rate in Hz.
func checkRate(what string, rate int) error {
	if rate < speech.MinSampleRate || rate > speech.MaxSampleRate {
		return fmt.Errorf("%s at %d Hz: rates are from %d to %d Hz", what, rate, speech.MinSampleRate, speech.MaxSampleRate)
	}
	return nil
}
