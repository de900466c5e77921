//go:build race

package audio

// seamJoins is how many joins TestSeams makes: fewer where the race detector makes each ten times as slow.
const seamJoins = 500
