package plot

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// tick is a place on an axis and what is written there.
type tick struct {
	at   float64
	text string
}

// timeSteps are the distances of ticks in seconds, beyond the ones of 1, 2 and 5 in each power of ten.
var timeSteps = []float64{10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400}

// timeTicks is at most most ticks of an axis of so many seconds, and the name of what they count.
func timeTicks(seconds float64, most int) ([]tick, string) {
	step := 1e-6
	for i := 0; step < 10 && seconds/step > float64(most); i++ {
		step *= []float64{2, 2.5, 2}[i%3]
	}
	for i := 0; i < len(timeSteps) && seconds/step > float64(most); i++ {
		step = timeSteps[i]
	}
	for seconds/step > float64(most) {
		step *= 2
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	var out []tick
	for i := 0; float64(i)*step <= seconds*(1+1e-9); i++ {
		t := float64(i) * step
		out = append(out, tick{t, clock(t, decimals, seconds)})
	}
	switch {
	case seconds >= 3600:
		return out, "hours:minutes:seconds"
	case seconds >= 60:
		return out, "minutes:seconds"
	}
	return out, "seconds"
}

// clock writes t in the form for an axis of so many seconds.
func clock(t float64, decimals int, seconds float64) string {
	whole := int64(math.Round(t))
	switch {
	case seconds >= 3600:
		return fmt.Sprintf("%d:%02d:%02d", whole/3600, whole/60%60, whole%60)
	case seconds >= 60:
		return fmt.Sprintf("%d:%02d", whole/60, whole%60)
	}
	return strconv.FormatFloat(t, 'f', decimals, 64)
}

// frequencyTicks is round frequencies up to the limit of a rate, in Hz.
func frequencyTicks(rate int) []tick {
	var out []tick
	for _, f := range []float64{0, 200, 500, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12000, 16000, 24000, 48000, 96000} {
		if f > float64(rate)/2 {
			break
		}
		text := strconv.FormatFloat(f, 'f', -1, 64)
		if f >= 1000 {
			text = strconv.FormatFloat(f/1000, 'f', -1, 64) + "k"
		}
		out = append(out, tick{f, text})
	}
	return out
}

// roundUp is the next number from x up that is 1, 2 or 5 times a power of ten.
func roundUp(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, k := range []float64{1, 2, 5} {
		if k*p >= x*(1-1e-9) {
			return k * p
		}
	}
	return 10 * p
}

// inDecibels writes a level with a true minus, and silence in words.
func inDecibels(db float64, unit string) string {
	if math.IsInf(db, -1) {
		return "silent"
	}
	return signed(db, 1) + " " + unit
}

func signed(x float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(x), 'f', decimals, 64)
	if x < 0 && s != strconv.FormatFloat(0, 'f', decimals, 64) {
		return "−" + s
	}
	return s
}

// inSeconds writes a time to the millisecond, as hours:minutes:seconds from a minute on.
func inSeconds(d time.Duration) string {
	seconds := d.Round(time.Millisecond) % time.Minute
	switch minutes := int(d.Round(time.Millisecond) / time.Minute); {
	case minutes >= 60:
		return fmt.Sprintf("%d:%02d:%06.3f", minutes/60, minutes%60, seconds.Seconds())
	case minutes > 0:
		return fmt.Sprintf("%d:%06.3f", minutes, seconds.Seconds())
	}
	return fmt.Sprintf("%.3f s", seconds.Seconds())
}
