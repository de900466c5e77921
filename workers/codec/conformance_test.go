package main

import (
	"context"
	"slices"
	"testing"
	"time"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/conformance"
	"github.com/orotund/orotund/internal/codec/remote"
	"github.com/orotund/orotund/workers/codec/internal/aac"
)

// TestConformance runs the suite of all codecs over this worker, as the main program reaches it. Lead and tail of both encodings are
// less than four frames together. LAME makes streams of constant bit rate 0.45 dB quieter.
func TestConformance(t *testing.T) {
	for _, tc := range []struct {
		info codec.Info
		opts conformance.Options
	}{
		{codec.MP3(), conformance.Options{MaxExtra: 4 * 1152 * time.Second / 24000, MaxLevelError: 0.6, FirstBytes: 100 * time.Millisecond}},
		{codec.AAC(), conformance.Options{MaxExtra: 3 * 1024 * time.Second / 44100, MaxLevelError: 0.2, FirstBytes: 50 * time.Millisecond}},
	} {
		t.Run(string(tc.info.Encoding), func(t *testing.T) {
			client := serve(t, 16)
			conformance.Run(t, remote.New(tc.info, func(context.Context) (codecv1.EncoderClient, func(), error) { return client, func() {}, nil }), tc.opts)
			waitIdle(t, client)
		})
	}
}

// TestSameTables checks that the main program offers what this worker takes, and knows its figures.
func TestSameTables(t *testing.T) {
	d, err := serve(t, 1).Describe(t.Context(), &codecv1.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for i, info := range []codec.Info{codec.AAC(), codec.MP3()} {
		e := d.GetEncodings()[i]
		if e.GetName() != string(info.Encoding) || !slices.Equal(ints(e.GetSampleRates()), info.SampleRates) || !slices.Equal(ints(e.GetBitRates()), info.BitRates) {
			t.Errorf("the worker has %v, the main program %s of %v Hz at %v bit/s", e, info.Encoding, info.SampleRates, info.BitRates)
		}
	}
	if info := codec.AAC(); info.Lead != aac.Lead || info.Frame != aac.FrameSamples {
		t.Errorf("aac: a lead of %d and frames of %d, want %d and %d", info.Lead, info.Frame, aac.Lead, aac.FrameSamples)
	}
	if info := codec.MP3(); info.Lead != 1105 || info.Frame != 1152 { // as internal/lame measures
		t.Errorf("mp3: a lead of %d and frames of %d, want 1105 and 1152", info.Lead, info.Frame)
	}
}

func ints(values []int32) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
	}
	return out
}
