package aac

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/orotund/orotund/workers/codec/internal/codectest"
	"github.com/tphakala/go-aac/pcm"
)

// encode runs a stream whole, step bytes at a time.
func encode(tb testing.TB, p *Pool, s Settings, pcm []byte, step int) []byte {
	tb.Helper()
	e, err := p.Open(s)
	if err != nil {
		tb.Fatal(err)
	}
	defer e.Close()
	return codectest.Encode(tb, e, pcm, step)
}

// TestRoundTrip encodes at both sample rates in steps of 20 ms and compares what ffmpeg decodes with what went in. Measured at all
// bit rates: 1024 samples of lead, a tail of less than a frame, the level within 0.1 dB, no sample beyond what went in by a tenth.
func TestRoundTrip(t *testing.T) {
	for _, rate := range SampleRates() {
		for _, bits := range []int{32000, 96000, 192000} {
			t.Run(fmt.Sprintf("%d Hz %d bit/s", rate, bits), func(t *testing.T) {
				sound := codectest.VoiceLike(rate, 1.1)
				data := encode(t, new(Pool), Settings{SampleRate: rate, BitRate: bits}, sound, rate/50*2)
				x, y := codectest.Samples(sound), codectest.Decode(t, "aac", data)
				lag, correlation, level := codectest.Compare(x, y, 1500)
				tail := len(y) - lag - len(x)
				if lag != Lead || tail < 0 || tail >= FrameSamples {
					t.Errorf("lead %d samples, tail %d; want %d and less than %d", lag, tail, Lead, FrameSamples)
				}
				if off := 20 * math.Log10(level); correlation < 0.99 || math.Abs(off) > 0.1 {
					t.Errorf("correlation %.4f, level off by %.2f dB", correlation, off)
				}
				if in, out := peak(x), peak(y); out > 1.1*in {
					t.Errorf("the highest sample grew from %.0f to %.0f", in, out)
				}
				if got := float64(8*(len(data)-7*len(y)/FrameSamples)) * float64(rate) / float64(len(y)); got > 1.05*float64(bits) {
					t.Errorf("%.0f bit/s, want %d", got, bits)
				}
			})
		}
	}
}

func peak(x []float64) float64 {
	p := 0.0
	for _, v := range x {
		p = max(p, math.Abs(v))
	}
	return p
}

// TestFullScale encodes a tone as loud as can be: it comes out half a decibel lower, so that a decoder does not clip it, and no more.
func TestFullScale(t *testing.T) {
	sound := make([]byte, 0, 2*24000)
	for i := range 24000 {
		sound = binary.LittleEndian.AppendUint16(sound, uint16(int16(32767*math.Sin(float64(i)*0.0576))))
	}
	y := codectest.Decode(t, "aac", encode(t, new(Pool), Settings{SampleRate: 48000, BitRate: 96000}, sound, len(sound)))
	_, _, level := codectest.Compare(codectest.Samples(sound), y, 1500)
	if off := 20 * math.Log10(level); off > 0 || off < -0.5 {
		t.Errorf("the level is off by %.2f dB", off)
	}
	if p := peak(y[Lead+1024 : len(y)-1024]); p > 32768 { // clear of the ends, where a tone that is cut off rings
		t.Errorf("the highest sample is %.0f", p)
	}
}

// TestSteps checks that it does not matter in which steps the samples come, nor whether the encoder is new.
func TestSteps(t *testing.T) {
	s := Settings{SampleRate: 44100, BitRate: 64000}
	sound := codectest.VoiceLike(44100, 0.5)
	want := encode(t, new(Pool), s, sound, len(sound))
	used := new(Pool)
	for _, step := range []int{2, 958, 2048, 2050, 30000} {
		if got := encode(t, used, s, sound, step); string(got) != string(want) {
			t.Errorf("in steps of %d bytes: another stream, of %d instead of %d bytes", step, len(got), len(want))
		}
		encode(t, used, Settings{SampleRate: 48000, BitRate: 32000}, sound[:9000], 9000)
	}
}

// TestFrames checks that the stream is whole frames from the first byte to the last, as many as its samples need, none larger than
// the standard allows, and that the first comes with sample 2048.
func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1023, 1024, 1025, 2048, 20001} {
		for name, sound := range map[string][]byte{"silence": make([]byte, 2*n), "noise": noise(n)} {
			e, err := new(Pool).Open(Settings{SampleRate: 48000, BitRate: 192000})
			if err != nil {
				t.Fatal(err)
			}
			var out []byte
			firstAt := 0
			for i := range n {
				if out, err = e.Encode(out, sound[2*i:2*i+2]); err != nil {
					t.Fatal(err)
				}
				if firstAt == 0 && len(out) > 0 {
					firstAt = i + 1
				}
			}
			if out, err = e.Flush(out); err != nil {
				t.Fatal(err)
			}
			if n >= 2048 && firstAt != 2048 {
				t.Errorf("%d samples of %s: the first frame came with sample %d", n, name, firstAt)
			}
			if got, want := frames(t, out, 48000), max(leastFrames, 1+(n+FrameSamples-1)/FrameSamples); got != want {
				t.Errorf("%d samples of %s: %d frames, want %d", n, name, got, want)
			}
		}
	}
}

// frames counts the frames of a stream and checks each one's header (ISO/IEC 13818-7, 6.2: ADTS).
func frames(tb testing.TB, data []byte, rate int) int {
	tb.Helper()
	index := map[int]byte{48000: 3, 44100: 4}[rate]
	n := 0
	for at := 0; at < len(data); n++ {
		h := data[at:]
		if len(h) < 7 || h[0] != 0xff || h[1] != 0xf1 || h[2] != 1<<6|index<<2 || h[3]>>6 != 1 {
			tb.Fatalf("no header of AAC-LC, mono, %d Hz at byte %d of %d", rate, at, len(data))
		}
		size := int(h[3]&3)<<11 | int(h[4])<<3 | int(h[5])>>5
		if size <= 7 || size > 7+maxUnit || size > len(h) {
			tb.Fatalf("a frame of %d bytes at byte %d of %d", size, at, len(data))
		}
		at += size
	}
	return n
}

// noise returns samples over the whole range.
func noise(samples int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(samples)))
	b := make([]byte, 0, 2*samples)
	for range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(r.Uint32()))
	}
	return b
}

func TestSilence(t *testing.T) {
	y := codectest.Decode(t, "aac", encode(t, new(Pool), Settings{SampleRate: 48000, BitRate: 32000}, make([]byte, 48000), 960))
	if peak(y) != 0 || len(y) != 25*FrameSamples { // 24000 samples are 24 frames, and one of lead
		t.Errorf("half a second of silence became %d samples of up to %g", len(y), peak(y))
	}
}

func TestDoesNotAllocate(t *testing.T) {
	e, err := new(Pool).Open(Settings{SampleRate: 48000, BitRate: 96000})
	if err != nil {
		t.Fatal(err)
	}
	sound := codectest.VoiceLike(48000, 0.02)
	out := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(50, func() {
		if _, err := e.Encode(out, sound); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for 20 ms", n)
	}
}

// TestVersion checks that Version is what go.mod has.
func TestVersion(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/tphakala/go-aac v" + Version; !strings.Contains(string(mod), want+"\n") {
		t.Errorf("go.mod has no line %q", want)
	}
}

func TestRefusals(t *testing.T) {
	p := new(Pool)
	for _, s := range []Settings{{}, {SampleRate: 24000, BitRate: 64000}, {SampleRate: 48000}, {SampleRate: 48000, BitRate: 64001}, {SampleRate: 48000, BitRate: -1}} {
		if _, err := p.Open(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	e, err := p.Open(Settings{SampleRate: 48000, BitRate: 64000})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(nil, []byte{1, 2, 3}); err == nil {
		t.Error("half a sample was taken")
	}
	if _, err := e.Flush(nil); err != nil {
		t.Error(err)
	}
	if _, err := e.Encode(nil, []byte{1, 2}); !errors.Is(err, ErrClosed) {
		t.Errorf("Encode after Flush: %v", err)
	}
	if _, err := e.Flush(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Flush after Flush: %v", err)
	}
	e.Close()
	e.Close()
}

// FuzzEncode encodes arbitrary samples, each of them repeated so that frames fill up, and checks that whole frames come out that the
// library's own decoder takes.
func FuzzEncode(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4}, uint16(300), byte(0))
	f.Add([]byte{0xff, 0x7f, 0, 0x80}, uint16(1500), byte(17))
	f.Add(noise(200), uint16(20), byte(200))
	f.Add([]byte{0, 0}, uint16(0), byte(3))
	pool := new(Pool)
	f.Fuzz(func(t *testing.T, pattern []byte, repeat uint16, choice byte) {
		pattern = pattern[:len(pattern)/2*2]
		repeat %= 4096
		if len(pattern)*int(repeat) > 1<<14 {
			t.Skip()
		}
		var sound []byte
		for at := 0; at < len(pattern); at += 2 {
			for range repeat {
				sound = append(sound, pattern[at], pattern[at+1])
			}
		}
		s := Settings{SampleRate: SampleRates()[int(choice)%2], BitRate: BitRates()[int(choice)/2%len(BitRates())]}
		data := encode(t, pool, s, sound, 2*(1+int(choice)*7))
		n := frames(t, data, s.SampleRate)
		decoder, err := pcm.NewDecoder(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.Copy(io.Discard, decoder)
		if err != nil || got != int64(2*FrameSamples*n) {
			t.Fatalf("%d frames became %d bytes, %v", n, got, err)
		}
	})
}

// BenchmarkEncode reports seconds of audio a second.
func BenchmarkEncode(b *testing.B) {
	for _, bits := range []int{32000, 96000, 192000} {
		b.Run(fmt.Sprint(bits), func(b *testing.B) {
			e, err := new(Pool).Open(Settings{SampleRate: 48000, BitRate: bits})
			if err != nil {
				b.Fatal(err)
			}
			sound := codectest.VoiceLike(48000, 10)
			out := make([]byte, 0, 1<<20)
			b.ReportAllocs()
			for b.Loop() {
				if out, err = e.Encode(out[:0], sound); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "xRT")
		})
	}
}
