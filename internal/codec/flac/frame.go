package flac

import (
	"encoding/binary"
	"math/bits"
)

// Types of subframe, as the 6 bits of its header say (RFC 9639, 9.2.1). Orders are added: from 0 to fixed, from 1 less to linear.
const (
	subframeConstant = 0
	subframeVerbatim = 1
	subframeFixed    = 8
	subframeLinear   = 32
)

// minLinear is the number of samples from which linear prediction is tried: below, its coefficients cost more than they save.
const minLinear = 32

// frameCoder makes the frames of one stream.
type frameCoder struct {
	rate     int
	number   uint32 // of the next frame
	shifted  []int32
	analyser *analyser
	fixed    candidate
	linear   candidate
}

// candidate is a prediction and what it leaves.
type candidate struct {
	residual []uint32 // folded; as long as a block
	rest     []uint32 // what of it the block takes
	plan     ricePlan
	bits     int // of the subframe, estimated
}

func newFrameCoder(rate, block int) *frameCoder {
	return &frameCoder{
		rate: rate, shifted: make([]int32, block), analyser: newAnalyser(block),
		fixed: candidate{residual: make([]uint32, block)}, linear: candidate{residual: make([]uint32, block)},
	}
}

// appendFrame appends the next frame, of the samples x: at least one, at most a block.
func (c *frameCoder) appendFrame(dst []byte, x []int32) ([]byte, error) {
	if c.number == maxFrames {
		return dst, errTooLong
	}
	start := len(dst)
	w := bitWriter{buf: appendFrameHeader(dst, c.rate, len(x), c.number)}
	c.number++
	c.writeSubframe(&w, x)
	w.align()
	return binary.BigEndian.AppendUint16(w.buf, crc16(w.buf[start:])), nil
}

// writeSubframe writes x in the form that takes the fewest bits.
func (c *frameCoder) writeSubframe(w *bitWriter, x []int32) {
	all, differ := int32(0), int32(0)
	for _, v := range x {
		all |= v
		differ |= v ^ x[0]
	}
	if differ == 0 {
		w.put(subframeConstant<<1, 8)
		w.putSigned(x[0], bitsPerSample)
		return
	}
	wasted := bits.TrailingZeros32(uint32(all)) // below 16: not all samples are zero
	if wasted > 0 {
		shifted := c.shifted[:len(x)]
		for i, v := range x {
			shifted[i] = v >> wasted
		}
		x = shifted
	}
	c.writePredicted(w, x, wasted)
}

// writePredicted writes a subframe with the best prediction there is, or with the bare samples if that is shorter.
func (c *frameCoder) writePredicted(w *bitWriter, x []int32, wasted int) {
	width := bitsPerSample - wasted
	order := fixedOrder(x)
	c.fixed.take(fixedResidual(c.fixed.residual, x, order), len(x), order*width)
	best, p, linear := &c.fixed, predictor{}, false
	if len(x) >= minLinear {
		if p, linear = c.analyser.find(x, width); linear {
			c.linear.take(p.residual(c.linear.residual, x), len(x), p.order*(width+int(p.precision))+4+5)
			if linear = c.linear.bits < c.fixed.bits; linear {
				best = &c.linear
			}
		}
	}
	verbatim := len(x) * width
	before := *w
	if best.bits < verbatim {
		if linear {
			p.writeHeader(w, x, wasted)
		} else {
			writeSubframeHeader(w, subframeFixed+uint32(order), wasted)
			writeSamples(w, x[:order], wasted)
		}
		best.plan.write(w, best.rest, len(x))
		if w.length()-before.length() <= verbatim {
			return
		}
		before.buf = w.buf[:len(before.buf)]
		*w = before // the estimate was wrong
	}
	writeSubframeHeader(w, subframeVerbatim, wasted)
	writeSamples(w, x, wasted)
}

// take plans the coding of a residual, for a subframe of size samples that takes head bits besides it.
func (c *candidate) take(residual []uint32, size, head int) {
	c.rest = residual
	c.bits = head + c.plan.plan(residual, size)
}

// writeHeader writes a subframe with linear prediction up to its residual.
func (p *predictor) writeHeader(w *bitWriter, x []int32, wasted int) {
	writeSubframeHeader(w, subframeLinear+uint32(p.order-1), wasted)
	writeSamples(w, x[:p.order], wasted)
	w.put(uint32(p.precision-1), 4)
	w.put(uint32(p.shift), 5)
	for _, c := range p.coefs[:p.order] {
		w.putSigned(c, p.precision)
	}
}

// writeSubframeHeader writes the type, and how many low bits all samples lack: a one, and one less than them in zeros and a one.
func writeSubframeHeader(w *bitWriter, kind uint32, wasted int) {
	if wasted == 0 {
		w.put(kind<<1, 8)
		return
	}
	w.put(kind<<1|1, 8)
	w.put(1, uint(wasted))
}

// writeSamples writes samples as they are, without their wasted bits.
func writeSamples(w *bitWriter, x []int32, wasted int) {
	for _, v := range x {
		w.putSigned(v, uint(bitsPerSample-wasted))
	}
}
