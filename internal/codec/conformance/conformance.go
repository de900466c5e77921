// Package conformance is the suite that every codec passes. It is for tests.
package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Options tell what the suite may expect of a codec.
type Options struct {
	// Decode turns a whole stream of format f back into samples; nil: ffmpeg does. The tests that decode are skipped where a program
	// is not installed.
	Decode func(ctx context.Context, f speech.Format, data []byte) ([]int16, error)
	// Lossless codecs give back the samples that they were given, exactly.
	Lossless bool
	// MaxExtra is how much longer, and MaxLost how much shorter, the decoded audio of a lossy codec may be.
	MaxExtra, MaxLost time.Duration
	// MaxSampleError is how far a decoded sample may be from the one that went in, for a codec that codes each on its own (G.711). 0: only
	// the level is compared.
	MaxSampleError int
	// MaxLevelError is how far the level of a decoded tone may be off in dB, for a lossy codec.
	MaxLevelError float64
	// FirstBytes is how much audio may go in before the first bytes come out.
	FirstBytes time.Duration
	// Bare tells that the stream has no container: nothing tells what it is, and there is no place for a label. PCM is.
	Bare bool
	// Rates are the sample rates to try; empty: 24000 Hz and the ends of what the codec takes.
	Rates []int
}

// suite is one run.
type suite struct {
	codec codec.Codec
	opts  Options
}

// Run runs the suite on a codec.
func Run(t *testing.T, c codec.Codec, opts Options) {
	s := &suite{codec: c, opts: opts}
	s.opts.Bare = opts.Bare || c.Info().Encoding == speech.PCM
	if len(s.opts.Rates) == 0 {
		s.opts.Rates = []int{speech.MinSampleRate, 24000, speech.MaxSampleRate}
		if r := c.Info().SampleRates; len(r) > 0 {
			s.opts.Rates = []int{r[0], r[len(r)-1]}
		}
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Info", s.info}, {"Refuses", s.refuses}, {"Empty", s.empty}, {"OneSample", s.oneSample}, {"Pieces", s.pieces}, {"Borrows", s.borrows},
		{"FirstBytes", s.firstBytes}, {"HalfSample", s.halfSample}, {"AfterFinish", s.afterFinish}, {"Close", s.closes}, {"Cancel", s.cancel},
		{"Deadline", s.deadline}, {"DecodesBack", s.decodesBack}, {"Counts", s.counts}, {"Together", s.together}, {"Label", s.label}, {"NoLabel", s.noLabel},
		{"Quiet", s.quiet},
	} {
		t.Run(test.name, test.run)
	}
}

// format returns the codec's default format at a rate.
func (s *suite) format(t *testing.T, rate int) speech.Format {
	t.Helper()
	f, err := s.codec.Info().Resolve(speech.Format{Encoding: s.codec.Info().Encoding, SampleRate: rate}, 24000)
	if err != nil {
		t.Fatalf("resolve %d Hz: %v", rate, err)
	}
	return f
}

// start returns an encoder that the test closes.
func (s *suite) start(t *testing.T, ctx context.Context) codec.Encoder { //nolint:revive // t comes first in helpers
	t.Helper()
	return s.startAt(t, ctx, s.format(t, 0), nil)
}

func (s *suite) startAt(t *testing.T, ctx context.Context, f speech.Format, label *speech.Label) codec.Encoder { //nolint:revive // t comes first in helpers
	t.Helper()
	e, err := s.codec.New(ctx, f, label)
	if err != nil {
		t.Fatalf("new encoder of %s: %v", f, err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

// encode encodes pcm in pieces of size bytes and returns the whole stream.
func (s *suite) encode(t *testing.T, f speech.Format, pcm []byte, size int) []byte {
	t.Helper()
	return s.encodeLabelled(t, f, pcm, size, nil)
}

func (s *suite) encodeLabelled(t *testing.T, f speech.Format, pcm []byte, size int, label *speech.Label) []byte {
	t.Helper()
	e := s.startAt(t, t.Context(), f, label)
	var out []byte
	for piece := range slices.Chunk(pcm, size) {
		data, err := e.Encode(t.Context(), piece)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		out = append(out, data...)
	}
	data, err := e.Finish(t.Context())
	if err != nil {
		t.Fatalf("finish: %v", err)
	}
	return append(out, data...)
}

// amplitude of the test tone, of full scale.
const amplitude = 0.4

// tone returns a sine of 440 Hz as PCM.
func tone(rate int, d time.Duration) []byte {
	n := int(d.Seconds() * float64(rate))
	pcm := make([]byte, 0, 2*n)
	for i := range n {
		v := int16(math.Round(amplitude * 32767 * math.Sin(2*math.Pi*440*float64(i)/float64(rate))))
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(v))
	}
	return pcm
}

func (s *suite) info(t *testing.T) {
	i := s.codec.Info()
	if i.Encoding == "" || i.MediaType == "" || i.Extension == "" || i.Extension[0] == '.' {
		t.Errorf("not complete: %+v", i)
	}
	if !slices.IsSorted(i.SampleRates) || !slices.IsSorted(i.BitRates) {
		t.Errorf("rates are not ascending: %+v", i)
	}
	for _, rate := range append([]int{0}, s.opts.Rates...) {
		if f := s.format(t, rate); i.Check(f) != nil || rate != 0 && f.SampleRate != rate {
			t.Errorf("%d Hz resolved to %s", rate, f)
		}
	}
}

// refuses asks for what the codec cannot do, of New itself.
func (s *suite) refuses(t *testing.T) {
	good := s.format(t, 0)
	for _, c := range []struct {
		field  string
		change func(*speech.Format)
	}{
		{codec.FieldEncoding, func(f *speech.Format) { f.Encoding = "no such encoding" }},
		{codec.FieldEncoding, func(f *speech.Format) { f.Encoding = "" }},
		{codec.FieldSampleRate, func(f *speech.Format) { f.SampleRate = 0 }},
		{codec.FieldSampleRate, func(f *speech.Format) { f.SampleRate = -24000 }},
		{codec.FieldSampleRate, func(f *speech.Format) { f.SampleRate = speech.MinSampleRate - 1 }},
		{codec.FieldSampleRate, func(f *speech.Format) { f.SampleRate = speech.MaxSampleRate + 1 }},
		{codec.FieldBitRate, func(f *speech.Format) { f.BitRate = -1 }},
		{codec.FieldBitRate, func(f *speech.Format) { f.BitRate = 64001 }},
	} {
		f := good
		c.change(&f)
		e, err := s.codec.New(t.Context(), f, nil)
		if err == nil {
			t.Errorf("%s: not refused", f)
			_ = e.Close()
			continue
		}
		var fe *fault.Error
		if !errors.As(err, &fe) || fe.Kind != fault.Invalid || fe.Field != c.field {
			t.Errorf("%s: refused as %v, want an invalid %s", f, err, c.field)
		}
	}
}

func (s *suite) empty(t *testing.T) {
	f := s.format(t, 0)
	if data := s.encode(t, f, nil, 2); len(data) > 0 {
		s.checkLength(t, f, data, 0)
	}
}

func (s *suite) oneSample(t *testing.T) {
	f := s.format(t, 0)
	s.checkLength(t, f, s.encode(t, f, []byte{1, 2}, 2), 1)
}

func (s *suite) pieces(t *testing.T) {
	for _, rate := range s.opts.Rates {
		f := s.format(t, rate)
		pcm := tone(rate, 210*time.Millisecond)
		want := s.encode(t, f, pcm, len(pcm))
		for _, samples := range []int{1, 3, 480, 575, 576, 1151, 1153, 4000} {
			if samples == 1 && rate > 24000 {
				continue // slow, and shown by the other rates
			}
			if got := s.encode(t, f, pcm, 2*samples); !bytes.Equal(got, want) {
				t.Errorf("%s in pieces of %d samples: %d bytes that differ from the %d of one piece", f, samples, len(got), len(want))
			}
		}
	}
}

// borrows shows that the encoder keeps nothing of the caller's buffer.
func (s *suite) borrows(t *testing.T) {
	f := s.format(t, 0)
	pcm := tone(f.SampleRate, 100*time.Millisecond)
	want := s.encode(t, f, pcm, 960)
	e := s.start(t, t.Context())
	buf := make([]byte, 960)
	var got []byte
	for piece := range slices.Chunk(pcm, len(buf)) {
		n := copy(buf, piece)
		data, err := e.Encode(t.Context(), buf[:n])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf[:n], piece) {
			t.Fatal("the encoder changed the caller's samples")
		}
		got = append(got, data...)
		for i := range buf {
			buf[i] = 0x55
		}
	}
	data, err := e.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got = append(got, data...); !bytes.Equal(got, want) {
		t.Error("the stream depends on what happens to the caller's buffer")
	}
}

// firstBytes measures how much audio has to go in before bytes come out, which a label may not make more.
func (s *suite) firstBytes(t *testing.T) {
	f := s.format(t, 0)
	const step = 10 * time.Millisecond
	pcm := tone(f.SampleRate, step)
	for _, label := range []*speech.Label{nil, label()} {
		e := s.startAt(t, t.Context(), f, label)
		for in, first := step, 0; first == 0; in += step {
			data, err := e.Encode(t.Context(), pcm)
			if err != nil {
				t.Fatal(err)
			}
			if first = len(data); first > 0 {
				t.Logf("first %d bytes after %v of audio, with a label: %v", first, in, label != nil)
			} else if in >= s.opts.FirstBytes {
				t.Fatalf("no bytes after %v of audio, with a label: %v", in, label != nil)
			}
		}
	}
}
