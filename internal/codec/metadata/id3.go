package metadata

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"github.com/orotund/orotund/internal/speech"
)

const (
	id3Header   = 10     // bytes of the tag's header, and of a frame's in versions 3 and 4
	id3Text     = 16_000 // bytes of a text frame that are decoded; UTF-16 takes two for one
	id3MostTags = 16     // that follow each other in one file
)

// ID3 returns an ID3v2.4 tag with the label, and with padding zero bytes at its end (see codec.Seal). nil label: nil.
func ID3(l *speech.Label, padding int) []byte {
	if l == nil {
		return nil
	}
	b := append([]byte("ID3\x04\x00\x00"), 0, 0, 0, 0)
	b = appendID3Frame(b, "TSSE", Encoder)
	if !l.Time.IsZero() {
		at := l.Time.UTC().Format("2006-01-02T15:04:05") // ID3's own form: UTC without a zone
		b = appendID3Frame(b, "TDEN", at)
		b = appendID3Frame(b, "TDRC", at)
	}
	b = appendID3Frame(b, "TXXX", Key+"\x00"+labelJSON(l))
	b = append(b, make([]byte, padding)...)
	putSyncsafe(b[6:], len(b)-id3Header)
	return b
}

// appendID3Frame appends a frame of text in UTF-8. There is no byte 0xFF in UTF-8, so nothing has to be unsynchronised.
func appendID3Frame(b []byte, id, text string) []byte {
	const utf8 = 3
	b = append(b, id...)
	b = append(b, 0, 0, 0, 0, 0, 0)
	putSyncsafe(b[len(b)-6:], len(text)+1)
	return append(append(b, utf8), text...)
}

// putSyncsafe writes n, which is below 2^28, as four bytes of seven bits.
func putSyncsafe(b []byte, n int) {
	for i := range 4 {
		b[i] = byte(n>>(21-7*i)) & 0x7F
	}
}

func syncsafe(b []byte) int64 {
	return int64(b[0]&0x7F)<<21 | int64(b[1]&0x7F)<<14 | int64(b[2]&0x7F)<<7 | int64(b[3]&0x7F)
}

// id3Tags reads the ID3v2 tags at off, if there are any, and returns the offset of what follows them.
func (f *File) id3Tags(s *source, off int64) (int64, error) {
	for range id3MostTags {
		h, err := s.some(off, id3Header)
		if err != nil || len(h) < id3Header || string(h[:3]) != "ID3" || h[3] == 0xFF || h[4] == 0xFF {
			return off, err
		}
		version, flags, size := h[3], h[5], syncsafe(h[6:])
		end := off + id3Header + size
		if end > s.size {
			return 0, problem(off+6, "an ID3 tag of %d bytes, of which only %d are there", size, s.size-off-id3Header)
		}
		if version < 2 || version > 4 {
			f.note(off+3, "an ID3 tag of version 2.%d, which is not known here", version)
		} else {
			t := id3Tag{f: f, version: version, span: &span{s, off + id3Header, end}, whole: flags&0x80 != 0}
			if err := t.read(flags); err != nil {
				f.note(off, "the rest of the ID3 tag is left out: %v", err)
			}
		}
		off = end
		if version == 4 && flags&0x10 != 0 {
			off += id3Header // the footer
		}
	}
	return off, nil
}

// id3Tag is one tag that is being read.
type id3Tag struct {
	f       *File
	version byte
	span    *span
	in      part // span, without the unsynchronisation of versions 2 and 3
	whole   bool // everything is unsynchronised
}

func (t *id3Tag) read(flags byte) error {
	t.in = t.span
	if t.whole && t.version < 4 {
		t.in = &synced{span: t.span}
	}
	if flags&0x40 != 0 && t.version > 2 {
		if err := t.extendedHeader(); err != nil {
			return err
		}
	}
	for range maxParts {
		if more, err := t.frame(); err != nil || !more {
			return err
		}
	}
	return problem(t.in.at(), "more than %d frames", maxParts)
}

func (t *id3Tag) extendedHeader() error {
	b, err := t.in.take(4)
	if err != nil {
		return err
	}
	if t.version == 4 {
		return t.in.skip(syncsafe(b) - 4) // which counts its own four bytes
	}
	return t.in.skip(int64(binary.BigEndian.Uint32(b)))
}

// frame reads the next frame; false where the tag's frames are over.
func (t *id3Tag) frame() (bool, error) {
	idLen, head := 4, id3Header
	if t.version == 2 {
		idLen, head = 3, 6
	}
	if t.in.left() < int64(head) {
		return false, nil
	}
	at := t.in.at()
	h, err := t.in.take(head)
	if err != nil || h[0] == 0 { // padding
		return false, err
	}
	id := string(h[:idLen])
	if strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return false, problem(at, "%q is no name of a frame", id)
	}
	var size int64
	switch {
	case t.version == 2:
		size = int64(h[3])<<16 | int64(h[4])<<8 | int64(h[5])
		h = append(h, 0, 0, 0, 0)
	case t.version == 4 && (h[4]|h[5]|h[6]|h[7])&0x80 == 0:
		size = syncsafe(h[4:])
	default: // version 3, and what some programs wrote as version 4
		size = int64(binary.BigEndian.Uint32(h[4:]))
	}
	if size > t.in.left() {
		return false, problem(at+int64(idLen), "frame %s of %d bytes, of which at most %d are there", id, size, t.in.left())
	}
	if size > id3Text || !isID3Text(id) {
		t.f.tagBytes(at, id, size)
		return true, t.in.skip(size)
	}
	b, err := t.in.take(int(size))
	if err != nil {
		return false, err
	}
	if b, ok := t.plain(b, h[9]); ok {
		t.f.id3Text(at, id, b)
	} else {
		t.f.tagBytes(at, id, size)
	}
	return true, nil
}

// plain takes off what a frame's flags put around its content; false if that is compressed or encrypted.
func (t *id3Tag) plain(b []byte, flags byte) ([]byte, bool) {
	extra := 0
	switch t.version {
	case 3:
		if flags&0xC0 != 0 {
			return nil, false
		}
		extra = int(flags >> 5 & 1) // the group
	case 4:
		if flags&0x0C != 0 {
			return nil, false
		}
		extra = int(flags>>6&1 + flags&1*4) // the group, the length of the content
		if flags&2 != 0 || t.whole {
			b = bytes.ReplaceAll(b, []byte{0xFF, 0}, []byte{0xFF})
		}
	}
	return b[min(extra, len(b)):], true
}

func isID3Text(id string) bool {
	switch id {
	case "COMM", "COM", "USLT", "ULT":
		return true
	}
	return id[0] == 'T' || id[0] == 'W'
}

// id3Text keeps the text of a frame: what is called TXXX, WXXX and COMM has a name of its own as well.
func (f *File) id3Text(at int64, id string, b []byte) {
	named := strings.HasPrefix(id, "TXX") || strings.HasPrefix(id, "WXX")
	encoding := byte(0)
	if named || id[0] != 'W' {
		if len(b) == 0 {
			return
		}
		encoding, b = b[0], b[1:]
	}
	if isComment := id[0] == 'C' || id[0] == 'U'; isComment {
		b, named = b[min(3, len(b)):], true // the language
	}
	values := id3Strings(encoding, b)
	if named && len(values) > 1 {
		if values[0] != "" {
			id += ":" + values[0]
		}
		values = values[1:]
	}
	f.tag(at, id, strings.Join(values, "; "))
}

// id3Strings decodes text and cuts it at its zero characters, of which the last may be missing.
func id3Strings(encoding byte, b []byte) []string {
	var s string
	switch encoding {
	case 1, 2:
		s = fromUTF16(b, encoding == 2)
	default: // Latin-1, or UTF-8
		s = latin1(b)
	}
	return strings.Split(strings.TrimRight(s, "\x00"), "\x00")
}

// fromUTF16 decodes UTF-16 with a byte order mark, or big-endian without one.
func fromUTF16(b []byte, big bool) string {
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	if len(b) >= 2 && b[0] == 0xFE && b[1] == 0xFF {
		order = binary.BigEndian
	}
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		if u := order.Uint16(b); u != 0xFEFF {
			units = append(units, u)
		}
	}
	return string(utf16.Decode(units))
}

// id3v1 reads the tag of 128 bytes that may end an MP3 file, and returns where it begins, else end.
func (f *File) id3v1(s *source, end int64) (int64, error) {
	const size = 128
	b, err := s.some(end-min(size, end), size)
	if err != nil || len(b) < size || string(b[:3]) != "TAG" {
		return end, err
	}
	b = append([]byte(nil), b...)
	at := end - size
	if len(f.Tags) > 0 {
		return at, nil // ID3v2 says the same, and in full
	}
	for _, field := range []struct {
		key      string
		from, to int
	}{{"title", 3, 33}, {"artist", 33, 63}, {"album", 63, 93}, {"year", 93, 97}, {"comment", 97, 127}} {
		v, _, _ := bytes.Cut(b[field.from:field.to], []byte{0})
		if v = bytes.TrimSpace(v); len(v) > 0 {
			f.tag(at+int64(field.from), field.key, latin1(v))
		}
	}
	return at, nil
}

// ID3Padding returns how many zero bytes end the ID3v2.4 tag that begins a file, after its last frame, and the length of the whole tag. Both are 0
// if the file begins with none, or with one of another kind than ID3 writes.
func ID3Padding(b []byte) (padding, size int) {
	if len(b) < id3Header || string(b[:6]) != "ID3\x04\x00\x00" {
		return 0, 0
	}
	if size = id3Header + int(syncsafe(b[6:])); size > len(b) {
		return 0, 0
	}
	at := id3Header
	for at+id3Header <= size && b[at] != 0 {
		at += id3Header + int(syncsafe(b[at+4:]))
	}
	if at > size || len(bytes.Trim(b[at:size], "\x00")) > 0 {
		return 0, size
	}
	return size - at, size
}

// ID3Shrink changes the length that the tag's header tells to size bytes in all, header included.
func ID3Shrink(header []byte, size int) { putSyncsafe(header[6:], size-id3Header) }

// synced is a span without the zero bytes that unsynchronisation put after each 0xFF.
type synced struct {
	span  *span
	after bool // the last byte was 0xFF
}

func (p *synced) at() int64   { return p.span.at() }
func (p *synced) left() int64 { return p.span.left() }

func (p *synced) take(n int) ([]byte, error) {
	out := make([]byte, 0, min(n, window))
	err := p.each(int64(n), func(b byte) { out = append(out, b) })
	return out, err
}

func (p *synced) skip(n int64) error { return p.each(n, func(byte) {}) }

// each passes n bytes on.
func (p *synced) each(n int64, do func(byte)) error {
	for n > 0 {
		if p.span.left() == 0 {
			return problem(p.at(), "the ID3 tag ends %d bytes too early", n)
		}
		b, err := p.span.s.bytes(p.span.pos, int(min(p.span.left(), window)), "an ID3 tag")
		if err != nil {
			return err
		}
		for _, c := range b {
			if n == 0 {
				return nil
			}
			p.span.pos++
			if p.after && c == 0 {
				p.after = false
				continue
			}
			p.after = c == 0xFF
			do(c)
			n--
		}
	}
	return nil
}
