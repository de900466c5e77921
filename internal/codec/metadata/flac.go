package metadata

import (
	"encoding/binary"
	"io"
	"math/bits"
)

const (
	flacMagic      = 4
	flacBlock      = 4 // header of a metadata block
	flacStreamInfo = 34
)

// streamInfo is what FLAC's STREAMINFO (RFC 9639, section 8.2) tells.
type streamInfo struct {
	block    int // samples of a frame; of a stream of fixed blocks, all but the last have as many
	rate     int
	channels int
	depth    int
	samples  int64 // 0: not known
}

func parseStreamInfo(b []byte) streamInfo {
	v := binary.BigEndian.Uint64(b[10:])
	return streamInfo{
		block: int(binary.BigEndian.Uint16(b[2:])), rate: int(v >> 44), channels: int(v>>41&7) + 1, depth: int(v>>36&31) + 1,
		samples: int64(v & (1<<36 - 1)),
	}
}

// setStreamInfo takes what STREAMINFO, which is at a byte, tells.
func (f *File) setStreamInfo(at int64, i streamInfo) error {
	f.BitDepth = i.depth
	if i.samples > 0 {
		f.Samples = i.samples
	}
	return f.setRates(at+10, int64(i.rate), int64(i.channels))
}

// flac reads native FLAC.
func (f *File) flac(s *source, start int64) error {
	f.Container, f.Encoding = "flac", "flac"
	info, audio, err := f.flacBlocks(s, start+flacMagic)
	if err != nil {
		return err
	}
	if f.Samples < 0 {
		switch n, err := lastFLAC(s, audio, info); {
		case err != nil:
			return err
		case n < 0:
			f.note(start+flacMagic+flacBlock+13, "the number of samples is not told, and the file does not end with a whole frame")
		default:
			f.Samples = n
		}
	}
	f.average(s.size-audio, f.Samples)
	return nil
}

// flacBlocks reads the blocks of metadata from a byte on, and returns the offset of the audio.
func (f *File) flacBlocks(s *source, at int64) (info streamInfo, audio int64, err error) {
	const typeStreamInfo, typeComment, typePicture = 0, 4, 6
	for n := range maxParts {
		b, err := s.bytes(at, flacBlock, "a block of metadata")
		if err != nil {
			return info, 0, err
		}
		last, kind, size := b[0]>>7 != 0, b[0]&0x7F, int64(b[1])<<16|int64(b[2])<<8|int64(b[3])
		if n == 0 && (kind != typeStreamInfo || size != flacStreamInfo) {
			return info, 0, problem(at, "the first block of metadata is no STREAMINFO")
		}
		body := &span{s, at + flacBlock, at + flacBlock + size}
		if body.end > s.size {
			return info, 0, problem(at+1, "a block of metadata of %d bytes, of which only %d are there", size, s.size-body.pos)
		}
		switch {
		case n == 0:
			if b, err = s.bytes(body.pos, flacStreamInfo, "STREAMINFO"); err != nil {
				return info, 0, err
			}
			info = parseStreamInfo(b)
			if err = f.setStreamInfo(body.pos, info); err != nil {
				return info, 0, err
			}
		case kind == typeComment:
			f.vorbisComment(body)
		case kind == typePicture:
			f.tagBytes(at, "PICTURE", size)
		}
		if at = at + flacBlock + size; last {
			return info, at, nil
		}
	}
	return info, 0, problem(at, "more than %d blocks of metadata", maxParts)
}

// FLACSamples counts the samples of a native FLAC file of fixed block size that begins with "fLaC": by its STREAMINFO, or, where that does not
// tell, by the file's last frame. -1: the file does not end with a whole frame. sealed tells that STREAMINFO knew.
func FLACSamples(r io.ReaderAt, size int64) (samples int64, sealed bool, err error) {
	s := newSource(r, size)
	b, err := s.bytes(0, flacMagic, "the file's name of its format")
	if err != nil {
		return 0, false, err
	}
	if string(b) != "fLaC" {
		return 0, false, problem(0, "%q does not begin a FLAC file", b)
	}
	var f File
	info, audio, err := f.flacBlocks(s, flacMagic)
	if err != nil || info.samples > 0 {
		return info.samples, err == nil, err
	}
	samples, err = lastFLAC(s, audio, info)
	return samples, false, err
}

// lastFLAC finds the frame that ends the file, and how many samples there are up to its end; -1: there is none. Frames do not tell their
// length, but each ends in a checksum: the last one is where a header is followed by bytes that fit the checksum up to the file's end.
func lastFLAC(s *source, audio int64, info streamInfo) (int64, error) {
	const most = 1 << 20 // bytes of a frame that are looked at; a frame of one channel and usual size has some thousand
	if audio >= s.size {
		return 0, nil
	}
	low := max(audio, s.size-most)
	tail := make([]byte, s.size-low)
	if _, err := io.ReadFull(io.NewSectionReader(s.r, low, s.size-low), tail); err != nil {
		return 0, problem(low, "%w", err)
	}
	// The checksum of the bytes from each place to the end, from the back: a byte in front of n others adds itself times x^(8n+16), modulo the
	// polynomial. So one pass is enough, however many bytes look like a frame.
	sum, weight := uint16(0), uint16(flacPolynomial)
	for at := len(tail) - 1; at >= 0; at-- {
		sum ^= flacTimes(weight, tail[at])
		weight = flacShift(weight, 8)
		if sum != 0 || at+1 == len(tail) || tail[at] != 0xFF || tail[at+1]&0xFE != 0xF8 {
			continue
		}
		if first, block, ok := flacFrame(tail[at:], info); ok {
			return first + int64(block), nil
		}
	}
	return -1, nil
}

// flacFrame reads a frame's header: the number of its first sample, and of its samples.
func flacFrame(b []byte, info streamInfo) (first int64, block int, ok bool) {
	if len(b) < 6 || b[3]&1 != 0 {
		return 0, 0, false
	}
	number, n := flacNumber(b[4:])
	if n == 0 {
		return 0, 0, false
	}
	at := 4 + n
	code := b[2] >> 4
	extra := 0
	switch {
	case code == 0:
		return 0, 0, false
	case code == 1:
		block = 192
	case code <= 5:
		block = 576 << (code - 2)
	case code <= 7:
		extra = int(code) - 5
	default:
		block = 256 << (code - 8)
	}
	rate := 0
	switch b[2] & 15 {
	case 12:
		rate = 1
	case 13, 14:
		rate = 2
	case 15:
		return 0, 0, false
	}
	if len(b) < at+extra+rate+1 {
		return 0, 0, false
	}
	for i := range extra {
		block = block<<8 | int(b[at+i])
	}
	if extra > 0 {
		block++
	}
	at += extra + rate
	if flacCRC8(b[:at]) != b[at] {
		return 0, 0, false
	}
	if b[1]&1 == 0 { // blocks of a fixed size: the number is the frame's
		number *= int64(info.block)
	}
	return number, block, true
}

// flacNumber reads a number in the manner of UTF-8, and returns how many bytes it takes; 0: it is none.
func flacNumber(b []byte) (v int64, n int) {
	ones := bits.LeadingZeros8(^b[0])
	switch {
	case ones == 0:
		return int64(b[0]), 1
	case ones == 1 || ones == 8 || len(b) < ones:
		return 0, 0
	}
	v = int64(b[0] & (0x7F >> ones))
	for _, c := range b[1:ones] {
		if c>>6 != 2 {
			return 0, 0
		}
		v = v<<6 | int64(c&0x3F)
	}
	return v, ones
}

// flacCRC8 is the checksum of a frame's header, of polynomial x^8+x^2+x+1.
func flacCRC8(b []byte) byte {
	crc := byte(0)
	for _, c := range b {
		crc ^= c
		for range 8 {
			crc = crc<<1 ^ crc>>7*0x07
		}
	}
	return crc
}

// flacPolynomial is that of a frame's checksum: x^16+x^15+x^2+1.
const flacPolynomial = 0x8005

// flacShift multiplies by x^n.
func flacShift(v uint16, n int) uint16 {
	for range n {
		v = v<<1 ^ v>>15*flacPolynomial
	}
	return v
}

// flacTimes multiplies by a byte.
func flacTimes(v uint16, b byte) uint16 {
	r := uint16(0)
	for bit := 7; bit >= 0; bit-- {
		r = flacShift(r, 1) ^ v*uint16(b>>bit&1)
	}
	return r
}
