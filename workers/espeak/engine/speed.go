// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"math"
	"strings"
)

// The range of speeds that the library holds. Further out the voices differ too much in how they follow a rate, and Orotund
// stretches the audio itself.
const (
	minSpeed = 0.5
	maxSpeed = 1.5
)

// point says which rate, in words a minute, makes audio of 1/speed the length.
type point struct{ speed, rate float64 }

// calibration is the mean of ten voices of espeak-ng 1.51 (en-us, cmn-latn-pinyin, de, fr, es, ru, hi, ja, yue, vi), measured by
// the length of the audio: the library shortens sounds and pauses by tables, so a rate is not proportional to speed.
func calibration() [12]point {
	return [...]point{
		{0.4, 82.5}, {0.45, 86}, {0.5, 93.5}, {0.55, 101.5}, {0.6, 110}, {0.7, 126.5}, {0.8, 143}, {0.9, 159.5}, {1, 175},
		{1.25, 213.5}, {1.5, 251}, {1.75, 288},
	}
}

// pace is the exponent to put on a speed for a voice of language, a BCP 47 tag. How much a text follows the rate depends on its
// vowels and pauses; these were fitted over two or three sentences of each language. With them the length is within 7 % of what
// the speed promises, in Russian 10 %. A language that is not here was not measured.
func pace(language string) float64 {
	primary, _, _ := strings.Cut(language, "-")
	p, is := map[string]float64{
		"ar": 1.08, "de": 1.06, "en": 1.03, "es": 1.12, "hi": 0.95, "it": 1.10, "ja": 0.97, "ko": 1.04, "pt": 1.04, "ru": 1.16,
		"yue": 0.92, "zh": 0.89,
	}[primary]
	if !is {
		return 1
	}
	return p
}

// wordsPerMinute returns the rate for a speed from minSpeed to maxSpeed, in a voice of that pace.
func wordsPerMinute(speed, pace float64) int {
	speed = math.Pow(speed, pace)
	points := calibration()
	for i := 1; i < len(points); i++ {
		if a, b := points[i-1], points[i]; speed <= b.speed {
			return int(math.Round(a.rate + (speed-a.speed)/(b.speed-a.speed)*(b.rate-a.rate)))
		}
	}
	return int(points[len(points)-1].rate)
}
