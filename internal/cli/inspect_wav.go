package cli

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Format tags of WAV.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xFFFE
)

// Limits of what is believed of a header.
const (
	maxWAVChannels = 64
	maxWAVRate     = 768_000
	maxWAVChunks   = 10_000
)

// wavForm is how samples are written.
type wavForm struct {
	tag      uint16
	channels int
	width    int // bytes of a sample of one channel
}

// wavReader reads the samples of a RIFF, RF64 or BW64 file from a stream, with all channels mixed to one. It holds no more than a few kilobytes,
// whatever the file says.
type wavReader struct {
	r      io.Reader
	at     int64 // bytes read
	form   wavForm
	rate   int   // Hz
	left   int64 // bytes of the data chunk; -1: to the end
	sample func([]byte) float32
	buf    []byte
	kept   int // bytes at the beginning of buf that begin a frame
}

// newWAVReader reads up to the first sample. An encoding that it does not know is errWAVForm; anything else is wrong with the file at the
// byte that the error names.
func newWAVReader(r io.Reader) (wavReader, error) {
	w := wavReader{r: r}
	head, err := w.take(12)
	if err != nil {
		return w, err
	}
	id := string(head[:4])
	if id != "RIFF" && id != "RF64" && id != "BW64" || string(head[8:]) != "WAVE" {
		return w, fmt.Errorf("byte 0: no WAV header: %q", head)
	}
	unknown := binary.LittleEndian.Uint32(head[4:]) == math.MaxUint32
	ds64 := int64(-1)
	for range maxWAVChunks {
		at := w.at
		b, err := w.take(8)
		if err != nil {
			return w, err
		}
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		switch id {
		case "ds64":
			if size, err = w.longSize(size, &ds64); err != nil {
				return w, err
			}
		case "fmt ":
			if size, err = w.format(size); err != nil {
				return w, err
			}
		case "data":
			return w.data(at, size, ds64, unknown)
		}
		if err := w.skip(size + size&1); err != nil {
			return w, err
		}
	}
	return w, fmt.Errorf("byte %d: more than %d chunks before the samples", w.at, maxWAVChunks)
}

// data begins the samples: size bytes by the chunk, ds64 by RF64, or as many as there are where it was not known to who wrote the header.
func (w wavReader) data(at, size, ds64 int64, unknown bool) (wavReader, error) {
	if w.sample == nil {
		return w, fmt.Errorf("byte %d: samples without a format before them", at)
	}
	switch {
	case size == math.MaxUint32 && ds64 >= 0:
		size = ds64
	case size == math.MaxUint32, size == 0 && unknown:
		size = -1
	}
	w.left = size
	return w, nil
}

// longSize reads the size of the data of RF64 and returns what is left of its chunk.
func (w *wavReader) longSize(size int64, ds64 *int64) (int64, error) {
	const need = 16
	if size < need {
		return size, nil
	}
	b, err := w.take(need)
	if err != nil {
		return 0, err
	}
	*ds64 = int64(min(binary.LittleEndian.Uint64(b[8:]), math.MaxInt64))
	return size - need, nil
}

// format reads the format and returns what is left of its chunk.
func (w *wavReader) format(size int64) (int64, error) {
	at := w.at
	if size < 16 {
		return 0, fmt.Errorf("byte %d: a format of %d bytes; it needs 16", at, size)
	}
	b, err := w.take(int(min(size, 40)))
	if err != nil {
		return 0, err
	}
	tag := binary.LittleEndian.Uint16(b)
	if tag == wavExtensible && len(b) >= 26 {
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	channels, rate, align := int(binary.LittleEndian.Uint16(b[2:])), int64(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint16(b[12:]))
	switch {
	case channels < 1 || channels > maxWAVChannels:
		return 0, fmt.Errorf("byte %d: %d channels; from 1 to %d can be read", at+2, channels, maxWAVChannels)
	case rate < 1 || rate > maxWAVRate:
		return 0, fmt.Errorf("byte %d: a sample rate of %d Hz; up to %d can be read", at+4, rate, maxWAVRate)
	}
	w.form = wavForm{tag: tag, channels: channels, width: align / channels}
	w.rate = int(rate)
	bits := int(binary.LittleEndian.Uint16(b[14:]))
	if w.sample = w.form.sample(); w.sample == nil {
		return 0, formError(tag, bits)
	}
	if align%channels != 0 || (bits+7)/8 != w.form.width {
		return 0, fmt.Errorf("byte %d: %d channels of %d bits in %d bytes", at+12, channels, bits, align)
	}
	return size - int64(len(b)), nil
}

// take reads n bytes, fewer than 64 KiB.
func (w *wavReader) take(n int) ([]byte, error) {
	b := make([]byte, n)
	got, err := io.ReadFull(w.r, b)
	w.at += int64(got)
	return b, w.ended(err)
}

func (w *wavReader) skip(n int64) error {
	got, err := io.CopyN(io.Discard, w.r, n)
	w.at += got
	return w.ended(err)
}

// ended says where the file ends too early.
func (w *wavReader) ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("byte %d: the file ends before its samples: %w", w.at, io.ErrUnexpectedEOF)
	}
	return err
}

// next appends some samples to dst. io.EOF tells that there are no more, also where the file ends in the middle of its data; some may come
// with it.
func (w *wavReader) next(dst []float32) ([]float32, error) {
	frame := w.form.channels * w.form.width
	if w.buf == nil {
		w.buf = make([]byte, max(16<<10/frame, 1)*frame)
	}
	room := w.buf[w.kept:]
	if w.left >= 0 {
		room = room[:min(int64(len(room)), w.left)]
	}
	if len(room) == 0 {
		return dst, io.EOF
	}
	n, err := w.r.Read(room)
	w.at += int64(n)
	if w.left >= 0 {
		w.left -= int64(n)
	}
	n += w.kept
	whole := n - n%frame
	for at := 0; at < whole; at += frame {
		dst = append(dst, w.mix(w.buf[at:at+frame]))
	}
	w.kept = copy(w.buf, w.buf[whole:n])
	return dst, err
}

// mix is the mean of the channels.
func (w *wavReader) mix(frame []byte) float32 {
	if w.form.channels == 1 {
		return w.sample(frame)
	}
	var sum float32
	for at := 0; at < len(frame); at += w.form.width {
		sum += w.sample(frame[at : at+w.form.width])
	}
	return sum / float32(w.form.channels)
}

// sample returns what reads one sample, with full scale from -1 to 1; nil: the form is not known.
func (f wavForm) sample() func([]byte) float32 {
	switch [2]int{int(f.tag), f.width} {
	case [2]int{wavPCM, 1}:
		return func(b []byte) float32 { return float32(int(b[0])-128) / 128 }
	case [2]int{wavPCM, 2}:
		return pcm16
	case [2]int{wavPCM, 3}:
		return func(b []byte) float32 {
			return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
		}
	case [2]int{wavPCM, 4}:
		return func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31) }
	case [2]int{wavFloat, 4}:
		return func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case [2]int{wavFloat, 8}:
		return func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	case [2]int{wavMuLaw, 1}:
		return func(b []byte) float32 { return float32(muLaw(b[0])) / 32768 }
	case [2]int{wavALaw, 1}:
		return func(b []byte) float32 { return float32(aLaw(b[0])) / 32768 }
	}
	return nil
}

func pcm16(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) / 32768 }

// muLaw is the 16-bit value of a µ-law code of ITU-T G.711: all bits are inverted; sign, three bits of segment, four of step.
func muLaw(code byte) int {
	const shift = 33 // of the curve, in units of 14 bits
	code = ^code
	v := (int(code&15)<<1+shift)<<(code>>4&7) - shift
	if code&0x80 != 0 {
		v = -v
	}
	return 4 * v
}

// aLaw is the 16-bit value of an A-law code of ITU-T G.711: every other bit is inverted; sign, three bits of segment, four of step. The first
// two segments have steps of the same size.
func aLaw(code byte) int {
	code ^= 0x55
	v := int(code&15)<<1 + 1
	if segment := code >> 4 & 7; segment > 0 {
		v = (v + 32) << (segment - 1)
	}
	if code&0x80 == 0 {
		v = -v
	}
	return 8 * v
}
