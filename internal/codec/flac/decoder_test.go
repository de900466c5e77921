package flac

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A decoder of mono streams of 16 bits, written from RFC 9639 apart from the encoder: it shares no code or table with it. It refuses what the
// format does not allow in the streamable subset, what decoders are known to stumble over (escape codes, parameters of 5 bits), and sums
// that do not fit 32 bits.

// decoded is what a stream holds.
type decoded struct {
	rate    int
	block   int
	comment []byte // of the VORBIS_COMMENT block; nil: none
	frames  []decodedFrame
	samples []int16
}

// decodedFrame describes one frame.
type decodedFrame struct {
	kind       string // constant, verbatim, fixed or linear
	order      int
	wasted     int
	partitions int
	size       int // samples
	bytes      int
}

// bitReader reads the bits of data. Past its end it gives zeros, and failed is set.
type bitReader struct {
	data   []byte
	at     int // bit
	failed bool
}

func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		if r.at/8 >= len(r.data) {
			r.failed = true
			return 0
		}
		v = v<<1 | uint32(r.data[r.at/8]>>(7-r.at%8))&1
		r.at++
	}
	return v
}

func (r *bitReader) signed(n int) int64 { return int64(int32(r.bits(n)<<(32-n)) >> (32 - n)) }

// unary counts zeros up to a one.
func (r *bitReader) unary() (n int64) {
	for r.bits(1) == 0 && !r.failed {
		n++
	}
	return n
}

// zeros tells whether all of the next n bytes are 0.
func (r *bitReader) zeros(n int) bool {
	all := true
	for range n {
		all = r.bits(8) == 0 && all
	}
	return all
}

// decode decodes a whole stream.
func decode(data []byte) (*decoded, error) {
	d := &decoded{}
	rest, err := d.header(data)
	if err != nil {
		return nil, err
	}
	for number := uint32(0); len(rest) > 0; number++ {
		n, err := d.frame(rest, number)
		if err != nil {
			return nil, fmt.Errorf("frame %d, %d bytes before the end: %w", number, len(rest), err)
		}
		rest = rest[n:]
	}
	for n, f := range d.frames {
		if f.size > d.block || f.size < d.block && n < len(d.frames)-1 {
			return nil, fmt.Errorf("frame %d of %d has %d samples, not %d", n, len(d.frames), f.size, d.block)
		}
	}
	return d, nil
}

func (d *decoded) header(data []byte) ([]byte, error) {
	if len(data) < 4+4+34 || string(data[:4]) != "fLaC" || data[4]&0x7F != 0 || data[5] != 0 || data[6] != 0 || data[7] != 34 {
		return nil, errors.New("no STREAMINFO at the beginning")
	}
	last := data[4]&0x80 != 0
	r := &bitReader{data: data[8:42]}
	smallest, largest := r.bits(16), r.bits(16)
	frames := r.zeros(6)
	rate, channels, bits := r.bits(20), r.bits(3)+1, r.bits(5)+1
	total := r.bits(4)
	rest := r.zeros(4 + 16) // of the total, and the checksum
	if smallest != largest || smallest < 16 || smallest > 4608 || channels != 1 || bits != 16 || total != 0 || !frames || !rest {
		return nil, fmt.Errorf("STREAMINFO % x", data[8:42])
	}
	d.rate, d.block = int(rate), int(smallest)
	for data = data[42:]; !last; {
		if len(data) < 4 {
			return nil, errors.New("metadata without end")
		}
		last = data[0]&0x80 != 0
		n := int(data[1])<<16 | int(data[2])<<8 | int(data[3])
		if data[0]&0x7F != 4 || d.comment != nil || 4+n > len(data) {
			return nil, fmt.Errorf("metadata block % x", data[:4])
		}
		d.comment = data[4 : 4+n]
		data = data[4+n:]
	}
	return data, nil
}

// frame decodes the frame at the beginning of data and returns its length.
func (d *decoded) frame(data []byte, number uint32) (int, error) {
	r := &bitReader{data: data}
	if sync := r.bits(16); sync != 0xFFF8 {
		return 0, fmt.Errorf("sync code %#x", sync)
	}
	sizeCode, rateCode := r.bits(4), r.bits(4)
	if shape := r.bits(8); shape != 0x08 { // mono, 16 bits
		return 0, fmt.Errorf("channels and bits %#x", shape)
	}
	if got := codedNumber(r); got != number {
		return 0, fmt.Errorf("frame number %d", got)
	}
	size := decodeSize(r, sizeCode)
	if rate := decodeRate(r, rateCode); rate != d.rate {
		return 0, fmt.Errorf("rate %d, code %d", rate, rateCode)
	}
	if want := remainder(data[:r.at/8], 8, 0x07); r.bits(8) != want {
		return 0, errors.New("CRC-8")
	}
	info := decodedFrame{size: size}
	if err := d.subframe(r, &info); err != nil {
		return 0, err
	}
	if pad := r.bits((8 - r.at%8) % 8); pad != 0 {
		return 0, errors.New("padding is not zero")
	}
	if want := remainder(data[:min(r.at/8, len(data))], 16, 0x8005); r.bits(16) != want || r.failed {
		return 0, errors.New("CRC-16")
	}
	info.bytes = r.at / 8
	d.frames = append(d.frames, info)
	return info.bytes, nil
}

// codedNumber reads a number, and gives one that cannot be for a form that is longer than need be.
func codedNumber(r *bitReader) uint32 {
	const invalid = 1 << 31
	ones := 0
	for r.bits(1) == 1 && ones < 8 {
		ones++
	}
	if ones == 0 {
		return r.bits(7)
	}
	if ones == 1 || ones > 6 {
		return invalid
	}
	n := r.bits(7 - ones)
	for range ones - 1 {
		if r.bits(2) != 2 {
			return invalid
		}
		n = n<<6 | r.bits(6)
	}
	if shortest := []uint32{0x80, 0x800, 0x10000, 0x200000, 0x4000000}[ones-2]; n < shortest {
		return invalid
	}
	return n
}

func decodeSize(r *bitReader, code uint32) int {
	switch {
	case code == 1:
		return 192
	case code >= 2 && code <= 5:
		return 144 << code
	case code == 6:
		return int(r.bits(8)) + 1
	case code == 7:
		return int(r.bits(16)) + 1
	}
	return 1 << code // 0 is reserved and gives a block that no stream has
}

func decodeRate(r *bitReader, code uint32) int {
	switch code {
	case 12:
		return int(r.bits(8)) * 1000
	case 13:
		return int(r.bits(16))
	case 14:
		return int(r.bits(16)) * 10
	}
	return map[uint32]int{4: 8000, 5: 16000, 6: 22050, 7: 24000, 8: 32000, 9: 44100, 10: 48000}[code]
}

// remainder divides by a polynomial of width bits, bit by bit.
func remainder(data []byte, width int, polynomial uint32) (c uint32) {
	for _, b := range data {
		for bit := 7; bit >= 0; bit-- {
			carry := c>>(width-1) ^ uint32(b>>bit)&1
			c = c << 1 & (1<<width - 1)
			if carry != 0 {
				c ^= polynomial
			}
		}
	}
	return c
}

func (d *decoded) subframe(r *bitReader, info *decodedFrame) error {
	if r.bits(1) != 0 {
		return errors.New("reserved bit of the subframe")
	}
	kind := int(r.bits(6))
	if r.bits(1) == 1 {
		info.wasted = int(r.unary()) + 1
	}
	width := 16 - info.wasted
	if width < 1 {
		return fmt.Errorf("%d wasted bits", info.wasted)
	}
	x := make([]int64, info.size)
	var err error
	switch {
	case kind == 0:
		info.kind = "constant"
		v := r.signed(width)
		for i := range x {
			x[i] = v
		}
	case kind == 1:
		info.kind = "verbatim"
		for i := range x {
			x[i] = r.signed(width)
		}
	case kind >= 8 && kind <= 12:
		info.kind, info.order = "fixed", kind-8
		coefs := [][]int64{{}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}}[info.order]
		err = predicted(r, x, width, info, func() ([]int64, int) { return coefs, 0 })
	case kind >= 32 && kind < 44:
		info.kind, info.order = "linear", kind-31
		err = predicted(r, x, width, info, func() ([]int64, int) { return linearCoefs(r, info.order) })
	default:
		err = fmt.Errorf("subframe type %d", kind)
	}
	if err != nil || r.failed {
		return errors.Join(err, errIf(r.failed, "the data ends in the subframe"))
	}
	for _, v := range x {
		if v < -1<<(width-1) || v >= 1<<(width-1) {
			return fmt.Errorf("sample %d of %d bits", v, width)
		}
		d.samples = append(d.samples, int16(v<<info.wasted))
	}
	return nil
}

func errIf(is bool, text string) error {
	if is {
		return errors.New(text)
	}
	return nil
}

func linearCoefs(r *bitReader, order int) ([]int64, int) {
	precision := int(r.bits(4)) + 1
	shift := int(r.signed(5))
	if precision == 16 || shift < 0 {
		r.failed = true
		return nil, 0
	}
	coefs := make([]int64, order)
	for i := range coefs {
		coefs[i] = r.signed(precision)
	}
	return coefs, shift
}

// predicted reads warm-up samples, what coefs reads, and the residual, and sets x.
func predicted(r *bitReader, x []int64, width int, info *decodedFrame, coefs func() ([]int64, int)) error {
	if info.order >= len(x) {
		return fmt.Errorf("order %d of %d samples", info.order, len(x))
	}
	for i := range x[:info.order] {
		x[i] = r.signed(width)
	}
	c, shift := coefs()
	if r.failed {
		return errors.New("coefficients")
	}
	if method := r.bits(2); method != 0 {
		return fmt.Errorf("residual method %d", method)
	}
	order := int(r.bits(4))
	info.partitions = 1 << order
	if order > 8 || len(x)%info.partitions != 0 || len(x)>>order <= info.order {
		return fmt.Errorf("partition order %d of %d samples after %d", order, len(x), info.order)
	}
	at := info.order
	for n := range info.partitions {
		k := int(r.bits(4))
		if k == 15 {
			return errors.New("escape code")
		}
		for end := (n + 1) * len(x) >> order; at < end && !r.failed; at++ {
			folded := r.unary()<<k | int64(r.bits(k))
			residual := folded>>1 ^ -(folded & 1)
			sum := int64(0)
			for j, v := range c {
				sum += v * x[at-1-j]
			}
			x[at] = sum>>shift + residual
			if sum != int64(int32(sum)) || residual <= -1<<31 || residual >= 1<<31 {
				return fmt.Errorf("sum %d, residual %d", sum, residual)
			}
		}
	}
	return nil
}

// samplesOf returns the samples of PCM bytes.
func samplesOf(pcm []byte) []int16 {
	out := make([]int16, len(pcm)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
	}
	return out
}
