package codec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/flac"
	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// memory is a file.
type memory struct{ b []byte }

func (m *memory) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(m.b).ReadAt(p, off) }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if end := int(off) + len(p); end > len(m.b) {
		m.b = append(m.b, make([]byte, end-len(m.b))...)
	}
	return copy(m.b[off:], p), nil
}

var label = &speech.Label{Producer: "P", ContentID: "I", Time: time.Unix(1_800_000_000, 0).UTC()}

// stream encodes samples.
func stream(t testing.TB, c codec.Codec, f speech.Format, l *speech.Label, pcm []byte) []byte {
	t.Helper()
	e, err := c.New(t.Context(), f, l)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Encode(t.Context(), pcm)
	if err != nil {
		t.Fatal(err)
	}
	out = slices.Clone(out)
	rest, err := e.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return append(out, rest...)
}

// seal seals a stream, twice: the second time nothing happens.
func seal(t testing.TB, data []byte, e speech.Encoding, samples int64) []byte {
	t.Helper()
	m := &memory{slices.Clone(data)}
	if err := codec.Seal(m, int64(len(data)), e, samples); err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	once := slices.Clone(m.b)
	if err := codec.Seal(m, int64(len(m.b)), e, samples); err != nil || !bytes.Equal(m.b, once) {
		t.Errorf("%s: the second time: %v, %d bytes and then %d", e, err, len(once), len(m.b))
	}
	return once
}

// chirp is PCM that repeats nowhere.
func chirp(samples int) []byte {
	var pcm []byte
	for i := range samples {
		v := i % 400 * 20 * (1 + i/400%7)
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(v%20000-10000))
	}
	return pcm
}

func TestSealWAV(t *testing.T) {
	for _, c := range []codec.WAV{{}, codec.MuLaw(), codec.ALaw()} {
		for _, samples := range []int{0, 1, 2, 4097} {
			for _, l := range []*speech.Label{nil, label} {
				f := wav(c.Info().Encoding, 16000)
				data := stream(t, c, f, l, chirp(samples))
				head := len(codec.WAVHeader(f, l, -1))
				audio := data[head:]
				want := append(codec.WAVHeader(f, l, int64(len(audio))), audio...)
				if len(audio)%2 != 0 {
					want = append(want, 0)
				}
				if got := seal(t, data, f.Encoding, 0); !bytes.Equal(got, want) {
					t.Errorf("%s, %d samples, label %v: header %q, want %q", f, samples, l != nil, got[:head], want[:head])
				}
			}
		}
	}
}

// TestSealBeyond4GiB seals a sparse file.
func TestSealBeyond4GiB(t *testing.T) {
	for _, c := range []codec.WAV{{}, codec.MuLaw()} {
		f := wav(c.Info().Encoding, 48000)
		path := filepath.Join(t.TempDir(), "long.wav")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		header := codec.WAVHeader(f, label, -1)
		const data = 5<<30 + 2
		size := int64(len(header)) + data
		if _, err := file.Write(header); err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(size); err != nil {
			t.Skipf("no file of 5 GiB here, though of holes: %v", err)
		}
		if err := codec.Seal(file, size, f.Encoding, 0); err != nil {
			t.Fatal(err)
		}
		samples := int64(data)
		if c == (codec.WAV{}) {
			samples /= 2
		}
		m, err := metadata.Read(file)
		if err != nil || m.Container != "rf64" || m.Samples != samples || m.Label == nil || len(m.Notes) > 0 {
			t.Errorf("%s: %v, %+v", f, err, m)
		}
		out, says := runTool(t, nil, "ffprobe", "-v", "warning", "-show_entries", "stream=duration_ts", "-of", "csv=p=0", path)
		if strings.TrimSpace(string(out)) != strconv.FormatInt(samples, 10) || says != "" {
			t.Errorf("%s: ffprobe reads %s of %d samples; %s", f, out, samples, says)
		}
	}
}

func TestSealFLAC(t *testing.T) {
	for _, samples := range []int{1, 4095, 4096, 4097, 50_000, 200_000} {
		f := speech.Format{Encoding: speech.FLAC, SampleRate: 24000}
		data := stream(t, flac.Codec{}, f, label, chirp(samples))
		got := seal(t, data, speech.FLAC, 0)
		m, err := metadata.Read(bytes.NewReader(got))
		if err != nil || m.Samples != int64(samples) || len(m.Notes) > 0 || len(got) != len(data) {
			t.Errorf("%d samples: %v, %+v", samples, err, m)
		}
		if total := binary.BigEndian.Uint64(got[18:]) & (1<<36 - 1); total != uint64(samples) {
			t.Errorf("%d samples: STREAMINFO tells %d", samples, total)
		}
		got = got[:len(got)-1]
		binary.BigEndian.PutUint64(got[18:], binary.BigEndian.Uint64(got[18:])&^(1<<36-1))
		before := slices.Clone(got)
		if err := codec.Seal(&memory{got}, int64(len(got)), speech.FLAC, 0); err == nil || !strings.Contains(err.Error(), "whole frame") || !bytes.Equal(got, before) {
			t.Errorf("%d samples, cut off: %v", samples, err)
		}
	}
}

// lame encodes as workers/codec does, without a tag of its own.
func lame(t *testing.T, f speech.Format, pcm []byte) []byte {
	t.Helper()
	out, _ := runTool(t, pcm, "lame", "--quiet", "-r", "-s", strconv.FormatFloat(float64(f.SampleRate)/1000, 'f', -1, 64), "-m", "m", "--cbr", "-b", strconv.Itoa(f.BitRate/1000), "-t",
		"--resample", strconv.FormatFloat(float64(f.SampleRate)/1000, 'f', -1, 64), "-", "-")
	return out
}

// TestSealMP3: with the number of samples ffmpeg gives back just these; without it, it knows at least how many come out.
func TestSealMP3(t *testing.T) {
	for _, f := range []speech.Format{
		{SampleRate: 12000, BitRate: 8000}, // whose frames are too short for an Info frame
		{SampleRate: 24000, BitRate: 64000},
		{SampleRate: 44100, BitRate: 96000}, // with frames of two lengths
	} {
		f.Encoding = speech.MP3
		t.Run(f.String(), func(t *testing.T) {
			n := f.SampleRate/2 + 137
			frames := lame(t, f, chirp(n))
			data := append(metadata.ID3(label, codec.SealRoom(f)), frames...)
			file := filepath.Join(t.TempDir(), "x.mp3")
			decode := func(samples int64) (int, metadata.File) {
				got := seal(t, data, speech.MP3, samples)
				if len(got) != len(data) || !bytes.Equal(got[len(got)-len(frames):], frames) {
					t.Fatal("the audio was changed")
				}
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
				pcm, says := runTool(t, nil, "ffmpeg", "-v", "warning", "-i", file, "-f", "s16le", "-")
				m, err := metadata.Read(bytes.NewReader(got))
				if says != "" || err != nil || m.Label == nil || *m.Label != *label || len(m.Notes) > 0 {
					t.Errorf("%s; %v, %+v", says, err, m)
				}
				if said, _ := runTool(t, nil, "sox", "-V2", file, "-n"); len(said) > 0 {
					t.Errorf("sox: %s", said)
				}
				return len(pcm) / 2, m
			}
			if got, m := decode(int64(n)); got != n || m.Samples != int64(n) {
				t.Errorf("%d samples became %d, and %d are told", n, got, m.Samples)
			}
			info := codec.MP3()
			if got, m := decode(0); got < n+info.Lead || got >= n+info.Lead+2*info.Frame || m.Samples != int64(got) {
				t.Errorf("%d samples became %d, and %d are told, without their number", n, got, m.Samples)
			}
		})
	}
}

// mp3Frames are silent frames at 24 kHz and 64 kbit/s, mono.
func mp3Frames(n int) []byte {
	return bytes.Repeat(append([]byte{0xFF, 0xF3, 0x84, 0xC0}, make([]byte, 188)...), n)
}

// TestSealLeaves: what is no business of Seal's stays as it is.
func TestSealLeaves(t *testing.T) {
	tagged := append(metadata.ID3(label, 0), mp3Frames(9)...)
	for name, c := range map[string]struct {
		encoding speech.Encoding
		data     []byte
	}{
		"pcm": {speech.PCM, []byte("RIFF")}, "opus": {speech.Opus, []byte("x")}, "aac": {speech.AAC, tagged}, "none": {"", []byte("x")}, "empty": {speech.WAV, nil},
		"mp3 without a label": {speech.MP3, mp3Frames(9)}, "mp3 without room": {speech.MP3, tagged},
		"mp3 with little room": {speech.MP3, append(metadata.ID3(label, 191), mp3Frames(9)...)},
		"wav with its length":  {speech.WAV, append(codec.WAVHeader(wav(speech.WAV, 8000), nil, 2), 1, 2, 3, 4)},
	} {
		m := &memory{slices.Clone(c.data)}
		if err := codec.Seal(m, int64(len(m.b)), c.encoding, 0); err != nil || !bytes.Equal(m.b, c.data) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	header := codec.WAVHeader(wav(speech.WAV, 8000), nil, -1)
	old := append([]byte("RIFF\xff\xff\xff\xffWAVE"), header[48:]...) // without JUNK
	mp3 := append(metadata.ID3(label, 192), mp3Frames(9)...)
	for name, c := range map[string]struct {
		encoding      speech.Encoding
		data          []byte
		size, samples int64
		says          string
	}{
		"no wav":         {speech.WAV, []byte("hello, world"), 0, 0, "tell wav its length: byte 0: no RIFF header"},
		"no data":        {speech.WAV, header[:72], 0, 0, "byte 72: no data chunk"},
		"long chunk":     {speech.MuLaw, slices.Concat(header[:48], []byte("LIST\xff\xff\xff\x7f"), header[48:]), 0, 0, `byte 48: chunk "LIST" of 2147483647 bytes`},
		"no format":      {speech.WAV, slices.Concat(header[:48], header[72:]), 0, 0, "no format chunk"},
		"no room":        {speech.WAV, old, 5 << 30, 0, "byte 12: no JUNK chunk"},
		"no flac":        {speech.FLAC, []byte("OggS...."), 0, 0, `byte 0: "OggS"`},
		"flac cut off":   {speech.FLAC, []byte("fLaC"), 0, 0, "byte 4: the file ends"},
		"mp3 of nothing": {speech.MP3, metadata.ID3(label, 192), 0, 0, "no frame"},
		"mp3 and more":   {speech.MP3, append(slices.Clone(mp3), "junk"...), 0, 0, "something besides whole frames"},
		"more samples":   {speech.MP3, mp3, 0, 9*576 - 575, "9 frames do not hold 4609 samples"},
		"few samples":    {speech.MP3, mp3, 0, 1, "9 frames do not hold 1 samples"},
	} {
		m := &memory{slices.Clone(c.data)}
		err := codec.Seal(m, max(c.size, int64(len(m.b))), c.encoding, c.samples)
		if err == nil || !strings.Contains(err.Error(), c.says) || !bytes.Equal(m.b, c.data) {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
}

func TestSealRoom(t *testing.T) {
	for _, i := range codec.Infos() {
		f, err := i.Resolve(speech.Format{Encoding: i.Encoding}, 24000)
		if err != nil {
			t.Fatal(err)
		}
		if room := codec.SealRoom(f); (room > 0) != (i.Encoding == speech.MP3) || room > 1440 {
			t.Errorf("%s: %d bytes", f, room)
		}
	}
}

// broken is a file whose disk fails.
type broken struct {
	memory
	write bool // only writing
}

func (b *broken) ReadAt(p []byte, off int64) (int, error) {
	if !b.write {
		return 0, fmt.Errorf("disk: %w", io.ErrClosedPipe)
	}
	return b.memory.ReadAt(p, off)
}

func (b *broken) WriteAt([]byte, int64) (int, error) {
	return 0, fmt.Errorf("disk: %w", io.ErrClosedPipe)
}

func TestSealTellsOfTheDisk(t *testing.T) {
	for e, data := range map[speech.Encoding][]byte{
		speech.WAV:   codec.WAVHeader(wav(speech.WAV, 8000), nil, -1),
		speech.MuLaw: append(codec.WAVHeader(wav(speech.MuLaw, 8000), nil, -1), 1),
		speech.FLAC:  stream(t, flac.Codec{}, speech.Format{Encoding: speech.FLAC, SampleRate: 8000}, nil, chirp(100)),
		speech.MP3:   append(metadata.ID3(label, 192), mp3Frames(9)...),
	} {
		for _, write := range []bool{false, true} {
			b := &broken{memory{data}, write}
			if err := codec.Seal(b, int64(len(data)), e, 0); err == nil || !strings.Contains(err.Error(), "disk") {
				t.Errorf("%s, only writing %v: %v", e, write, err)
			}
		}
	}
}

func FuzzSeal(f *testing.F) {
	for _, e := range []speech.Encoding{speech.WAV, speech.MuLaw, speech.FLAC, speech.MP3} {
		f.Add(string(e), codec.WAVHeader(wav(speech.MuLaw, 8000), label, -1), int64(0))
		f.Add(string(e), append(metadata.ID3(label, 192), mp3Frames(9)...), int64(3000))
		f.Add(string(e), stream(f, flac.Codec{}, speech.Format{Encoding: speech.FLAC, SampleRate: 8000}, nil, chirp(100)), int64(0))
	}
	f.Fuzz(func(t *testing.T, encoding string, data []byte, samples int64) {
		m := &memory{slices.Clone(data)}
		err := codec.Seal(m, int64(len(data)), speech.Encoding(encoding), samples)
		if err != nil && !bytes.Equal(m.b, data) {
			t.Fatalf("%v, but something was written", err)
		}
		if len(m.b) > len(data)+1 {
			t.Fatalf("%d bytes became %d", len(data), len(m.b))
		}
		if err != nil {
			return
		}
		once := slices.Clone(m.b)
		if err := codec.Seal(m, int64(len(m.b)), speech.Encoding(encoding), samples); err != nil || !bytes.Equal(m.b, once) {
			t.Fatalf("the second time: %v", err)
		}
	})
}
