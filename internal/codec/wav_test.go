package codec_test

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/conformance"
	"github.com/orotund/orotund/internal/speech"
)

func TestPCMConformance(t *testing.T) {
	conformance.Run(t, codec.PCM{}, conformance.Options{Lossless: true, FirstBytes: 10 * time.Millisecond})
}

func TestWAVConformance(t *testing.T) {
	conformance.Run(t, codec.WAV{}, conformance.Options{Lossless: true, FirstBytes: 10 * time.Millisecond})
}

// TestG711Conformance: half a step of the segment that the tone's peak is in, and some for the 2 or 4 bits that do not count.
func TestG711Conformance(t *testing.T) {
	for _, c := range []codec.WAV{codec.MuLaw(), codec.ALaw()} {
		t.Run(string(c.Info().Encoding), func(t *testing.T) {
			conformance.Run(t, c, conformance.Options{
				FirstBytes: 10 * time.Millisecond, MaxLevelError: 0.05, MaxSampleError: 260, Rates: []int{8000, 48000},
			})
		})
	}
}

// wav is a format of the WAV family.
func wav(e speech.Encoding, rate int) speech.Format {
	return speech.Format{Encoding: e, SampleRate: rate}
}

func TestWAVHeader(t *testing.T) {
	const unknown, long = 0x7FFFF000, 0xFFFFFFFF
	for _, c := range []struct {
		encoding         speech.Encoding
		bytes            int64
		magic, room      string
		riff, fact, data uint32
	}{
		{speech.WAV, 0, "RIFF", "JUNK", 72, 0, 0},
		{speech.WAV, 2, "RIFF", "JUNK", 74, 0, 2},
		{speech.WAV, -1, "RIFF", "JUNK", unknown + 72, 0, unknown},
		{speech.WAV, long - 73, "RIFF", "JUNK", long - 1, 0, long - 73},
		{speech.WAV, long - 71, "RF64", "ds64", long, 0, long},
		{speech.WAV, 1 << 40, "RF64", "ds64", long, 0, long},
		{speech.MuLaw, 0, "RIFF", "JUNK", 86, 0, 0},
		{speech.MuLaw, 3, "RIFF", "JUNK", 90, 3, 3}, // with the pad byte
		{speech.ALaw, -1, "RIFF", "JUNK", unknown + 86, 0, unknown},
		{speech.ALaw, 5 << 30, "RF64", "ds64", long, long, long},
	} {
		h := codec.WAVHeader(wav(c.encoding, 24000), nil, c.bytes)
		if string(h[:4]) != c.magic || string(h[8:12]) != "WAVE" || string(h[12:16]) != c.room || string(h[48:52]) != "fmt " {
			t.Fatalf("%s, %d: %q", c.encoding, c.bytes, h)
		}
		u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(h[at:]) }
		data := len(h) - 8
		if u32(4) != c.riff || u32(data+4) != c.data || string(h[data:data+4]) != "data" || u32(16) != 28 {
			t.Errorf("%s, %d bytes: sizes %#x and %#x", c.encoding, c.bytes, u32(4), u32(data+4))
		}
		if c.encoding != speech.WAV && (string(h[74:78]) != "fact" || u32(82) != c.fact) {
			t.Errorf("%s, %d bytes: fact %#x", c.encoding, c.bytes, u32(82))
		}
		if c.room == "ds64" {
			riff, data := binary.LittleEndian.Uint64(h[20:]), binary.LittleEndian.Uint64(h[28:])
			samples := binary.LittleEndian.Uint64(h[36:])
			if riff != uint64(c.bytes+c.bytes&1)+uint64(len(h))-8 || data != uint64(c.bytes) || samples != data/uint64(u32(56+12)&0xFFFF) {
				t.Errorf("%s, %d bytes: ds64 %d, %d, %d", c.encoding, c.bytes, riff, data, samples)
			}
		}
	}
}

// TestWAVOpens reads streams and files with sox and with Python, each from a pipe, with a label and without.
func TestWAVOpens(t *testing.T) {
	pcm := bytes.Repeat([]byte{0, 0x10, 0, 0xF0}, 12000)
	f := wav(speech.WAV, 24000)
	label := &speech.Label{Producer: "Müller", ContentID: "1", Time: time.Unix(1_700_000_000, 0)}
	for name, header := range map[string][]byte{
		"stream": codec.WAVHeader(f, nil, -1), "labelled stream": codec.WAVHeader(f, label, -1), "labelled file": codec.WAVHeader(f, label, int64(len(pcm))),
	} {
		for _, command := range [][]string{
			{"sox", "-V2", "-t", "wav", "-", "-t", "raw", "-"},
			{"python3", "-c", `import sys, wave
w = wave.open(sys.stdin.buffer)
assert (w.getnchannels(), w.getsampwidth(), w.getframerate()) == (1, 2, 24000)
while data := w.readframes(1000): sys.stdout.buffer.write(data)`},
		} {
			t.Run(name+"/"+command[0], func(t *testing.T) {
				out, says := runTool(t, slices.Concat(header, pcm), command...)
				if says != "" || !bytes.Equal(out, pcm) {
					t.Errorf("%d bytes came back of %d; %s", len(out), len(pcm), says)
				}
			})
		}
	}
}

// runTool runs a program that may not be installed.
func runTool(t *testing.T, stdin []byte, command ...string) (out []byte, says string) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skipf("%s is not installed", command[0])
	}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stdin = bytes.NewReader(stdin)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", command[0], err, problems.String())
	}
	return out, problems.String()
}

// TestBlockSamples: whole packets of ffmpeg, old and new, and at most 512 ms of silence.
func TestBlockSamples(t *testing.T) {
	for _, e := range []speech.Encoding{speech.WAV, speech.MuLaw, speech.ALaw} {
		info := codec.Info{Encoding: e}
		bytes := 2
		if e != speech.WAV {
			bytes = 1
		}
		for rate := speech.MinSampleRate; rate <= speech.MaxSampleRate; rate += 25 {
			block := info.BlockSamples(wav(e, rate))
			packet := 1
			for packet*2 <= rate/10 {
				packet *= 2
			}
			if block*bytes%4096 != 0 || block%packet != 0 || block > 4096 {
				t.Fatalf("%s %d Hz: %d", e, rate, block)
			}
		}
	}
	for _, i := range codec.Infos() {
		f, err := i.Resolve(speech.Format{Encoding: i.Encoding}, 24000)
		if err != nil {
			t.Fatal(err)
		}
		if block := i.BlockSamples(f); (i.Extension == "wav") != (block > 1) {
			t.Errorf("%s: %d", f, block)
		}
	}
}
