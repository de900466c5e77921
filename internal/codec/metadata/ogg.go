package metadata

import (
	"bytes"
	"encoding/binary"
	"math"
)

const (
	oggHeader = 27
	oggMost   = oggHeader + 255 + 255*255 // bytes of the longest page
	opusHz    = 48000                     // of Opus granules, whatever was encoded
)

// oggPage is one page (RFC 3533).
type oggPage struct {
	at      int64 // offset
	flags   byte
	granule int64 // -1: no packet ends on it
	serial  uint32
	lacing  []byte
	size    int64 // of all
}

func (p *oggPage) body() int64 { return p.at + oggHeader + int64(len(p.lacing)) }

// page reads the page at a byte.
func (s *source) page(at int64) (*oggPage, error) {
	b, err := s.bytes(at, oggHeader, "an Ogg page")
	if err != nil {
		return nil, err
	}
	if string(b[:4]) != "OggS" || b[4] != 0 {
		return nil, problem(at, "%q begins no Ogg page", b[:4])
	}
	p := &oggPage{at: at, flags: b[5], granule: int64(binary.LittleEndian.Uint64(b[6:])), serial: binary.LittleEndian.Uint32(b[14:])}
	n := int(b[26])
	if b, err = s.bytes(at, oggHeader+n, "an Ogg page"); err != nil {
		return nil, err
	}
	p.lacing = bytes.Clone(b[oggHeader:])
	p.size = oggHeader + int64(n)
	for _, l := range p.lacing {
		p.size += int64(l)
	}
	return p, nil
}

// oggPacket reads one packet of a stream, which may go on over many pages.
type oggPacket struct {
	s      *source
	p      *oggPage
	next   int   // segment of the page
	pos    int64 // of what is next in the file
	have   int64 // bytes from pos on that are known to be of the packet
	over   bool  // the segments after those are another packet's
	looked int   // pages
}

// newOggPacket starts at a segment of a page.
func newOggPacket(s *source, p *oggPage, segment int) *oggPacket {
	pos := p.body()
	for _, l := range p.lacing[:segment] {
		pos += int64(l)
	}
	return &oggPacket{s: s, p: p, next: segment, pos: pos}
}

// more makes sure that have is positive; false at the packet's end.
func (o *oggPacket) more() (bool, error) {
	for o.have == 0 && !o.over {
		if o.next < len(o.p.lacing) {
			l := o.p.lacing[o.next]
			o.next++
			o.have, o.over = int64(l), l < 255
			continue
		}
		at := o.p.at + o.p.size
		if o.looked++; o.looked > maxParts {
			return false, problem(at, "a packet over more than %d pages", maxParts)
		}
		p, err := o.s.page(at)
		if err != nil {
			return false, err
		}
		const continued = 1
		if p.serial == o.p.serial {
			if p.flags&continued == 0 {
				return false, problem(at, "a packet is not gone on with")
			}
			o.pos, o.next = p.body(), 0
		} else {
			p.serial, p.lacing, o.next = o.p.serial, nil, 0 // of another stream: passed over
		}
		o.p = p
	}
	return o.have > 0, nil
}

func (o *oggPacket) at() int64   { return o.pos }
func (o *oggPacket) left() int64 { return o.s.size - o.pos }

func (o *oggPacket) take(n int) ([]byte, error) {
	out := make([]byte, 0, min(n, window))
	err := o.each(int64(n), func(at int64, n int) error {
		b, err := o.s.bytes(at, n, "a packet")
		out = append(out, b...)
		return err
	})
	return out, err
}

func (o *oggPacket) skip(n int64) error { return o.each(n, func(int64, int) error { return nil }) }

// each passes on where the next n bytes are, piece by piece.
func (o *oggPacket) each(n int64, do func(at int64, n int) error) error {
	for n > 0 {
		ok, err := o.more()
		if err != nil {
			return err
		}
		if !ok {
			return problem(o.pos, "the packet ends %d bytes too early", n)
		}
		k := min(n, o.have)
		if err := do(o.pos, int(k)); err != nil {
			return err
		}
		n, o.have, o.pos = n-k, o.have-k, o.pos+k
	}
	return nil
}

// rest passes over what is left of the packet and returns where the next one begins.
func (o *oggPacket) rest() (*oggPacket, error) {
	for {
		ok, err := o.more()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if err := o.skip(o.have); err != nil {
			return nil, err
		}
	}
	n := *o
	n.over, n.looked = false, 0
	if n.next == len(n.p.lacing) { // packets after the first begin on a page of their own, here or later
		at := n.p.at + n.p.size
		for range maxParts {
			p, err := o.s.page(at)
			if err != nil {
				return nil, err
			}
			if p.serial == o.p.serial {
				return newOggPacket(o.s, p, 0), nil
			}
			at += p.size
		}
		return nil, problem(at, "more than %d pages of other streams", maxParts)
	}
	return &n, nil
}

// readOgg reads the first stream of an Ogg file.
func readOgg(s *source) (File, error) {
	f := File{Container: "ogg", Samples: -1}
	p, err := s.page(0)
	if err != nil {
		return f, err
	}
	first := newOggPacket(s, p, 0)
	skip, err := f.oggHead(first)
	if err != nil {
		return f, err
	}
	second, err := first.rest()
	if err != nil {
		f.note(p.at+p.size, "the file ends with the first packet: %v", err)
		return f, nil
	}
	if err := f.oggComment(second); err != nil {
		f.note(second.at(), "%v", err)
	}
	return f, f.oggLength(s, p.serial, skip)
}

// oggHead reads the first packet, which tells the encoding, and returns how many samples at the beginning are not to be heard.
func (f *File) oggHead(in *oggPacket) (skip int64, err error) {
	at := in.at()
	b, err := in.take(7)
	if err != nil {
		return 0, err
	}
	switch {
	case string(b) == "OpusHea":
		if b, err = in.take(12); err != nil {
			return 0, err
		}
		f.Encoding, f.SourceRate = "opus", int(min(binary.LittleEndian.Uint32(b[5:]), maxRate))
		return int64(binary.LittleEndian.Uint16(b[3:])), f.setRates(at+9, opusHz, int64(b[2]))
	case string(b) == "\x01vorbis":
		if b, err = in.take(21); err != nil {
			return 0, err
		}
		f.Encoding = "vorbis"
		return 0, f.setRates(at+11, int64(binary.LittleEndian.Uint32(b[5:])), int64(b[4]))
	case string(b[:5]) == "\x7FFLAC":
		if b, err = in.take(6 + flacBlock + flacStreamInfo); err != nil { // the number of packets, "fLaC", STREAMINFO
			return 0, err
		}
		f.Encoding = "flac"
		return 0, f.setStreamInfo(at+17, parseStreamInfo(b[6+flacBlock:]))
	}
	return 0, problem(at, "an Ogg stream that begins with %q, which is none that is known here", b)
}

// oggComment reads the second packet, after what the encoding puts before the comments.
func (f *File) oggComment(in *oggPacket) error {
	at := in.at()
	magic := map[string]string{"opus": "OpusTags", "vorbis": "\x03vorbis", "flac": "\x04"}[f.Encoding]
	b, err := in.take(len(magic))
	if err != nil {
		return err
	}
	if f.Encoding == "flac" {
		b[0] &= 0x7F // the mark of the last block
		if err := in.skip(3); err != nil {
			return err
		}
	}
	if string(b) != magic {
		return problem(at, "the second packet begins with %q and holds no comments", b)
	}
	f.vorbisComment(in)
	return nil
}

// oggLength finds how many samples there are by the last page of the stream.
func (f *File) oggLength(s *source, serial uint32, skip int64) error {
	if f.Samples >= 0 {
		return nil // STREAMINFO has told
	}
	p, err := s.lastPage(serial)
	switch {
	case err != nil:
		return err
	case p == nil:
		f.note(s.size, "no page tells how long the stream is")
	case p.serial != serial:
		f.note(p.at, "the file ends with another stream than it begins with; how long they are is not known")
	default:
		f.Samples = max(0, p.granule-skip)
	}
	return nil
}

// lastPage returns the last whole page that tells a position, or the last one of another stream if that comes later; nil: there is none near
// the end.
func (s *source) lastPage(serial uint32) (*oggPage, error) {
	const (
		most  = 16 * oggMost // bytes that are searched
		tries = 256          // places that look like a page
	)
	low := max(0, s.size-most)
	for at, n := s.size-oggHeader, 0; at >= low && n < tries; {
		from := max(low, at-window/2)
		b, err := s.some(from, int(at-from+4))
		if err != nil {
			return nil, err
		}
		i := bytes.LastIndex(b, []byte("OggS"))
		if i < 0 {
			at = from - 1
			continue
		}
		at = from + int64(i)
		n++
		p, err := s.page(at)
		if err == nil && at+p.size <= s.size && (p.serial != serial || p.granule >= 0) {
			p.granule = min(p.granule, math.MaxInt64/2)
			return p, nil
		}
		at--
	}
	return nil, nil
}
