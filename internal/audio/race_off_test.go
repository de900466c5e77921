//go:build !race

package audio

// seamJoins is how many joins TestSeams makes.
const seamJoins = 10000
