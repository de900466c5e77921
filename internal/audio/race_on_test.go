//go:build race

package audio

// With the race detector everything takes ten times as long, so tests do less.
const (
	seamJoins  = 200   // of TestSeams
	sweepSteps = 0.231 // of the Nyquist frequency, of TestResamplerStopBand
)
