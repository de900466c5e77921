package opus

import (
	"encoding/binary"
	"slices"
)

// Sizes and flags of an Ogg page (RFC 3533, section 6).
const (
	pageHeaderSize = 27  // bytes before the segment table
	maxSegments    = 255 // in a page
	segmentSize    = 255 // bytes of a whole segment; a packet ends with the first shorter one, which may be empty
	checksumAt     = 22  // where the CRC-32 is, in the header

	flagFirst = 0x02 // the page begins a stream
	flagLast  = 0x04 // the page ends a stream
)

// muxer puts the packets of one stream into Ogg pages. A packet always lies whole in one page.
type muxer struct {
	serial   uint32
	sequence uint32 // of the next page
	granule  uint64 // at the end of the page that is being filled
	packets  int    // in that page
	segments []byte // its segment table
	body     []byte // its packets
}

// reset begins a stream.
func (m *muxer) reset(serial uint32) {
	m.serial, m.sequence, m.granule, m.packets = serial, 0, 0, 0
	m.segments, m.body = m.segments[:0], m.body[:0]
}

// segmentsOf returns how many segments a packet of so many bytes takes.
func segmentsOf(size int) int { return size/segmentSize + 1 }

// fits tells whether a packet of so many bytes has room in the page that is being filled.
func (m *muxer) fits(size int) bool { return len(m.segments)+segmentsOf(size) <= maxSegments }

// add puts a packet into the page that is being filled, where it must fit. granule is the position at the packet's end.
func (m *muxer) add(packet []byte, granule uint64) {
	for range len(packet) / segmentSize {
		m.segments = append(m.segments, segmentSize)
	}
	m.segments = append(m.segments, byte(len(packet)%segmentSize))
	m.body = append(m.body, packet...)
	m.granule = granule
	m.packets++
}

// flush appends the page that is being filled to dst, with flags, and begins the next.
func (m *muxer) flush(dst []byte, flags byte) []byte {
	dst = slices.Grow(dst, pageHeaderSize+len(m.segments)+len(m.body))
	start := len(dst)
	dst = append(dst, "OggS"...)
	dst = append(dst, 0, flags) // version, type
	dst = binary.LittleEndian.AppendUint64(dst, m.granule)
	dst = binary.LittleEndian.AppendUint32(dst, m.serial)
	dst = binary.LittleEndian.AppendUint32(dst, m.sequence)
	dst = binary.LittleEndian.AppendUint32(dst, 0) // the checksum, which counts as 0 in itself
	dst = append(dst, byte(len(m.segments)))
	dst = append(dst, m.segments...)
	dst = append(dst, m.body...)
	binary.LittleEndian.PutUint32(dst[start+checksumAt:], checksum(dst[start:]))
	m.sequence++
	m.packets, m.segments, m.body = 0, m.segments[:0], m.body[:0]
	return dst
}

// checksum is Ogg's CRC-32: polynomial 0x04C11DB7, the highest bit first, begun with 0, not inverted. It is not that of hash/crc32, which
// takes the lowest bit first.
func checksum(data []byte) uint32 {
	crc := uint32(0)
	for _, b := range data {
		crc = crc<<8 ^ crcTable[byte(crc>>24)^b]
	}
	return crc
}

// crcTable holds the checksum of each byte.
var crcTable = makeCRCTable()

func makeCRCTable() (table [256]uint32) {
	for n := range table {
		crc := uint32(n) << 24
		for range 8 {
			crc = crc<<1 ^ 0x04C11DB7&-(crc>>31)
		}
		table[n] = crc
	}
	return table
}
