package cli

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// readWAV reads all samples of a file.
func readWAV(r io.Reader) ([]float32, int, error) {
	w, err := newWAVReader(r)
	if err != nil {
		return nil, 0, err
	}
	var out []float32
	for {
		n := len(out)
		out, err = w.next(out)
		if errors.Is(err, io.EOF) {
			return out, w.rate, nil
		}
		if err != nil || len(out) == n && len(out) > 1<<24 {
			return out, w.rate, err
		}
	}
}

func TestWAVSamples(t *testing.T) {
	f32 := func(v ...float32) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		return b
	}
	f64 := binary.LittleEndian.AppendUint64(nil, math.Float64bits(-0.25))
	extensible := append([]byte("fmt \x28\x00\x00\x00\xfe\xff\x01\x00"), "\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00"...)
	extensible = append(extensible, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	long := append([]byte("RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00"), make([]byte, 28)...)
	binary.LittleEndian.PutUint64(long[28:], 4)
	long = append(long, riff(mono16, 8000, []byte{0, 64, 0, 192, 1, 1, 1, 1})[12:]...)
	copy(long[bytes.Index(long, []byte("data"))+4:], "\xff\xff\xff\xff")
	two := []byte{0, 64, 0, 192}
	for name, tc := range map[string]struct {
		file []byte
		want []float32
	}{
		"8 bit":          {riff(wavForm{wavPCM, 1, 1}, 8000, []byte{0, 128, 192}), []float32{-1, 0, 0.5}},
		"16 bit":         {riff(mono16, 8000, []byte{0, 128, 0, 64, 0, 0}), []float32{-1, 0.5, 0}},
		"24 bit":         {riff(wavForm{wavPCM, 1, 3}, 8000, []byte{0, 0, 128, 0, 0, 64}), []float32{-1, 0.5}},
		"32 bit":         {riff(wavForm{wavPCM, 1, 4}, 8000, []byte{0, 0, 0, 128, 0, 0, 0, 64}), []float32{-1, 0.5}},
		"float":          {riff(wavForm{wavFloat, 1, 4}, 8000, f32(0.1, -2)), []float32{0.1, -2}},
		"float 64":       {riff(wavForm{wavFloat, 1, 8}, 8000, f64), []float32{-0.25}},
		"µ-law":          {riff(wavForm{wavMuLaw, 1, 1}, 8000, []byte{0xff, 0x7f, 0x80, 0x00, 0xf0}), []float32{0, 0, 32124. / 32768, -32124. / 32768, 120. / 32768}},
		"A-law":          {riff(wavForm{wavALaw, 1, 1}, 8000, []byte{0xd5, 0x55, 0xaa, 0x2a, 0x80}), []float32{8. / 32768, -8. / 32768, 32256. / 32768, -32256. / 32768, 5504. / 32768}},
		"stereo":         {riff(wavForm{wavPCM, 2, 2}, 8000, []byte{0, 64, 0, 0, 0, 64, 0, 64}), []float32{0.25, 0.5}},
		"half a frame":   {riff(wavForm{wavPCM, 2, 2}, 8000, []byte{0, 64, 0, 64, 0, 64}), []float32{0.5}},
		"a chunk before": {riff(mono16, 8000, two, []byte("odd \x03\x00\x00\x00abc\x00")), []float32{0.5, -0.5}},
		"after the data": {append(riff(mono16, 8000, two), "LIST\x04\x00\x00\x00INFO"...), []float32{0.5, -0.5}},
		"unknown length": {unknown(riff(mono16, 8000, two)), []float32{0.5, -0.5}},
		"cut off":        {riff(mono16, 8000, make([]byte, 100))[:47], []float32{0}},
		"RF64":           {long, []float32{0.5, -0.5}},
		"extensible":     {append(append([]byte("RIFF\x00\x00\x00\x00WAVE"), extensible...), riff(mono16, 8000, two)[36:]...), []float32{0.5, -0.5}},
	} {
		for way, r := range map[string]io.Reader{"at once": bytes.NewReader(tc.file), "by bytes": iotest.OneByteReader(bytes.NewReader(tc.file)),
			"with its end": iotest.DataErrReader(bytes.NewReader(tc.file))} {
			got, rate, err := readWAV(r)
			if err != nil || rate != 8000 || fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("%s, read %s: %v, %d Hz, %v; want %v", name, way, got, rate, err, tc.want)
			}
		}
	}
}

func TestWAVErrors(t *testing.T) {
	good := riff(mono16, 8000, make([]byte, 10))
	change := func(at int, to string) []byte {
		b := bytes.Clone(good)
		copy(b[at:], to)
		return b
	}
	for name, tc := range map[string]struct {
		file []byte
		says string
	}{
		"nothing":           {nil, "byte 0: the file ends before its samples"},
		"half a header":     {good[:30], "byte 30: the file ends before its samples"},
		"another file":      {change(0, "RIFX"), "byte 0: no WAV header"},
		"no format":         {append([]byte("RIFF\x00\x00\x00\x00WAVE"), good[36:]...), "byte 12: samples without a format"},
		"no data":           {good[:36], "byte 36: the file ends"},
		"a short format":    {change(16, "\x0e"), "byte 20: a format of 14 bytes"},
		"no channels":       {change(22, "\x00"), "byte 22: 0 channels"},
		"many channels":     {change(22, "\xff\xff"), "byte 22: 65535 channels"},
		"no rate":           {change(24, "\x00\x00\x00\x00"), "byte 24: a sample rate of 0 Hz"},
		"a huge rate":       {change(24, "\xff\xff\xff\xff"), "byte 24: a sample rate of 4294967295 Hz"},
		"MP3 inside":        {change(20, "\x55\x00"), "an encoding that is not read here"},
		"bits do not match": {change(34, "\x08"), "byte 32: 1 channels of 8 bits in 2 bytes"},
		"an endless chunk":  {change(36, "junk\xff\xff\xff\xff"), "byte 54: the file ends"},
		"chunk after chunk": {append(good[:36:36], bytes.Repeat([]byte("junk\x00\x00\x00\x00"), maxWAVChunks)...), "more than 10000 chunks"},
	} {
		if _, _, err := readWAV(bytes.NewReader(tc.file)); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

func TestSeamsAreReadLeniently(t *testing.T) {
	for text, want := range map[string]string{
		`{"segments":[]}`: "[]",
		`{"segments":[{"start_ms":0,"end_ms":10}]}`:      "[]",
		`{"segments":[{"start_ms":0},{"start_ms":5.5}]}`: "[{0s 5.5ms}]",
		`{"x":1,"segments":[{"start_ms":0,"end_ms":10},{},{"end_ms":7},{"start_ms":12,"end_ms":11},{"start_ms":11,"end_ms":20}]}`: "[{10ms 12ms} {11ms 11ms}]",
		`{"segments":[{"start_ms":0,"end_ms":1e300},{"start_ms":1e300},{"start_ms":-1},{"start_ms":3}]}`:                          "[{3ms 3ms}]",
		`{"segments":null}`: "error", `[]`: "error", `{"segments":3}`: "error", ``: "error",
	} {
		got, err := parseSeams("x", []byte(text))
		said := fmt.Sprint(got)
		if err != nil {
			said = "error"
		}
		if said != want {
			t.Errorf("%s: %s (%v), want %s", text, said, err, want)
		}
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(riff(mono16, 8000, hum(10, -1)))
	f.Add(riff(wavForm{wavFloat, 3, 8}, 48000, make([]byte, 48), []byte("LIST\x04\x00\x00\x00INFO")))
	f.Add(unknown(riff(wavForm{wavMuLaw, 1, 1}, 8000, hum(10, -1))))
	f.Add([]byte("RF64\xff\xff\xff\xffWAVEds64\x10\x00\x00\x00aaaaaaaabbbbbbbbfmt "))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, rate, err := readWAV(bytes.NewReader(file))
		if err == nil && (rate < 1 || rate > maxWAVRate) || len(got) > len(file) {
			t.Errorf("%d samples of %d bytes at %d Hz", len(got), len(file), rate)
		}
		again, _, err2 := readWAV(iotest.HalfReader(bytes.NewReader(file)))
		if len(again) != len(got) || (err == nil) != (err2 == nil) {
			t.Errorf("read in halves: %d samples, %v; at once %d, %v", len(again), err2, len(got), err)
		}
	})
}

func FuzzSeams(f *testing.F) {
	f.Add([]byte(`{"segments":[{"start_ms":0,"end_ms":10},{"start_ms":12,"end_ms":30}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		seams, _ := parseSeams("x", text)
		for _, s := range seams {
			if s.Start < s.End || s.End < 0 || s.Start > maxPlotted {
				t.Errorf("%+v", s)
			}
		}
	})
}
