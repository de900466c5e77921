package flac

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// signal is a kind of audio for tests, n samples at rate Hz.
type signal struct {
	name string
	make func(rate, n int) []int16
}

// signals are what an encoder may meet: all of speech's neighbours and its enemies.
func signals() []signal {
	return []signal{
		{"speech", voice},
		{"silence", func(_, n int) []int16 { return make([]int16, n) }},
		{"lowest", func(_, n int) []int16 { return fill(n, func(int) int { return math.MinInt16 }) }},
		{"dc", func(_, n int) []int16 { return fill(n, func(int) int { return 12345 }) }},
		{"square", func(rate, n int) []int16 {
			return fill(n, func(i int) int { return pick(i*2*440/rate%2 == 0, math.MaxInt16, math.MinInt16) })
		}},
		{"nyquist", func(_, n int) []int16 {
			return fill(n, func(i int) int { return pick(i%2 == 0, math.MaxInt16, math.MinInt16) })
		}},
		{"impulses", func(_, n int) []int16 {
			return fill(n, func(i int) int { return pick(i%1000 == 700, math.MinInt16, 0) })
		}},
		{"step", func(_, n int) []int16 {
			return fill(n, func(i int) int { return pick(i < 700, math.MinInt16, math.MaxInt16) })
		}},
		{"ramp", func(_, n int) []int16 { return fill(n, func(i int) int { return i*3%65536 - 32768 }) }},
		{"sine", func(rate, n int) []int16 {
			return fill(n, func(i int) int { return int(32767 * math.Sin(2*math.Pi*997*float64(i)/float64(rate))) })
		}},
		{"chord", func(rate, n int) []int16 {
			return fill(n, func(i int) int {
				t := 2 * math.Pi * float64(i) / float64(rate)
				return int(5000 * (math.Sin(700*t) + math.Sin(1234*t) + math.Sin(2718*t) + math.Sin(3500*t)))
			})
		}},
		{"noise", func(_, n int) []int16 { return random(n, func(r *rand.Rand) int { return r.IntN(65536) - 32768 }) }},
		{"hiss", func(_, n int) []int16 { return random(n, func(r *rand.Rand) int { return r.IntN(3) - 1 }) }},
		{"hum then silence", func(rate, n int) []int16 {
			return fill(n, func(i int) int { return pick(i%1500 < 800, int(9000*math.Sin(float64(i)*300/float64(rate))), 0) })
		}},
		{"few bits", func(_, n int) []int16 { return random(n, func(r *rand.Rand) int { return (r.IntN(16) - 8) << 12 }) }},
		{"one bit", func(_, n int) []int16 { return random(n, func(r *rand.Rand) int { return -(r.IntN(2) << 15) }) }},
		{"louder than it seems", louderThanItSeems},
	}
}

// louderThanItSeems returns samples of which the estimate from sums promises less than Rice coding takes, and than bare samples take.
func louderThanItSeems(_, n int) []int16 {
	return random(n, func(r *rand.Rand) int {
		v := 8192 + r.IntN(4000)
		return pick(r.IntN(2) == 0, v, -v-1)
	})
}

func pick(first bool, a, b int) int {
	if first {
		return a
	}
	return b
}

func fill(n int, at func(i int) int) []int16 {
	x := make([]int16, n)
	for i := range x {
		x[i] = int16(at(i))
	}
	return x
}

// random gives the same samples in every run.
func random(n int, next func(*rand.Rand) int) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	return fill(n, func(int) int { return next(r) })
}

// voice imitates speech: pulses of a gliding pitch through three resonances that move, in syllables, with breath, hisses and pauses.
func voice(rate, n int) []int16 {
	r := rand.New(rand.NewPCG(3, 4))
	var state [3][2]float64
	phase := 0.0
	return fill(n, func(i int) int {
		t := float64(i) / float64(rate)
		syllable := math.Mod(t, 0.25) / 0.25
		phase += (120 + 30*math.Sin(2*math.Pi*0.7*t)) / float64(rate)
		source := 0.002 * r.NormFloat64()
		if phase >= 1 {
			phase--
			source++
		}
		switch {
		case math.Mod(t, 2) > 1.7: // pause
			source = 0.001 * r.NormFloat64()
		case syllable < 0.2: // hiss
			source = 0.15 * r.NormFloat64()
		default:
			source *= math.Sin(math.Pi * (syllable - 0.2) / 0.8)
		}
		out := 0.0
		for f, center := range []float64{500 + 300*math.Sin(3*t), 1500 + 600*math.Sin(5*t), 2600} {
			s := &state[f]
			radius := math.Exp(-math.Pi * 90 / float64(rate))
			v := source + 2*radius*math.Cos(2*math.Pi*center/float64(rate))*s[0] - radius*radius*s[1]
			s[0], s[1] = v, s[0]
			out += v / float64(f+1)
		}
		return int(max(-32768, min(32767, 1000*out)))
	})
}

// pcmOf returns samples as bytes.
func pcmOf(x []int16) []byte {
	out := make([]byte, 0, 2*len(x))
	for _, v := range x {
		out = binary.LittleEndian.AppendUint16(out, uint16(v))
	}
	return out
}
