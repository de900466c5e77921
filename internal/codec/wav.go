package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/orotund/orotund/internal/speech"
)

// Errors of encoders that are used against their contract. They are the program's faults, not the caller's.
var (
	ErrEnded      = errors.New("encoder used after Finish, Close or an error")
	ErrHalfSample = errors.New("PCM with half a sample: odd number of bytes")
)

// WAVHeaderSize is the length of what WAVHeader returns.
const WAVHeaderSize = 44

// WAV is the codec of RIFF files with 16-bit PCM inside.
type WAV struct{}

var _ Codec = WAV{}

// Info implements Codec.
func (WAV) Info() Info {
	return Info{Encoding: speech.WAV, MediaType: "audio/wav", Extension: "wav"}
}

// New implements Codec.
func (w WAV) New(ctx context.Context, f speech.Format, _ *speech.Label) (Encoder, error) {
	if err := w.Info().Check(f); err != nil {
		return nil, err
	}
	return &wavEncoder{pcm: pcmEncoder{ctx: ctx}, rate: f.SampleRate}, nil
}

// wavEncoder puts a header of unknown length before the first samples.
type wavEncoder struct {
	pcm     pcmEncoder
	rate    int
	started bool
}

// Encode implements Encoder. The header leaves with the first samples; later calls return pcm itself.
func (e *wavEncoder) Encode(ctx context.Context, pcm []byte) ([]byte, error) {
	if err := e.pcm.check(ctx, pcm); err != nil {
		return nil, err
	}
	if e.started || len(pcm) == 0 {
		return pcm, nil
	}
	e.started = true
	return append(WAVHeader(e.rate, -1), pcm...), nil
}

// Finish implements Encoder. A stream without a sample becomes a whole file of no samples.
func (e *wavEncoder) Finish(ctx context.Context) ([]byte, error) {
	if _, err := e.pcm.Finish(ctx); err != nil {
		return nil, err
	}
	if e.started {
		return nil, nil
	}
	return WAVHeader(e.rate, 0), nil
}

// Close implements Encoder.
func (e *wavEncoder) Close() error { return e.pcm.Close() }

// WAVHeader returns the 44 bytes that come before dataBytes bytes of 16-bit mono PCM at rate Hz. A stream's header is written
// with a negative dataBytes, which means that the length is not known; a program that wrote the stream to a file writes the
// header again over it with the length. Lengths that do not fit the format's 32 bits are written as not known.
//
// Not known is 0xFFFFFFFF in both sizes: what ffmpeg and OpenAI write to streams, and the one value that ffmpeg (and so Chrome and
// VLC) takes to mean it. ffmpeg, sox and Python's wave module then read to the end. ffmpeg tells "Ignoring maximum wav data size"
// and sox "Premature EOF", as warnings; no other value silences ffmpeg, and 0x7FFFF000, which silences sox, is 12 hours to others.
func WAVHeader(rate int, dataBytes int64) []byte {
	const riffRest = WAVHeaderSize - 8 // what the RIFF size counts besides the data
	riff, data := uint32(math.MaxUint32), uint32(math.MaxUint32)
	if dataBytes >= 0 && dataBytes <= math.MaxUint32-riffRest {
		riff, data = uint32(dataBytes)+riffRest, uint32(dataBytes)
	}
	const channels, bytesPerSample = 1, 2
	h := make([]byte, 0, WAVHeaderSize)
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, riff)
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16) // length of the format chunk
	h = binary.LittleEndian.AppendUint16(h, 1)  // integer PCM
	h = binary.LittleEndian.AppendUint16(h, channels)
	h = binary.LittleEndian.AppendUint32(h, uint32(rate))
	h = binary.LittleEndian.AppendUint32(h, uint32(rate*channels*bytesPerSample))
	h = binary.LittleEndian.AppendUint16(h, channels*bytesPerSample)
	h = binary.LittleEndian.AppendUint16(h, 8*bytesPerSample)
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, data)
}
