package conformance

import (
	"bytes"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// label is one that has to be escaped and decoded with care.
func label() *speech.Label {
	return &speech.Label{
		Producer: `声音 "R&D" <éä>`, ContentID: "0198f2a4-7c1e-7aaa-8bbb-000000000001", Time: time.Date(2026, 3, 1, 23, 59, 7, 0, time.UTC),
	}
}

// label finds the label in the stream, and in it what the stream is.
func (s *suite) label(t *testing.T) {
	if s.opts.Bare {
		t.Skip("the encoding has no container, and so no place for a label")
	}
	want := label()
	for _, rate := range s.opts.Rates {
		f := s.format(t, rate)
		pcm := tone(rate, 300*time.Millisecond)
		m := read(t, s.encodeLabelled(t, f, pcm, 960, want))
		if m.Label == nil || m.Label.Producer != want.Producer || m.Label.ContentID != want.ContentID || !m.Label.Time.Equal(want.Time) {
			t.Errorf("%s: label %+v, want %+v; of %+v", f, m.Label, want, m.Tags)
		}
		if len(m.Notes) > 0 {
			t.Errorf("%s: %q", f, m.Notes)
		}
		s.checkFacts(t, f, m, len(pcm)/2)
	}
	f := s.format(t, 0)
	if data := s.encodeLabelled(t, f, nil, 2, want); len(data) > 0 {
		if m := read(t, data); m.Label == nil {
			t.Errorf("%s without a sample: no label", f)
		}
	}
}

// noLabel shows that a stream tells nothing that it was not asked to.
func (s *suite) noLabel(t *testing.T) {
	if s.opts.Bare {
		t.Skip("the encoding has no container, and so no place for a label")
	}
	f := s.format(t, 0)
	pcm := tone(f.SampleRate, 300*time.Millisecond)
	data := s.encode(t, f, pcm, 960)
	m := read(t, data)
	if m.Label != nil || bytes.Contains(data, []byte(metadata.Key)) {
		t.Errorf("there is a label: %+v, %+v", m.Label, m.Tags)
	}
	s.checkFacts(t, f, m, len(pcm)/2)
}

func read(t *testing.T, data []byte) metadata.File {
	t.Helper()
	m, err := metadata.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkFacts compares what the stream says of itself with what went in.
func (s *suite) checkFacts(t *testing.T, f speech.Format, m metadata.File, samples int) {
	t.Helper()
	rate := m.SampleRate
	if f.Encoding == speech.Opus {
		rate = m.SourceRate
		m.Samples = m.Samples * int64(rate) / int64(m.SampleRate)
	}
	if rate != f.SampleRate || m.Channels != 1 {
		t.Errorf("%s: reads as %d Hz, %d channels", f, rate, m.Channels)
	}
	low, high := s.bounds(f, samples)
	if m.Samples < int64(low) || m.Samples > int64(high) {
		t.Errorf("%s: %d samples of %d are told", f, m.Samples, samples)
	}
}

// guessed is what ffmpeg's command line says of every WAV file of one channel that is not extensible.
var guessed = regexp.MustCompile(`(?m)^Guessed Channel Layout.*\n`)

// quiet decodes a stream that was filled up as its codec asks for: ffmpeg has nothing to warn of.
func (s *suite) quiet(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil || s.opts.Decode != nil || s.opts.Bare {
		t.Skip("ffmpeg is not installed, or does not know this stream by itself")
	}
	for _, rate := range s.opts.Rates {
		f := s.format(t, rate)
		block := s.codec.Info().BlockSamples(f)
		if block < 1 {
			t.Fatalf("%s: blocks of %d samples", f, block)
		}
		n := (rate/3/block + 1) * block
		out, says, err := runFFmpeg(t.Context(), "warning", f, s.encodeLabelled(t, f, tone(rate, time.Second)[:2*n], 960, label()))
		if says = guessed.ReplaceAllString(says, ""); err != nil || says != "" {
			t.Errorf("%s, %d samples: %v, ffmpeg says %s", f, n, err, says)
		}
		if low, high := s.bounds(f, n); len(out)/2 < low || len(out)/2 > high {
			t.Errorf("%s: %d samples with a label became %d", f, n, len(out)/2)
		}
	}
}
