// Package audio works on samples: conversion, resampling and changes of speed. Inside, a signal is mono float32 with full scale
// from -1 to 1; at the borders it is signed 16-bit little-endian PCM. Processors are state machines of one stream: they append
// to the caller's buffer, keep no reference to it, start no goroutine, and give the same samples however the input is cut up.
package audio
