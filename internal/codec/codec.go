// Package codec turns the PCM that Orotund makes into the encodings that callers ask for. An encoder is a pull-driven state
// machine of one stream: samples in, bytes out, no goroutine. Encoders that need native code run in a worker and are reached
// through the sub-package remote; the rest is pure Go and lives here. The sub-package conformance is the suite that all pass.
package codec

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Names of the fields that a refused format names in its error, as orotund.codec.v1 writes them. A protocol with other names
// (OpenAI's response_format) translates them at the edge.
const (
	FieldEncoding   = "encoding"
	FieldSampleRate = "sample_rate"
	FieldBitRate    = "bit_rate"
)

// Encoder turns PCM into the bytes of one stream. It is used by one goroutine at a time.
type Encoder interface {
	// Encode takes signed 16-bit little-endian mono samples at the format's rate and returns what is ready, which may be empty.
	// pcm is whole samples: an odd length is an error. The result is borrowed: it may share memory with pcm, and is valid until
	// pcm changes or the next call. After an error, or after Finish, only Close may be called.
	Encode(ctx context.Context, pcm []byte) ([]byte, error)
	// Finish tells that the audio is whole and returns what was left. The result is borrowed until Close.
	Finish(ctx context.Context) ([]byte, error)
	// Close ends the encoder at any point and frees what it holds. It may be called more than once.
	Close() error
}

// Codec makes encoders of one encoding. It is safe for concurrent use.
type Codec interface {
	// Info tells what the codec can do; it never changes.
	Info() Info
	// New starts an encoder for one stream of format f, which must be complete (see Set.Resolve). ctx holds for the life of the
	// encoder: when it ends, so does the encoder. A format that the codec cannot make is a fault.Invalid error that names the field.
	// label goes into the container's metadata, if it has any; nil: none.
	New(ctx context.Context, f speech.Format, label *speech.Label) (Encoder, error)
}

// Info describes a codec.
type Info struct {
	Encoding    speech.Encoding
	MediaType   string   // for Content-Type, for example "audio/mpeg"; PCM's needs its rate, see ContentType
	Extension   string   // of a file name, without the dot; of several encodings with the same one, the one of that name is meant by it
	Aliases     []string // other extensions that mean this encoding
	Container   string   // what is around the coded audio, for people; empty: nothing
	LabelIn     string   // where the container has the label, for people; empty: there is no place
	DefaultRate int      // Hz, where a request names none; 0: the server's
	SampleRates []int    // Hz, ascending; nil: all from speech.MinSampleRate to speech.MaxSampleRate
	BitRates    []int    // bit/s, ascending; nil: the encoding has no bit rate
	ClearBits   float64  // bits a sample at which speech is clear, for the default bit rate; 0: 8/3, which is 64 kbit/s at 24 kHz
	Library     string   // what encodes, with its version, for example "LAME 3.100"; empty: this package

	// Lead is how many samples a decoder yields before the first that was encoded, at every rate, and Frame the most that a coded frame
	// holds: the tail after the last sample is shorter than two frames. Both are 0 where players trim them or there are none.
	Lead, Frame int
}

// ContentType is the media type of a stream of format f, with the parameters that its reader needs.
func (i Info) ContentType(f speech.Format) string {
	if i.Encoding == speech.PCM {
		return fmt.Sprintf("%s;rate=%d;channels=1;encoding=signed-int;bits=16", i.MediaType, f.SampleRate)
	}
	return i.MediaType
}

// Check returns nil if the codec can make f as it stands, else a fault.Invalid error that names the field and what is allowed.
// A zero bit rate is refused if the encoding has bit rates.
func (i Info) Check(f speech.Format) error {
	if f.Encoding != i.Encoding {
		return fault.InvalidField(FieldEncoding, "must be %q", i.Encoding)
	}
	if err := i.checkRate(f.SampleRate); err != nil {
		return err
	}
	return i.checkBitRate(f.BitRate)
}

func (i Info) checkRate(rate int) error {
	if i.SampleRates == nil {
		if rate < speech.MinSampleRate || rate > speech.MaxSampleRate {
			return fault.InvalidField(FieldSampleRate, "must be from %d to %d Hz for %s", speech.MinSampleRate, speech.MaxSampleRate, i.Encoding)
		}
		return nil
	}
	if !slices.Contains(i.SampleRates, rate) {
		return fault.InvalidField(FieldSampleRate, "must be one of %s Hz for %s", list(i.SampleRates), i.Encoding)
	}
	return nil
}

func (i Info) checkBitRate(bits int) error {
	if len(i.BitRates) == 0 {
		if bits != 0 {
			return fault.InvalidField(FieldBitRate, "must be absent for %s, which has no choice of bit rates", i.Encoding)
		}
		return nil
	}
	if !slices.Contains(i.BitRates, bits) {
		return fault.InvalidField(FieldBitRate, "must be one of %s bit/s for %s", list(i.BitRates), i.Encoding)
	}
	return nil
}

// Resolve fills a zero sample rate with DefaultRate, else with defaultRate, or with the nearest that the codec takes from there up (else its highest),
// and a zero bit rate with one at which speech is clear: the lowest of at least ClearBits a sample. What the codec cannot make is refused
// as by Check.
func (i Info) Resolve(f speech.Format, defaultRate int) (speech.Format, error) {
	if f.SampleRate == 0 {
		defaultRate = cmp.Or(i.DefaultRate, defaultRate)
		f.SampleRate = defaultRate
		if len(i.SampleRates) > 0 {
			f.SampleRate = atLeast(i.SampleRates, defaultRate)
		}
	}
	if f.BitRate == 0 && len(i.BitRates) > 0 {
		f.BitRate = atLeast(i.BitRates, int(float64(f.SampleRate)*cmp.Or(i.ClearBits, 8.0/3)))
	}
	if err := i.Check(f); err != nil {
		return speech.Format{}, err
	}
	return f, nil
}

// atLeast returns the first of the ascending values that is not below low, else the last.
func atLeast(values []int, low int) int {
	at, _ := slices.BinarySearch(values, low)
	return values[min(at, len(values)-1)]
}

func list(values []int) string {
	var b strings.Builder
	for n, v := range values {
		if n > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", v)
	}
	return b.String()
}
