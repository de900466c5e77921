package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// Sealable is a file that Seal can change, for example an *os.File.
type Sealable interface {
	io.ReaderAt
	io.WriterAt
}

// Seal tells a stream that was written to a file as a whole, size bytes of encoding e, its true length, in place:
//
//   - WAV, MuLaw, ALaw: all sizes in the header; beyond 4 GiB the file becomes RF64. Data of an odd length get the pad byte that RIFF wants, so
//     the file may grow by one byte.
//   - FLAC: the number of samples in STREAMINFO.
//   - MP3 that begins with a label's tag: the padding that the tag ends in becomes an Info frame, which tells the number of frames and, if
//     samples is known, how many samples of lead and tail there are, for players to trim.
//
// All others tell their length as they are. samples is how many went into the encoder, 0 if that is not known; only MP3 needs it. A file
// that has its lengths is left as it is, so Seal may be called again. An error tells what keeps the file from being one of encoding e, with the
// byte at which that is; nothing is written then.
func Seal(f Sealable, size int64, e speech.Encoding, samples int64) error {
	var err error
	switch {
	case size == 0: // not even a header: nothing can be told
	case e == speech.WAV || e == speech.MuLaw || e == speech.ALaw:
		err = sealWAV(f, size)
	case e == speech.FLAC:
		err = sealFLAC(f, size)
	case e == speech.MP3:
		err = sealMP3(f, size, samples)
	}
	if err != nil {
		return fmt.Errorf("tell %s its length: %w", e, err)
	}
	return nil
}

// sealHead is how many bytes a header, with what stands before the audio, may have.
const sealHead = 64 << 10

// head reads the beginning of the file.
func head(f io.ReaderAt, size int64) ([]byte, error) {
	b := make([]byte, min(size, sealHead))
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

func sealWAV(f Sealable, size int64) error {
	h, err := head(f, size)
	if err != nil {
		return err
	}
	if len(h) < 12 || string(h[:4]) != "RIFF" && string(h[:4]) != "RF64" || string(h[8:12]) != "WAVE" {
		return errors.New("byte 0: no RIFF header")
	}
	var at wavLengths
	long := false // there is room for ds64
	for pos := 12; at.data == 0; {
		if pos+8 > len(h) {
			return fmt.Errorf("byte %d: no data chunk", pos)
		}
		id, n := string(h[pos:pos+4]), int64(binary.LittleEndian.Uint32(h[pos+4:]))
		body := pos + 8
		switch {
		case id == "data":
			at.data = pos + 4
			h = h[:body]
			continue
		case n > int64(len(h)-body):
			return fmt.Errorf("byte %d: chunk %q of %d bytes before the data", pos, id, n)
		case id == "JUNK" && pos == 12:
			long = n == ds64Size
		case id == "fmt " && n >= 16:
			at.frame = int(binary.LittleEndian.Uint16(h[body+12:]))
		case id == "fact" && n >= 4:
			at.fact = body
		}
		pos = body + int(n+n&1)
	}
	told := binary.LittleEndian.Uint32(h[at.data:])
	if told != wavUnknown && (told != math.MaxUint32 || string(h[:4]) == "RF64") {
		return nil // it has its lengths
	}
	if at.frame == 0 {
		return errors.New("no format chunk before the data")
	}
	data := size - int64(len(h))
	if size > math.MaxUint32 && !long {
		return errors.New("byte 12: no JUNK chunk, so a file over 4 GiB cannot become RF64")
	}
	setWAVLengths(h, at, data)
	if data%2 != 0 {
		if _, err := f.WriteAt([]byte{0}, size); err != nil {
			return err
		}
	}
	_, err = f.WriteAt(h, 0)
	return err
}

func sealFLAC(f Sealable, size int64) error {
	samples, sealed, err := metadata.FLACSamples(f, size)
	switch {
	case err != nil || sealed:
		return err
	case samples < 0:
		return fmt.Errorf("byte %d: the file does not end with a whole frame", size)
	case samples >= 1<<36:
		return nil // more than STREAMINFO can tell; 0 stays, which means just that
	}
	const at = 18 // the rate, channels and depth, and in the last 36 bits the number of samples
	b := make([]byte, 8)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	binary.BigEndian.PutUint64(b, binary.BigEndian.Uint64(b)|uint64(samples))
	_, err = f.WriteAt(b, at)
	return err
}
