package flac

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of the format, and what every frame here has in common.
const (
	bitsPerSample = 16
	maxFrames     = 1 << 31 // frame numbers have 31 bits
	maxFrameExtra = 18      // bytes of a frame besides its samples: 4, number 6, size 2, rate 2, CRC-8, subframe header, CRC-16 2
	maxMetadata   = 1<<24 - 1
)

// Metadata blocks: their types, and the flag of the last one (RFC 9639, 8.1).
const (
	typeStreamInfo    = 0
	typeVorbisComment = 4
	lastMetadata      = 0x80
)

// Codes of sizes and rates that the frame header spells out behind the frame number (RFC 9639, 9.1.1 and 9.1.2).
const (
	codeBlock8  = 6
	codeBlock16 = 7
	codeRateKHz = 12
	codeRateHz  = 13
)

// errTooLong ends a stream whose next frame has no number: after more than a year of audio.
var errTooLong = errors.New("FLAC stream of more than 2^31 frames")

// blockSize returns the number of samples in all frames but the last: the largest of the sizes with a code of their own that lasts no
// more than 48 ms, but not below 512 samples (64 ms at 8 kHz). Speech changes within that time, so longer blocks would not only be
// later but larger: see docs/adr/0003-flac.md.
func blockSize(rate int) int {
	best := 512
	for _, size := range []int{576, 1024, 1152, 2048, 2304} {
		if size*1000 <= 48*rate {
			best = size
		}
	}
	return best
}

// appendStreamHeader appends the marker, STREAMINFO and, unless it is empty, a VORBIS_COMMENT block (RFC 9639, 8). It is sent before
// the audio is there: length, sizes of frames and the checksum of the audio are 0, which means that they are not known. codec.Seal tells a
// file its length.
func appendStreamHeader(dst []byte, rate, block int, comment []byte) ([]byte, error) {
	if len(comment) > maxMetadata {
		return nil, fmt.Errorf("FLAC metadata of %d bytes: at most %d fit", len(comment), maxMetadata)
	}
	const streamInfoSize = 34
	first := byte(typeStreamInfo)
	if len(comment) == 0 {
		first |= lastMetadata
	}
	dst = append(dst, "fLaC"...)
	dst = append(dst, first, 0, 0, streamInfoSize)
	dst = binary.BigEndian.AppendUint16(dst, uint16(block)) // smallest block, the last one aside
	dst = binary.BigEndian.AppendUint16(dst, uint16(block)) // largest block
	dst = append(dst, 0, 0, 0, 0, 0, 0)                     // smallest and largest frame: 24 bits each
	const channels, lengthUnknown = 1, 0                    // 20 bits of rate, 3 of channels - 1, 5 of bits - 1, 36 of length
	shape := uint64(rate)<<44 | (channels-1)<<41 | (bitsPerSample-1)<<36 | lengthUnknown
	dst = binary.BigEndian.AppendUint64(dst, shape)
	dst = append(dst, make([]byte, 16)...) // MD5 of the audio
	if len(comment) > 0 {
		dst = binary.BigEndian.AppendUint32(dst, (typeVorbisComment|lastMetadata)<<24|uint32(len(comment)))
		dst = append(dst, comment...)
	}
	return dst, nil
}

// appendFrameHeader appends the header of frame number, which has size samples, with its CRC-8 (RFC 9639, 9.1).
func appendFrameHeader(dst []byte, rate, size int, number uint32) []byte {
	start := len(dst)
	sizeCode, rateCode := blockCode(size), sampleRateCode(rate)
	const mono, sixteenBits = 0, 4
	dst = append(dst, 0xFF, 0xF8, sizeCode<<4|rateCode, mono<<4|sixteenBits<<1) // 0xF8: blocks of fixed size
	dst = appendNumber(dst, number)
	switch sizeCode {
	case codeBlock8:
		dst = append(dst, byte(size-1))
	case codeBlock16:
		dst = binary.BigEndian.AppendUint16(dst, uint16(size-1))
	}
	switch rateCode {
	case codeRateKHz:
		dst = append(dst, byte(rate/1000))
	case codeRateHz:
		dst = binary.BigEndian.AppendUint16(dst, uint16(rate))
	}
	return append(dst, crc8(dst[start:]))
}

// blockCode returns the 4 bits that stand for a block of size samples.
func blockCode(size int) byte {
	switch size {
	case 192:
		return 1
	case 576, 1152, 2304, 4608:
		code := byte(2)
		for ; size > 576; size /= 2 {
			code++
		}
		return code
	case 256, 512, 1024, 2048, 4096:
		code := byte(8)
		for ; size > 256; size /= 2 {
			code++
		}
		return code
	}
	if size <= 256 {
		return codeBlock8
	}
	return codeBlock16
}

// sampleRateCode returns the 4 bits that stand for a rate in Hz, which is below 65536.
func sampleRateCode(rate int) byte {
	for n, r := range [...]int{8000, 16000, 22050, 24000, 32000, 44100, 48000} {
		if r == rate {
			return byte(4 + n)
		}
	}
	if rate%1000 == 0 {
		return codeRateKHz
	}
	return codeRateHz
}

// appendNumber appends a number of up to 31 bits the way UTF-8 writes characters, carried on to six bytes (RFC 9639, 9.1.5).
func appendNumber(dst []byte, n uint32) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	more := 1 // bytes of six bits behind the first, which holds 6 - more bits
	for n>>(6*more+6-more) != 0 {
		more++
	}
	dst = append(dst, byte(0xFF)<<(7-more)|byte(n>>(6*more))) // a one for each byte, then a zero
	for more--; more >= 0; more-- {
		dst = append(dst, 0x80|byte(n>>(6*more))&0x3F)
	}
	return dst
}
