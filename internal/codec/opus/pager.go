package opus

import (
	"encoding/binary"
	"fmt"

	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// pager gathers the packets of one stream into pages. How many go into a page depends on nothing but their number and length.
type pager struct {
	mux     muxer
	head    []byte // the pages of the headers, not sent yet; nil afterwards
	packets uint64 // added so far
}

// newPager begins a stream: preSkip samples are trimmed from its beginning, and the audio was of rate Hz.
func newPager(serial uint32, preSkip, rate int, label *speech.Label) (*pager, error) {
	p := &pager{}
	p.mux.reset(serial)
	p.mux.add(identification(preSkip, rate), 0)
	p.head = p.mux.flush(p.head, flagFirst)
	comments := append([]byte("OpusTags"), metadata.VorbisComment(label)...)
	if !p.mux.fits(len(comments)) {
		return nil, fmt.Errorf("comments of %d bytes are too long for an Ogg page", len(comments))
	}
	p.mux.add(comments, 0)
	p.head = p.mux.flush(p.head, 0)
	return p, nil
}

// identification returns the header of RFC 7845, section 5.1: one channel, no gain.
func identification(preSkip, rate int) []byte {
	const version, channels, gain, mapping = 1, 1, 0, 0
	h := append([]byte("OpusHead"), version, channels)
	h = binary.LittleEndian.AppendUint16(h, uint16(preSkip))
	h = binary.LittleEndian.AppendUint32(h, uint32(rate))
	h = binary.LittleEndian.AppendUint16(h, gain)
	return append(h, mapping)
}

// position is where the packets so far end, in samples of the clock.
func (p *pager) position() uint64 { return p.packets * frameSamples }

// add takes a packet of frameSamples samples and appends the pages that are whole to dst.
func (p *pager) add(dst, packet []byte) []byte {
	dst = p.put(dst, packet, p.position()+frameSamples)
	if p.mux.packets >= packetsPerPage(p.packets) {
		dst = p.mux.flush(dst, 0)
	}
	return dst
}

// finish takes the last packet, of which all after end is trimmed, and appends the last pages to dst.
func (p *pager) finish(dst, packet []byte, end uint64) []byte {
	return p.mux.flush(p.put(dst, packet, end), flagLast)
}

// put puts a packet into a page that has room, after the headers.
func (p *pager) put(dst, packet []byte, granule uint64) []byte {
	dst = append(dst, p.head...)
	p.head = nil
	if !p.mux.fits(len(packet)) {
		dst = p.mux.flush(dst, 0)
	}
	p.mux.add(packet, granule)
	p.packets++
	return dst
}

// packetsPerPage is how many packets a page may hold when so many have been added. The first five have a page each, so that sound leaves at
// once. Later pages wait for at most a tenth of what the listener has by then, up to a second: what keeps pace with the listener by that
// much is never late. 5 packets in a page cost 2.6 kbit/s of pages, 50 cost 0.6 kbit/s.
func packetsPerPage(added uint64) int {
	switch {
	case added <= 5:
		return 1
	case added <= 100: // 2 s
		return 5
	case added <= 250:
		return 10
	case added <= 500:
		return 25
	}
	return 50
}
