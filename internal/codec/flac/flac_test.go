package flac

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/conformance"
	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, Codec{}, conformance.Options{Lossless: true, FirstBytes: 10 * time.Millisecond})
}

// rates has one of each form in a frame's header: with a code, in kHz and in Hz.
var rates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 37800, 44100, 47999, 48000}

// encode returns the stream of samples.
func encode(t testing.TB, rate int, x []int16) []byte {
	t.Helper()
	e, err := Codec{}.New(t.Context(), speech.Format{Encoding: speech.FLAC, SampleRate: rate}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	data, err := e.Encode(t.Context(), pcmOf(x))
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(data)
	if data, err = e.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return append(out, data...)
}

// roundTrip encodes and decodes, and compares.
func roundTrip(t testing.TB, rate int, x []int16) *decoded {
	t.Helper()
	d, err := decode(encode(t, rate, x))
	if err != nil {
		t.Fatalf("%d samples at %d Hz: %v", len(x), rate, err)
	}
	if d.rate != rate || d.block != blockSize(rate) {
		t.Fatalf("%d Hz became %d Hz in blocks of %d", rate, d.rate, d.block)
	}
	if !slices.Equal(d.samples, x) {
		t.Fatalf("%d samples at %d Hz: others came back", len(x), rate)
	}
	const most = 2 + 4 + 5 + 2 + 2 + 1 + 2 // bytes of a frame besides its samples
	for n, f := range d.frames {
		if f.bytes > 2*f.size+most {
			t.Errorf("frame %d: %d bytes for %d samples", n, f.bytes, f.size)
		}
	}
	return d
}

func TestSamplesComeBack(t *testing.T) {
	for _, rate := range rates {
		for _, s := range signals() {
			t.Run(s.name, func(t *testing.T) { roundTrip(t, rate, s.make(rate, 2*blockSize(rate)+blockSize(rate)/3)) })
		}
	}
}

// TestEveryLength tries each short length, and those around blocks and around the sizes that a header writes in another form.
func TestEveryLength(t *testing.T) {
	const rate = 24000
	block := blockSize(rate)
	lengths := []int{128, 191, 192, 193, 255, 256, 257, 511, 512, 575, 576, 577, 1023, 1024}
	for n := range 70 {
		lengths = append(lengths, n)
	}
	for blocks := 1; blocks <= 3; blocks++ {
		lengths = append(lengths, blocks*block-1, blocks*block, blocks*block+1, blocks*block+2)
	}
	for _, s := range signals() {
		t.Run(s.name, func(t *testing.T) {
			for _, n := range lengths {
				roundTrip(t, rate, s.make(rate, n))
			}
		})
	}
}

// TestChoosesSubframes holds what each kind of audio is coded with.
func TestChoosesSubframes(t *testing.T) {
	const rate = 24000
	for _, c := range []struct {
		signal string
		want   func(decodedFrame) bool
		says   string
	}{
		{"speech", func(f decodedFrame) bool { return f.order > 1 && f.partitions > 1 }, "prediction"},
		{"chord", func(f decodedFrame) bool { return f.kind == "linear" && f.order > 6 && f.bytes < f.size }, "linear prediction"},
		{"silence", func(f decodedFrame) bool { return f.kind == "constant" && f.bytes < 14 }, "a constant"},
		{"dc", func(f decodedFrame) bool { return f.kind == "constant" }, "a constant"},
		{"ramp", func(f decodedFrame) bool { return f.kind == "fixed" && f.order == 2 }, "a straight line"},
		{"noise", func(f decodedFrame) bool { return f.kind == "verbatim" }, "bare samples"},
		{"louder than it seems", func(f decodedFrame) bool { return f.kind == "verbatim" }, "bare samples, the estimate was wrong"},
		{"few bits", func(f decodedFrame) bool { return f.wasted == 12 && f.bytes < f.size*4/8+20 }, "4 bits"},
		{"one bit", func(f decodedFrame) bool { return f.wasted == 15 && f.bytes < f.size/8+20 }, "1 bit"},
		{"hum then silence", func(f decodedFrame) bool { return f.partitions > 1 }, "partitions"},
	} {
		for _, s := range signals() {
			if s.name != c.signal {
				continue
			}
			d := roundTrip(t, rate, s.make(rate, 3*blockSize(rate)))
			good := 0
			for _, f := range d.frames {
				if c.want(f) {
					good++
				}
			}
			if good < 2 || len(d.frames) != 3 {
				t.Errorf("%s: want %s, got %+v", s.name, c.says, d.frames)
			}
		}
	}
}

func TestBlocksAreShort(t *testing.T) {
	for rate := speech.MinSampleRate; rate <= speech.MaxSampleRate; rate++ {
		size := blockSize(rate)
		if length := float64(size) / float64(rate); length > 0.0641 || length > 0.04801 && size != 512 {
			t.Fatalf("%d Hz: %d samples, %.1f ms", rate, size, length*1000)
		}
		if code := blockCode(size); code == codeBlock8 || code == codeBlock16 {
			t.Fatalf("%d Hz: %d samples have no code", rate, size)
		}
	}
}

// TestFramesLeaveWithTheirLastSample shows that no more is held back than a block.
func TestFramesLeaveWithTheirLastSample(t *testing.T) {
	const rate = 24000
	x := voice(rate, 3*blockSize(rate))
	e, err := Codec{}.New(t.Context(), speech.Format{Encoding: speech.FLAC, SampleRate: rate}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var all []byte
	for i := range x {
		data, err := e.Encode(t.Context(), pcmOf(x[i:i+1]))
		if err != nil {
			t.Fatal(err)
		}
		if want := i == 0 || (i+1)%blockSize(rate) == 0; want != (len(data) > 0) {
			t.Fatalf("sample %d: %d bytes", i, len(data))
		}
		all = append(all, data...)
	}
	if d, err := decode(all); err != nil || !slices.Equal(d.samples, x) {
		t.Errorf("whole blocks do not decode before Finish: %v", err)
	}
}

func TestStreamHeader(t *testing.T) {
	got, err := appendStreamHeader(nil, 44100, 2048, []byte("comment"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "664c6143" + "00000022" + "0800" + "0800" + "000000" + "000000" + "0ac440f000000000" + "00000000000000000000000000000000" +
		"84000007" + "636f6d6d656e74"
	if hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
	bare, err := appendStreamHeader(nil, 44100, 2048, nil)
	if err != nil || len(bare) != 42 || bare[4] != 0x80 {
		t.Errorf("without comments: % x, %v", bare, err)
	}
	if _, err := appendStreamHeader(nil, 44100, 2048, make([]byte, 1<<24)); err == nil {
		t.Error("comments of 2^24 bytes were taken")
	}
}

func TestLabelGoesIntoTheStream(t *testing.T) {
	label := &speech.Label{}
	e, err := Codec{}.New(t.Context(), speech.Format{Encoding: speech.FLAC, SampleRate: 24000}, label)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	data, err := e.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := decode(data)
	if err != nil || !bytes.Equal(d.comment, metadata.VorbisComment(label)) {
		t.Errorf("comment %q, %v", d.comment, err)
	}
}

func TestFrameNumbers(t *testing.T) {
	for want, n := range map[string]uint32{
		"00": 0, "7f": 0x7F, "c280": 0x80, "dfbf": 0x7FF, "e0a080": 0x800, "efbfbf": 0xFFFF, "f0908080": 0x10000, "f7bfbfbf": 0x1FFFFF,
		"f888808080": 0x200000, "fbbfbfbfbf": 0x3FFFFFF, "fc8480808080": 0x4000000, "fdbfbfbfbfbf": 0x7FFFFFFF,
	} {
		got := appendNumber(nil, n)
		if hex.EncodeToString(got) != want {
			t.Errorf("%#x: %x, want %s", n, got, want)
		}
		if back := codedNumber(&bitReader{data: got}); back != n {
			t.Errorf("%#x came back as %#x", n, back)
		}
	}
	for r := rune(0); r <= utf8.MaxRune; r += 7 {
		if utf8.ValidRune(r) && string(appendNumber(nil, uint32(r))) != string(r) {
			t.Fatalf("%#x is not as in UTF-8", r)
		}
	}
}

func TestChecksums(t *testing.T) {
	digits := []byte("123456789")
	if c := crc8(digits); c != 0xF4 { // CRC-8/SMBUS
		t.Errorf("CRC-8 %#x", c)
	}
	if c := crc16(digits); c != 0xFEE8 { // CRC-16/UMTS
		t.Errorf("CRC-16 %#x", c)
	}
}

func TestStreamEndsBeforeItsNumbersDo(t *testing.T) {
	e, err := Codec{}.New(t.Context(), speech.Format{Encoding: speech.FLAC, SampleRate: 8000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.(*encoder).frames.number = maxFrames - 1
	pcm := make([]byte, 2*blockSize(8000))
	if _, err := e.Encode(t.Context(), pcm); err != nil {
		t.Errorf("last frame: %v", err)
	}
	if _, err := e.Encode(t.Context(), pcm); !errors.Is(err, errTooLong) || !strings.Contains(err.Error(), "2^31") {
		t.Errorf("one more: %v", err)
	}
	if _, err := e.Encode(t.Context(), pcm); !errors.Is(err, codec.ErrEnded) {
		t.Errorf("after the error: %v", err)
	}
}

func TestDoesNotAllocate(t *testing.T) {
	for n, s := range signals() {
		rate := rates[n%len(rates)]
		ctx := context.Background()
		e, err := Codec{}.New(ctx, speech.Format{Encoding: speech.FLAC, SampleRate: rate}, nil)
		if err != nil {
			t.Fatal(err)
		}
		pcm := pcmOf(s.make(rate, rate*2/5)) // 400 ms, the longest frame of a stream
		encode := func() { _, _ = e.Encode(ctx, pcm) }
		for range 5 {
			encode()
		}
		if n := testing.AllocsPerRun(5, encode); n != 0 {
			t.Errorf("%s at %d Hz: %v allocations for 400 ms", s.name, rate, n)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
