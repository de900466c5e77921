package flac

import "encoding/binary"

// bitWriter appends bits to bytes, the most significant first. Its zero value appends to nil.
type bitWriter struct {
	buf []byte
	acc uint64 // the low n bits are not in buf yet
	n   uint   // below 32 between calls
}

// put writes the low width bits of v, whose other bits are zero. width is at most 32.
func (w *bitWriter) put(v uint32, width uint) {
	w.acc = w.acc<<width | uint64(v)
	w.n += width
	if w.n >= 32 {
		w.n -= 32
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(w.acc>>w.n))
	}
}

// putSigned writes v in two's complement. width is at most 32.
func (w *bitWriter) putSigned(v int32, width uint) {
	w.put(uint32(v)&(1<<width-1), width)
}

// putZeros writes count zero bits.
func (w *bitWriter) putZeros(count uint) {
	for ; count > 32; count -= 32 {
		w.put(0, 32)
	}
	w.put(0, count)
}

// length is the number of bits since buf was empty.
func (w *bitWriter) length() int { return 8*len(w.buf) + int(w.n) }

// align fills the last byte with zero bits and moves all to buf.
func (w *bitWriter) align() {
	if rest := w.n % 8; rest > 0 {
		w.put(0, 8-rest)
	}
	for w.n > 0 {
		w.n -= 8
		w.buf = append(w.buf, byte(w.acc>>w.n))
	}
}

// Tables of the checksums. They never change.
var (
	crc8Table  = makeCRC8Table()
	crc16Table = makeCRC16Table()
)

// makeCRC8Table is of x^8 + x^2 + x + 1.
func makeCRC8Table() (table [256]byte) {
	for i := range table {
		c := byte(i)
		for range 8 {
			carry := c >> 7
			c = c<<1 ^ carry*0x07
		}
		table[i] = c
	}
	return table
}

// makeCRC16Table is of x^16 + x^15 + x^2 + 1.
func makeCRC16Table() (table [256]uint16) {
	for i := range table {
		c := uint16(i) << 8
		for range 8 {
			carry := c >> 15
			c = c<<1 ^ carry*0x8005
		}
		table[i] = c
	}
	return table
}

// crc8 is the checksum of a frame's header.
func crc8(data []byte) (c byte) {
	for _, b := range data {
		c = crc8Table[c^b]
	}
	return c
}

// crc16 is the checksum of a whole frame.
func crc16(data []byte) (c uint16) {
	for _, b := range data {
		c = c<<8 ^ crc16Table[byte(c>>8)^b]
	}
	return c
}
