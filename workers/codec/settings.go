package main

import (
	"slices"
	"strings"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/workers/codec/internal/aac"
	"github.com/orotund/orotund/workers/codec/internal/lame"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// quality is LAME's level. Measured with speech of 24 kHz at 64 kbit/s on one core: level 3 325 times real time, 5 (and 6, which
// sounds the same) 450, 7 750. From 7 on LAME no longer shapes its noise to what the ear hides, so 5 is the fastest that does.
const quality = 5

// reservoir is off: each frame decodes by itself, so that a stream can be cut at any frame. At 64 kbit/s it would gain 0.2 dB.
const reservoir = false

// encoder is one stream of any encoding.
type encoder interface {
	// Encode appends the frames that pcm, whole samples of 16 bits, completes to dst.
	Encode(dst, pcm []byte) ([]byte, error)
	// Flush appends what is left to dst.
	Flush(dst []byte) ([]byte, error)
	// Close frees the stream, at any point and more than once.
	Close()
}

// encoding is what the worker can make, and what it takes for it.
type encoding struct {
	name           string
	library        string // with its version
	sampleRates    []int
	bitRates       func(sampleRate int) []int
	defaultBitRate func(sampleRate int) int
	open           func(sampleRate, bitRate int) (encoder, error) // the rates are of the tables above
}

// encodings are what this program makes.
func encodings() []encoding { return []encoding{aacEncoding(), mp3Encoding()} }

func mp3Encoding() encoding {
	return encoding{
		name: "mp3", library: "LAME " + lame.Version(), sampleRates: lame.SampleRates(), bitRates: lame.BitRates,
		// What speech needs to sound as its source does, with some to spare.
		defaultBitRate: func(sampleRate int) int {
			switch {
			case sampleRate <= 12000:
				return 32000
			case sampleRate <= 16000:
				return 48000
			case sampleRate <= 32000:
				return 64000
			default:
				return 96000
			}
		},
		open: func(sampleRate, bitRate int) (encoder, error) {
			e, err := lame.New(lame.Settings{SampleRate: sampleRate, BitRate: bitRate, Quality: quality, Reservoir: reservoir})
			if err != nil { // not e: a nil pointer in an interface is not nil
				return nil, err
			}
			return e, nil
		},
	}
}

func aacEncoding() encoding {
	pool := new(aac.Pool)
	return encoding{
		name: "aac", library: "go-aac " + aac.Version, sampleRates: aac.SampleRates(),
		bitRates: func(int) []int { return aac.BitRates() },
		// The spectrum of speech is within 0.6 dB of its source's.
		defaultBitRate: func(int) int { return 96000 },
		open: func(sampleRate, bitRate int) (encoder, error) {
			e, err := pool.Open(aac.Settings{SampleRate: sampleRate, BitRate: bitRate})
			if err != nil {
				return nil, err
			}
			return e, nil
		},
	}
}

// open validates settings and returns an encoder for them. Its errors are for the caller and name the field.
func (s *service) open(settings *codecv1.EncodeSettings) (encoder, error) {
	at := slices.IndexFunc(s.encodings, func(e encoding) bool { return e.name == settings.GetEncoding() })
	if at < 0 {
		return nil, status.Errorf(codes.InvalidArgument, "settings.encoding is %q; this worker has %s", settings.GetEncoding(), s.names())
	}
	e := s.encodings[at]
	rate, bits := int(settings.GetSampleRate()), int(settings.GetBitRate())
	if !slices.Contains(e.sampleRates, rate) {
		return nil, status.Errorf(codes.InvalidArgument, "settings.sample_rate is %d; %s has %v", rate, e.name, e.sampleRates)
	}
	if bits == 0 {
		bits = e.defaultBitRate(rate)
	}
	if allowed := e.bitRates(rate); !slices.Contains(allowed, bits) {
		return nil, status.Errorf(codes.InvalidArgument, "settings.bit_rate is %d; %s of %d Hz has %v", bits, e.name, rate, allowed)
	}
	opened, err := e.open(rate, bits)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return opened, nil
}

// names lists the encodings for a message.
func (s *service) names() string {
	names := make([]string, len(s.encodings))
	for i, e := range s.encodings {
		names[i] = e.name
	}
	return strings.Join(names, ", ")
}

// describe lists what open takes. The bit rates are those of any sample rate; not every pair exists.
func (s *service) describe() *codecv1.DescribeResponse {
	d := &codecv1.DescribeResponse{}
	for _, e := range s.encodings {
		described := &codecv1.Encoding{Name: e.name, Library: e.library}
		var all []int
		for _, rate := range e.sampleRates {
			described.SampleRates = append(described.SampleRates, int32(rate))
			all = append(all, e.bitRates(rate)...)
		}
		slices.Sort(all)
		for _, bits := range slices.Compact(all) {
			described.BitRates = append(described.BitRates, int32(bits))
		}
		d.Encodings = append(d.Encodings, described)
	}
	return d
}
