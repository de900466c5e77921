package main

import (
	"slices"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/workers/codec/internal/lame"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// quality is LAME's level. Measured with speech of 24 kHz at 64 kbit/s on one core: level 3 325 times real time, 5 (and 6, which
// sounds the same) 450, 7 750. From 7 on LAME no longer shapes its noise to what the ear hides, so 5 is the fastest that does.
const quality = 5

// reservoir is off: each frame decodes by itself, so that a stream can be cut at any frame. At 64 kbit/s it would gain 0.2 dB.
const reservoir = false

// defaultBitRate is what speech needs to sound as its source does, with some to spare, at a sample rate in Hz.
func defaultBitRate(sampleRate int) int {
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
}

// open validates settings and returns an encoder for them. Its errors are for the caller and name the field.
func open(s *codecv1.EncodeSettings) (*lame.Encoder, error) {
	if s.GetEncoding() != "mp3" {
		return nil, status.Errorf(codes.InvalidArgument, "settings.encoding is %q; this worker has mp3", s.GetEncoding())
	}
	rate, bits := int(s.GetSampleRate()), int(s.GetBitRate())
	if !slices.Contains(lame.SampleRates(), rate) {
		return nil, status.Errorf(codes.InvalidArgument, "settings.sample_rate is %d; mp3 has %v", rate, lame.SampleRates())
	}
	if bits == 0 {
		bits = defaultBitRate(rate)
	}
	if !slices.Contains(lame.BitRates(rate), bits) {
		return nil, status.Errorf(codes.InvalidArgument, "settings.bit_rate is %d; mp3 of %d Hz has %v", bits, rate, lame.BitRates(rate))
	}
	e, err := lame.New(lame.Settings{SampleRate: rate, BitRate: bits, Quality: quality, Reservoir: reservoir})
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return e, nil
}

// describe lists what open takes. The bit rates are those of any sample rate; not every pair exists.
func describe() *codecv1.DescribeResponse {
	mp3 := &codecv1.Encoding{Name: "mp3", Library: "LAME " + lame.Version()}
	var all []int
	for _, rate := range lame.SampleRates() {
		mp3.SampleRates = append(mp3.SampleRates, int32(rate))
		all = append(all, lame.BitRates(rate)...)
	}
	slices.Sort(all)
	for _, bits := range slices.Compact(all) {
		mp3.BitRates = append(mp3.BitRates, int32(bits))
	}
	return &codecv1.DescribeResponse{Encodings: []*codecv1.Encoding{mp3}}
}
