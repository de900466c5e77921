//go:build !race

package audio

// What tests do; less with the race detector.
const (
	seamJoins  = 10000  // of TestSeams
	sweepSteps = 0.0231 // of the Nyquist frequency, of TestResamplerStopBand
)
