package codec_test

import (
	"encoding/binary"
	"testing"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/speech"
)

// everySample is all samples there are, in ascending order.
func everySample() []byte {
	var pcm []byte
	for v := -1 << 15; v < 1<<15; v++ {
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(v))
	}
	return pcm
}

// codes encodes PCM and takes the header off.
func codes(t testing.TB, c codec.WAV, pcm []byte) []byte {
	t.Helper()
	f := speech.Format{Encoding: c.Info().Encoding, SampleRate: 8000}
	e, err := c.New(t.Context(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Encode(t.Context(), pcm)
	if err != nil {
		t.Fatal(err)
	}
	return out[len(codec.WAVHeader(f, nil, -1)):]
}

// TestG711Decisions compares all codes with the decision values of the tables of G.711 (1a for A-law, 2a for µ-law): the ends of the segments
// and the steps between them, here in 16 bits.
func TestG711Decisions(t *testing.T) {
	for _, c := range []struct {
		codec codec.WAV
		ends  []int // of the segments
		steps []int // how many each is cut into
		code  func(level int) byte
	}{
		{codec.MuLaw(), []int{4, 124, 380, 892, 1916, 3964, 8060, 16252, 32636}, []int{15, 16, 16, 16, 16, 16, 16, 16}, func(level int) byte { return 0xFF - byte(level) }},
		{codec.ALaw(), []int{0, 1024, 2048, 4096, 8192, 16384, 32768}, []int{64, 16, 16, 16, 16, 16, 0}, nil},
	} {
		if c.code == nil { // segments 0 and 1 of A-law have the same steps
			c.ends = []int{0, 512, 1024, 2048, 4096, 8192, 16384, 32768}
			c.steps = []int{32, 16, 16, 16, 16, 16, 16}
			c.code = func(level int) byte { return (0x80 + byte(level)) ^ 0x55 }
		}
		var decisions []int // sample at which each level begins
		if c.ends[0] > 0 {
			decisions = append(decisions, 0)
		}
		for i, n := range c.steps {
			for k := range n {
				decisions = append(decisions, c.ends[i]+(c.ends[i+1]-c.ends[i])/n*k)
			}
		}
		if len(decisions) != 128 {
			t.Fatalf("%d levels", len(decisions))
		}
		got := codes(t, c.codec, everySample())
		level := 0
		for v := range 1 << 15 {
			for level < 127 && v >= decisions[level+1] {
				level++
			}
			want := c.code(level)
			if got[1<<15+v] != want || got[1<<15-1-v] != want^0x80 { // -1-v is v's mirror in two's complement
				t.Fatalf("%s: %d became %#x and %d became %#x, want level %d", c.codec.Info().Encoding, v, got[1<<15+v], -1-v, got[1<<15-1-v], level)
			}
		}
	}
}

// TestG711Tools decodes all codes and encodes all samples with ffmpeg and sox. Decoders agree; encoders cut at other places, each its own, so
// that a sample near a cut is one step off at most.
func TestG711Tools(t *testing.T) {
	pcm := everySample()
	for _, c := range []struct {
		codec       codec.WAV
		ffmpeg, sox string
	}{{codec.MuLaw(), "mulaw", "u-law"}, {codec.ALaw(), "alaw", "a-law"}} {
		mine := codes(t, c.codec, pcm)
		for tool, command := range map[string][2][]string{
			"ffmpeg": {
				{"ffmpeg", "-v", "error", "-f", c.ffmpeg, "-ar", "8000", "-ac", "1", "-i", "-", "-f", "s16le", "-"},
				{"ffmpeg", "-v", "error", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-", "-f", c.ffmpeg, "-"},
			},
			"sox": {
				{"sox", "-D", "-t", "raw", "-e", c.sox, "-b", "8", "-r", "8000", "-c", "1", "-", "-t", "raw", "-e", "signed", "-b", "16", "-"},
				{"sox", "-D", "-t", "raw", "-e", "signed", "-b", "16", "-r", "8000", "-c", "1", "-", "-t", "raw", "-e", c.sox, "-b", "8", "-"},
			},
		} {
			t.Run(c.ffmpeg+"/"+tool, func(t *testing.T) {
				back, _ := runTool(t, mine, command[0]...)
				again := codes(t, c.codec, back)
				theirs, _ := runTool(t, pcm, command[1]...)
				other := 0
				for i := range mine {
					v := int16(binary.LittleEndian.Uint16(back[2*i:]))
					if again[i] != mine[i] && v != 0 { // µ-law has two zeros
						t.Fatalf("%d decodes to %d, which encodes as %#x, not %#x", i-1<<15, v, again[i], mine[i])
					}
					if off := theirs[i] - mine[i]; off != 0 {
						other++
						if d := levelOf(c.ffmpeg, theirs[i]) - levelOf(c.ffmpeg, mine[i]); d > 1 || d < -1 {
							t.Fatalf("%d became %#x, and %#x with %s", i-1<<15, mine[i], theirs[i], tool)
						}
					}
				}
				t.Logf("%d of 65536 samples are on the other side of a cut", other)
				if other > 1100 {
					t.Errorf("%d of 65536 samples are on the other side of a cut", other)
				}
			})
		}
	}
}

// levelOf returns a code's level, from -128 to 127 in the order of the samples.
func levelOf(law string, code byte) int {
	if law == "mulaw" {
		code = ^code
		if code&0x80 != 0 {
			return -1 - int(code&0x7F)
		}
		return int(code)
	}
	code ^= 0x55
	if code&0x80 == 0 {
		return -1 - int(code)
	}
	return int(code & 0x7F)
}

// BenchmarkG711 is one second of telephony.
func BenchmarkG711(b *testing.B) {
	e, err := codec.ALaw().New(b.Context(), speech.Format{Encoding: speech.ALaw, SampleRate: 8000}, nil)
	if err != nil {
		b.Fatal(err)
	}
	pcm := make([]byte, 16000)
	for i := range pcm {
		pcm[i] = byte(i * i >> 4)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(b.Context(), pcm); err != nil {
			b.Fatal(err)
		}
	}
}
