package metadata

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

// Builders of files as others write them.

func le16(v int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }
func le32(v int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }
func le64(v int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }
func be32(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case byte:
			b = append(b, p)
		case int:
			b = append(b, byte(p))
		}
	}
	return b
}

func zeros(n int) []byte { return make([]byte, n) }

// chunk is one of RIFF, with the pad byte.
func chunk(id string, body ...any) []byte {
	b := cat(body...)
	out := cat(id, le32(len(b)), b)
	if len(b)%2 != 0 {
		out = append(out, 0)
	}
	return out
}

func riff(chunks ...[]byte) []byte {
	b := slices.Concat(chunks...)
	return cat("RIFF", le32(len(b)+4), "WAVE", b)
}

// fmtChunk is that of 16 bytes.
func fmtChunk(tag, channels, rate, depth int) []byte {
	align := channels * depth / 8
	return chunk("fmt ", le16(tag), le16(channels), le32(rate), le32(rate*align), le16(align), le16(depth))
}

// id3Frame is one of version 3 or 4, whose sizes differ.
func id3Frame(version int, id string, flags int, body ...any) []byte {
	b := cat(body...)
	size := be32(len(b))
	if version == 4 {
		putSyncsafe(size, len(b))
	}
	return cat(id, size, 0, flags, b)
}

// id3 is a tag of frames.
func id3(version, flags int, frames ...[]byte) []byte {
	b := slices.Concat(frames...)
	size := zeros(4)
	putSyncsafe(size, len(b))
	return cat("ID3", version, 0, flags, size, b)
}

// unsync puts a zero after each 0xFF before a byte that could be mistaken.
func unsync(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0xFF}, []byte{0xFF, 0}) }

// utf16le is text with a byte order mark.
func utf16le(s string) []byte {
	b := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func utf16be(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}

// mpegFrames are silent frames of MPEG-2 at 24 kHz and 64 kbit/s, mono: 192 bytes and 576 samples each.
func mpegFrames(n int) []byte {
	return bytes.Repeat(cat(0xFF, 0xF3, 0x84, 0xC0, zeros(188)), n)
}

// lameFrame is an Info frame that tells of a delay and padding.
func lameFrame(delay, pad int) []byte {
	b := mpegFrames(1)
	at := b[13:]
	copy(at, cat("Info", be32(0), "LAME3.100"))
	copy(at[8+21:], []byte{byte(delay >> 4), byte(delay<<4 | pad>>8), byte(pad)})
	return b
}

// adtsFrames are of AAC-LC at 44.1 kHz, mono, 16 bytes each.
func adtsFrames(n int) []byte {
	return bytes.Repeat(cat(0xFF, 0xF1, 0x50, 0x40, 0x02, 0x1F, 0xFC, zeros(9)), n)
}

// comments is a Vorbis comment header.
func comments(vendor string, fields ...string) []byte {
	b := cat(le32(len(vendor)), vendor, le32(len(fields)))
	for _, f := range fields {
		b = append(append(b, le32(len(f))...), f...)
	}
	return b
}

// flacBlockOf is a block of metadata.
func flacBlockOf(last bool, kind int, body ...any) []byte {
	b := cat(body...)
	if last {
		kind |= 0x80
	}
	return cat(kind, be32(len(b))[1:], b)
}

// streamInfoOf tells of mono with 16 bits in blocks of 4096.
func streamInfoOf(rate, samples int) []byte {
	v := uint64(rate)<<44 | 15<<36 | uint64(samples)
	return cat("\x10\x00\x10\x00", zeros(6), binary.BigEndian.AppendUint64(nil, v), zeros(16))
}

// flacFrameOf is a frame of silence (a constant subframe) with its checksums.
func flacFrameOf(number, samples int) []byte {
	b := cat(0xFF, 0xF8, 0x70, 0x08, number, byte(0), byte(0))
	binary.BigEndian.PutUint16(b[5:], uint16(samples-1))
	b = append(b, flacCRC8(b))
	b = cat(b, zeros(3)) // constant subframe, no wasted bits, the value 0
	crc := uint16(0)
	for _, c := range b {
		crc = flacShift(crc^uint16(c)<<8, 8)
	}
	return binary.BigEndian.AppendUint16(b, crc)
}

// oggPages cuts packets into pages; each packet begins a page of its own. Checksums are left out: nothing here reads them.
func oggPages(serial int, granules []int, packets ...[]byte) []byte {
	var out []byte
	page := 0
	add := func(flags, granule int, lacing, body []byte) {
		out = append(out, cat("OggS", 0, flags, le64(granule), le32(serial), le32(page), le32(0), len(lacing), lacing, body)...)
		page++
	}
	for i, p := range packets {
		lacing := append(bytes.Repeat([]byte{255}, len(p)/255), byte(len(p)%255))
		flags := 0
		if i == 0 {
			flags = 2
		}
		for len(lacing) > 255 {
			add(flags, -1, lacing[:255], p[:255*255])
			lacing, p, flags = lacing[255:], p[255*255:], 1
		}
		add(flags, granules[i], lacing, p)
	}
	return out
}

func opusHead(rate, skip int) []byte {
	return cat("OpusHead", 1, 1, le16(skip), le32(rate), le16(0), 0)
}

// opusFile has a second of audio and the comments.
func opusFile(fields ...string) []byte {
	return oggPages(7, []int{0, 0, 48312}, opusHead(24000, 312), cat("OpusTags", comments("lib", fields...)), zeros(700))
}

var picture = strings.Repeat("P", 70_000)
