package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// Errors of encoders that are used against their contract. They are the program's faults, not the caller's.
var (
	ErrEnded      = errors.New("encoder used after Finish, Close or an error")
	ErrHalfSample = errors.New("PCM with half a sample: odd number of bytes")
)

// WAV is the codec of RIFF files: with 16-bit PCM inside as WAV{}, with G.711 inside as MuLaw() and ALaw() return it.
type WAV struct {
	inside speech.Encoding // empty: speech.WAV
}

var _ Codec = WAV{}

// MuLaw returns the codec of RIFF files with G.711 µ-law inside, a byte a sample.
func MuLaw() WAV { return WAV{speech.MuLaw} }

// ALaw returns the codec of RIFF files with G.711 A-law inside, a byte a sample.
func ALaw() WAV { return WAV{speech.ALaw} }

// Info implements Codec.
func (w WAV) Info() Info {
	i := Info{Encoding: speech.WAV, MediaType: "audio/wav", Extension: "wav", Container: "RIFF WAVE", LabelIn: "`LIST` `INFO`, `ICMT`"}
	if w.inside != "" {
		i.Encoding, i.DefaultRate = w.inside, 8000
	}
	return i
}

// New implements Codec.
func (w WAV) New(ctx context.Context, f speech.Format, label *speech.Label) (Encoder, error) {
	if err := w.Info().Check(f); err != nil {
		return nil, err
	}
	e := &wavEncoder{pcm: pcmEncoder{ctx: ctx}, format: f, label: label}
	switch w.inside {
	case speech.MuLaw:
		e.law = muLaw()
	case speech.ALaw:
		e.law = aLaw()
	}
	return e, nil
}

// wavEncoder puts a header of unknown length before the first samples.
type wavEncoder struct {
	pcm     pcmEncoder
	format  speech.Format
	label   *speech.Label
	law     *law   // nil: samples pass as they are
	out     []byte // reused
	started bool
}

// Encode implements Encoder. The header leaves with the first samples; later calls return pcm itself where nothing is to be changed.
func (e *wavEncoder) Encode(ctx context.Context, pcm []byte) ([]byte, error) {
	if err := e.pcm.check(ctx, pcm); err != nil {
		return nil, err
	}
	if len(pcm) == 0 || e.started && e.law == nil {
		return pcm, nil
	}
	e.out = e.out[:0]
	if !e.started {
		e.started = true
		e.out = append(e.out, WAVHeader(e.format, e.label, -1)...)
	}
	if e.law == nil {
		e.out = append(e.out, pcm...)
		return e.out, nil
	}
	for i := 0; i < len(pcm); i += 2 {
		e.out = append(e.out, e.law.code(pcm[i], pcm[i+1]))
	}
	return e.out, nil
}

// Finish implements Encoder. A stream without a sample becomes a whole file of no samples.
func (e *wavEncoder) Finish(ctx context.Context) ([]byte, error) {
	if _, err := e.pcm.Finish(ctx); err != nil {
		return nil, err
	}
	if e.started {
		return nil, nil
	}
	return WAVHeader(e.format, e.label, 0), nil
}

// Close implements Encoder.
func (e *wavEncoder) Close() error { return e.pcm.Close() }

// Parts of a WAV file.
const (
	wavUnknown  = 0x7FFFF000 // bytes of data while the length is not known
	ds64Size    = 28         // of the chunk's body, without a table
	formatPCM   = 1          // WAVE_FORMAT_PCM
	formatALaw  = 6
	formatMuLaw = 7
)

// WAVHeader returns what comes before dataBytes bytes of samples (16-bit PCM; one byte a sample if f.Encoding is MuLaw or ALaw), mono: the
// RIFF header, 36 bytes that become "ds64" should the file outgrow 4 GiB (EBU Tech 3306), the format, "fact" for G.711, the label as LIST
// INFO where there is one, and the head of the data. A negative dataBytes means that the length is not known; Seal tells it to a file
// later. With an odd number of bytes of data a pad byte has to follow them.
//
// Not known is 0x7FFFF000, 4 KiB below 2 GiB: sox takes it to mean that, and all others read to the end of the stream (measured: ffmpeg
// and what builds on it, Python, Chromium). With 0xFFFFFFFF sox tells "Premature EOF" and ffmpeg "Ignoring maximum wav data size"; with
// 0 many read nothing. What is left is that ffmpeg tells "Packet corrupt" at the end of a stream which is not a whole number of its
// packets: see Info.BlockSamples. Players that trust the number stop after 12 hours at 24 kHz. The number of samples in "fact" is then 0, which
// ffmpeg takes to mean that it is not known; any other it shows as the duration, whatever the file's size.
func WAVHeader(f speech.Format, label *speech.Label, dataBytes int64) []byte {
	w := wavForm(f.Encoding)
	h := append([]byte("RIFF\x00\x00\x00\x00WAVEJUNK"), ds64Size, 0, 0, 0)
	h = append(h, make([]byte, ds64Size)...)
	h = append(h, "fmt "...)
	h = binary.LittleEndian.AppendUint32(h, uint32(16+w.extra))
	h = binary.LittleEndian.AppendUint16(h, w.tag)
	h = binary.LittleEndian.AppendUint16(h, 1) // channels
	h = binary.LittleEndian.AppendUint32(h, uint32(f.SampleRate))
	h = binary.LittleEndian.AppendUint32(h, uint32(f.SampleRate*w.bytes))
	h = binary.LittleEndian.AppendUint16(h, uint16(w.bytes))
	h = binary.LittleEndian.AppendUint16(h, uint16(8*w.bytes))
	fact := 0
	if w.extra > 0 { // every format but PCM says how long its extension is, and how many samples there are
		h = append(h, 0, 0, 'f', 'a', 'c', 't', 4, 0, 0, 0)
		fact = len(h)
		h = append(h, 0, 0, 0, 0)
	}
	h = append(h, metadata.Info(label)...)
	h = append(h, "data\x00\x00\x00\x00"...)
	setWAVLengths(h, wavLengths{fact: fact, data: len(h) - 4, frame: w.bytes}, dataBytes)
	return h
}

// wavForm is what the format chunk says of an encoding.
type wavFormat struct {
	tag   uint16
	bytes int // a sample
	extra int // bytes of the format chunk after the 16 of PCM
}

func wavForm(e speech.Encoding) wavFormat {
	switch e {
	case speech.MuLaw:
		return wavFormat{formatMuLaw, 1, 2}
	case speech.ALaw:
		return wavFormat{formatALaw, 1, 2}
	default:
		return wavFormat{formatPCM, 2, 0}
	}
}

// wavLengths is where a header that is followed by the data tells lengths.
type wavLengths struct {
	fact  int // offset of the number of samples; 0: there is none
	data  int // offset of the size of the data, the header's last 4 bytes
	frame int // bytes of a sample in all channels
}

// setWAVLengths writes the lengths into the header; a negative dataBytes: not known. What does not fit RIFF's 32 bits makes the header one of
// RF64; the JUNK chunk must be there.
func setWAVLengths(h []byte, at wavLengths, dataBytes int64) {
	size := dataBytes + dataBytes&1 + int64(len(h)) - 8
	samples := dataBytes / int64(at.frame)
	if dataBytes < 0 {
		dataBytes, samples = wavUnknown, 0
		size = wavUnknown + int64(len(h)) - 8
	}
	if size > math.MaxUint32 {
		copy(h, "RF64")
		copy(h[12:], "ds64")
		binary.LittleEndian.PutUint64(h[20:], uint64(size))
		binary.LittleEndian.PutUint64(h[28:], uint64(dataBytes))
		binary.LittleEndian.PutUint64(h[36:], uint64(samples))
		size, dataBytes, samples = math.MaxUint32, math.MaxUint32, min(samples, math.MaxUint32)
	}
	binary.LittleEndian.PutUint32(h[4:], uint32(size))
	if at.fact > 0 {
		binary.LittleEndian.PutUint32(h[at.fact:], uint32(samples))
	}
	binary.LittleEndian.PutUint32(h[at.data:], uint32(dataBytes))
}

// BlockSamples returns of how many samples a stream of format f should be a whole multiple, so that no player tells of a packet cut short: the
// utterance is filled up with silence (by who feeds the encoder: the encoder itself stays exact). It is 1 for all encodings but those in
// WAV. A WAV stream tells no length, and ffmpeg, which reads it packet by packet, calls a last packet that is not whole "corrupt" (and
// plays it). Its packets are 4096 bytes up to version 6.0, and since 6.1 the largest power of two of samples in a tenth of a second. Both
// are powers of two, so the larger is a multiple of the other.
func (i Info) BlockSamples(f speech.Format) int {
	switch i.Encoding {
	case speech.WAV, speech.MuLaw, speech.ALaw:
		old := 4096 / wavForm(i.Encoding).bytes
		return max(old, 1<<(bits.Len(uint(max(f.SampleRate, 10)/10))-1))
	default:
		return 1
	}
}
