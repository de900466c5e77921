package audio

import "math"

// Gain multiplies the samples of x by factor, in place. It does not clip: that is the Limiter's work.
func Gain(x []float32, factor float32) {
	for i := range x {
		x[i] *= factor
	}
}

// Decibels returns the factor of a gain in dB: 1 for 0, about 2 for 6.
func Decibels(db float64) float32 { return float32(math.Pow(10, db/20)) }
