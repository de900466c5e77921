package audio

import (
	"fmt"
	"math"

	"github.com/orotund/orotund/internal/speech"
)

const (
	maxLevelGain  = 24.0  // dB, up or down
	glidePerSec   = 3.0   // dB: slower than speech changes by itself
	assumedVoice  = -20.0 // LUFS of a voice of which nothing is known; engines of all kinds lie around it
	maxPriorSpeak = 3600  // seconds of speech heard before that count
)

// Leveller brings segments of different voices, one after another in one stream, to one loudness. A voice that is known gets a
// fixed gain, which changes only where a segment begins. One that is not known well is measured by ITU-R BS.1770-4 while it speaks,
// and the gain glides, by 3 dB a second at most, to where it should be. Peaks may rise above full scale: a Limiter follows. It is
// used by one goroutine at a time.
type Leveller struct {
	target float64
	glide  float64 // factor of the gain from one sample to the next, at most
	hop    int     // samples between looks at the meter
	meter  *Loudness

	loudness, seconds float64 // what was known when the segment began
	measures          bool
	fill              int     // samples since the last look
	gain, goal        float64 // factors
}

// NewLeveller returns a leveller for a stream at sampleRate Hz that brings voices to target LUFS, from speech.MinLoudness to
// speech.MaxLoudness. Before the first Begin it changes nothing.
func NewLeveller(sampleRate int, target float64) (*Leveller, error) {
	if !(target >= speech.MinLoudness && target <= speech.MaxLoudness) {
		return nil, fmt.Errorf("level to %g LUFS: loudness is from %g to %g", target, speech.MinLoudness, speech.MaxLoudness)
	}
	meter, err := NewLoudness(sampleRate)
	if err != nil {
		return nil, err
	}
	return &Leveller{
		target: target,
		glide:  math.Pow(10, glidePerSec/20/float64(sampleRate)),
		hop:    loudnessHop(sampleRate),
		meter:  meter,
		gain:   1,
		goal:   1,
	}, nil
}

// Begin tells that a segment begins, whose voice is known to be at loudness LUFS, from seconds of speech that were heard of it.
// math.Inf(1) seconds: that is declared; nothing is measured, and the gain is fixed. 0: nothing is known, and loudness is ignored;
// the gain begins as for a usual voice. The gain changes here, at once, by no more than 24 dB up or down.
func (l *Leveller) Begin(loudness, seconds float64) {
	if !(seconds > 0) || math.IsNaN(loudness) || math.IsInf(loudness, 0) {
		loudness, seconds = assumedVoice, 0
	}
	l.measures = !math.IsInf(seconds, 1)
	if l.measures {
		seconds = min(seconds, maxPriorSpeak)
		l.meter.Reset()
	}
	l.loudness, l.seconds, l.fill = loudness, seconds, 0
	l.goal = l.factor(loudness)
	l.gain = l.goal
}

// factor is the gain for a voice at loudness LUFS.
func (l *Leveller) factor(loudness float64) float64 {
	return math.Pow(10, max(-maxLevelGain, min(maxLevelGain, l.target-loudness))/20)
}

// Process levels the samples of x, in place. There is no delay.
func (l *Leveller) Process(x []float32) {
	if !l.measures {
		if l.gain != 1 {
			Gain(x, float32(l.gain))
		}
		return
	}
	for len(x) > 0 {
		n := min(len(x), l.hop-l.fill)
		l.meter.Write(x[:n])
		l.apply(x[:n])
		x = x[n:]
		if l.fill += n; l.fill == l.hop {
			l.fill = 0
			if loudness, seconds := l.Measured(); seconds > 0 {
				l.goal = l.factor(loudness)
			}
		}
	}
}

// apply multiplies x by the gain on its way to the goal.
func (l *Leveller) apply(x []float32) {
	if l.gain == l.goal {
		if l.gain != 1 {
			Gain(x, float32(l.gain))
		}
		return
	}
	for i := range x {
		if l.gain < l.goal {
			l.gain = min(l.gain*l.glide, l.goal)
		} else {
			l.gain = max(l.gain/l.glide, l.goal)
		}
		x[i] *= float32(l.gain)
	}
}

// Measured returns what is known of the voice now, from before and from this segment together: its loudness in LUFS, and the
// seconds of speech that this comes from, 0 as long as nothing is known. Less than 400 ms of speech in a segment tell nothing (700 ms
// where there is no silence around it). What was declared stays.
func (l *Leveller) Measured() (loudness, seconds float64) {
	if !l.measures {
		return l.loudness, l.seconds
	}
	heard, blocks := l.meter.gated()
	if blocks < hopsPerBlock { // the first blocks of speech after silence hold less of it
		return l.loudness, l.seconds
	}
	now := float64(blocks) / loudnessHops
	sum := l.seconds*math.Pow(10, l.loudness/10) + now*math.Pow(10, heard/10)
	return 10 * math.Log10(sum/(l.seconds+now)), l.seconds + now
}
