package metadata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/orotund/orotund/internal/speech"
)

// chunkHeader is a chunk's name and the size of its body.
const chunkHeader = 8

// Info returns a RIFF LIST chunk of type INFO with the label, of even length: ISFT is the program, ICRD the time, ICMT the label's JSON. nil
// label: nil. The JSON is in ASCII, since RIFF leaves open what its text is encoded in.
func Info(l *speech.Label) []byte {
	if l == nil {
		return nil
	}
	b := append([]byte("LIST\x00\x00\x00\x00INFO"), infoField("ISFT", Encoder)...)
	if !l.Time.IsZero() {
		b = append(b, infoField("ICRD", l.Time.UTC().Format(time.RFC3339))...)
	}
	b = append(b, infoField("ICMT", asciiJSON(labelJSON(l)))...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-chunkHeader))
	return b
}

// infoField returns a chunk of text, which ends with a zero byte and then with one more if that makes it even.
func infoField(id, text string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(text)+1))
	b = append(append(b, text...), 0)
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	return b
}

// asciiJSON escapes what is not ASCII, which in JSON can only stand in strings.
func asciiJSON(s string) string {
	var b bytes.Buffer
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteByte(byte(r))
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default: // a surrogate pair
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		}
	}
	return b.String()
}

// wavFile is a RIFF, RF64 or BW64 file that is being read.
type wavFile struct {
	f        *File
	s        *source
	long     bool  // RF64
	riff     int64 // the size that the header tells
	data     int64 // bytes of audio; -1: no data chunk yet
	ds64     int64 // the size of the data by "ds64"; -1: none
	fact     int64 // samples by "fact"; -1: none
	align    int64 // bytes of a sample in all channels; 0: no format chunk yet
	byteRate int64 // by the format chunk
	toTheEnd bool  // the data reach to the end of the file
}

func readWAV(s *source, long bool) (File, error) {
	f := File{Container: "wav", Samples: -1}
	if long {
		f.Container = "rf64"
	}
	w := &wavFile{f: &f, s: s, long: long, data: -1, ds64: -1, fact: -1}
	b, err := s.bytes(4, 4, "the header")
	if err != nil {
		return f, err
	}
	w.riff = int64(binary.LittleEndian.Uint32(b))
	if err := w.chunks(); err != nil {
		return f, err
	}
	switch {
	case w.align == 0:
		return f, problem(s.size, "the file has no format chunk")
	case w.data < 0:
		return f, problem(s.size, "the file has no data chunk")
	}
	w.count()
	return f, nil
}

func (w *wavFile) chunks() error {
	at := int64(12)
	for n := 0; at+chunkHeader <= w.s.size && !w.toTheEnd; n++ {
		if n == maxParts {
			return problem(at, "more than %d chunks", maxParts)
		}
		b, err := w.s.bytes(at, chunkHeader, "a chunk")
		if err != nil {
			return err
		}
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		if id == "data" {
			size = w.dataSize(at, size)
			w.data = size
		}
		body := &span{w.s, at + chunkHeader, min(at+chunkHeader+size, w.s.size)}
		if body.left() < size {
			w.f.note(at+4, "chunk %q of %d bytes, of which only %d are there", id, size, body.left())
		}
		if err := w.chunk(id, body); err != nil {
			return err
		}
		at += chunkHeader + size + size&1
	}
	return nil
}

// dataSize returns the size of the data chunk at a byte: as told, by "ds64", or by the file's end where it was not known to who wrote it.
func (w *wavFile) dataSize(at, told int64) int64 {
	const sox, none = 0x7FFFF000, math.MaxUint32
	left := w.s.size - at - chunkHeader
	switch {
	case told == none && w.ds64 >= 0:
		told = w.ds64
	case told == none, told == sox, told == 0 && (w.riff == 0 || w.riff == none):
		w.toTheEnd = true
		return left
	}
	if told > left {
		w.f.note(at+4, "%d bytes of data, of which only %d are there", told, left)
		w.toTheEnd = true
		return left
	}
	return told
}

func (w *wavFile) chunk(id string, body *span) error {
	switch id {
	case "fmt ":
		return w.format(body)
	case "fact":
		if b, err := body.take(4); err == nil {
			w.fact = int64(binary.LittleEndian.Uint32(b))
		}
	case "ds64":
		if b, err := body.take(24); err == nil && w.long {
			w.ds64 = int64(min(binary.LittleEndian.Uint64(b[8:]), math.MaxInt64/2))
			w.fact = int64(min(binary.LittleEndian.Uint64(b[16:]), math.MaxInt64/2))
		}
	case "LIST":
		w.list(body)
	case "id3 ", "ID3 ":
		if _, err := w.f.id3Tags(w.s, body.pos); err != nil {
			w.f.note(body.pos, "%v", err)
		}
	}
	return nil
}

func (w *wavFile) format(body *span) error {
	at := body.pos
	b, err := body.take(16)
	if err != nil {
		return problem(at, "a format chunk of %d bytes, of which 16 are needed", body.left())
	}
	tag := binary.LittleEndian.Uint16(b)
	w.align, w.byteRate = int64(binary.LittleEndian.Uint16(b[12:])), int64(binary.LittleEndian.Uint32(b[8:]))
	w.f.BitDepth = int(binary.LittleEndian.Uint16(b[14:]))
	if w.align == 0 {
		return problem(at+12, "samples of 0 bytes")
	}
	const extensible = 0xFFFE
	if tag == extensible {
		x, err := body.take(24)
		if err != nil {
			return problem(at, "an extensible format without its extension")
		}
		if valid := int(binary.LittleEndian.Uint16(x[2:])); valid > 0 && valid < w.f.BitDepth {
			w.f.BitDepth = valid
		}
		tag = binary.LittleEndian.Uint16(x[8:])
	}
	switch tag {
	case 1:
		w.f.Encoding = "pcm"
	case 3:
		w.f.Encoding = "float"
	case 6:
		w.f.Encoding = "alaw"
	case 7:
		w.f.Encoding = "mulaw"
	default:
		w.f.Encoding, w.f.BitDepth = fmt.Sprintf("0x%04x", tag), 0
	}
	return w.f.setRates(at+2, int64(binary.LittleEndian.Uint32(b[4:])), int64(binary.LittleEndian.Uint16(b[2:])))
}

// list reads a LIST of type INFO; others are passed over.
func (w *wavFile) list(body *span) {
	kind, err := body.take(4)
	if err != nil || string(kind) != "INFO" {
		return
	}
	for range maxParts {
		if body.left() < chunkHeader {
			return
		}
		at := body.pos
		b, err := body.take(chunkHeader)
		if err != nil {
			return
		}
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		if size > maxValue {
			w.f.tagBytes(at, id, size)
		} else if v, err := body.take(int(size)); err == nil {
			v, _, _ = bytes.Cut(v, []byte{0})
			w.f.tag(at, id, latin1(v))
			size = 0
		}
		if body.skip(size) != nil {
			w.f.note(at, "INFO field %q of %d bytes, more than its chunk holds", id, size)
			return
		}
		if body.pos&1 != 0 {
			_ = body.skip(min(1, body.left()))
		}
	}
}

// count finds how many samples there are.
func (w *wavFile) count() {
	f := w.f
	f.BitRate = int(min(w.byteRate*8, math.MaxInt32))
	switch f.Encoding {
	case "pcm", "float", "mulaw", "alaw":
		f.Samples = w.data / w.align
		f.BitRate = int(min(w.align*8*int64(f.SampleRate), math.MaxInt32))
	default:
		if w.fact >= 0 && !w.toTheEnd {
			f.Samples = w.fact
		} else if w.byteRate > 0 {
			f.note(w.s.size, "the number of samples is not known")
		}
	}
}
