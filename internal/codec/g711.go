package codec

import (
	"math/bits"
	"sync"
)

// The laws of ITU-T G.711. Its decision values are those of a uniform code of 14 bits (µ-law) and 13 bits (A-law, of which the last never
// counts), so that a table of the sample's upper bits tells the code. What is exactly on a negative decision value goes to the smaller level, as in
// the reference implementation (ITU-T G.191): in two's complement that is the one cut that the upper bits can make. ffmpeg and sox cut
// some samples otherwise, each in its own way and by one step at most.
const (
	muLawDrop = 2 // bits that do not count, of 16
	aLawDrop  = 4
)

// law turns samples into codes.
type law struct {
	drop  int
	codes []byte // by the sample's upper bits, as an unsigned number
}

func (l *law) code(lo, hi byte) byte { return l.codes[(uint16(lo)|uint16(hi)<<8)>>l.drop] }

var (
	muLaw = sync.OnceValue(func() *law { return newLaw(muLawDrop, muLawCode) })
	aLaw  = sync.OnceValue(func() *law { return newLaw(aLawDrop, aLawCode) })
)

func newLaw(drop int, code func(int) byte) *law {
	l := &law{drop: drop, codes: make([]byte, 1<<(16-drop))}
	for i := range l.codes {
		l.codes[i] = code(int(int16(i << drop)))
	}
	return l
}

// muLawCode returns the code of a 16-bit sample: sign, segment and step, all inverted. Segment n reaches up to 64<<n, less the 33 by which
// the curve is shifted, in units of the 14-bit code.
func muLawCode(v int) byte {
	const shift, top = 33, 1<<13 - 1
	sign, m := 0x80, v
	if v < 0 {
		sign, m = 0, ^v
	}
	m = min(m>>muLawDrop+shift, top)
	segment := bits.Len(uint(m)) - 6
	return byte(sign | (^(segment<<4 | m>>(segment+1)&15))&0x7F)
}

// aLawCode returns the code of a 16-bit sample: sign, segment and step, every other bit inverted. Segments 0 and 1 have steps of the same
// size; each later one doubles it.
func aLawCode(v int) byte {
	sign, m := 0x80, v
	if v < 0 {
		sign, m = 0, ^v
	}
	m >>= aLawDrop
	segment := max(bits.Len(uint(m))-4, 0)
	return byte(sign|segment<<4|m>>max(segment-1, 0)&15) ^ 0x55
}
