package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

var update = flag.Bool("update", false, "write the golden files")

var aLabel = speech.Label{Producer: "Example Ltd", ContentID: "7f3c", Time: time.Date(2026, 11, 21, 11, 35, 0, 0, time.UTC)}

// riff is a WAV file. A chunk in more comes before the samples.
func riff(form wavForm, rate int, data []byte, more ...[]byte) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, form.tag)
	b = binary.LittleEndian.AppendUint16(b, uint16(form.channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*form.channels*form.width))
	b = binary.LittleEndian.AppendUint16(b, uint16(form.channels*form.width))
	b = binary.LittleEndian.AppendUint16(b, uint16(8*form.width))
	for _, m := range more {
		b = append(b, m...)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

var mono16 = wavForm{wavPCM, 1, 2}

// hum is n 16-bit samples of 200 Hz at 8000 Hz, with a click where one is wanted.
func hum(n, click int) []byte {
	var b []byte
	for i := range n {
		v := 3000 * math.Sin(2*math.Pi*200*float64(i)/8000)
		if i == click {
			v += 25000
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v)))
	}
	return b
}

// unknown makes the sizes of a WAV file those of a stream.
func unknown(b []byte) []byte {
	copy(b[4:], "\xff\xff\xff\xff")
	copy(b[bytes.Index(b, []byte("data"))+4:], "\xff\xff\xff\xff")
	return b
}

// inFolder makes files in a folder of their own and goes there.
func inFolder(t *testing.T, files map[string][]byte) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, data := range files {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInspectGolden(t *testing.T) {
	golden, err := filepath.Abs(filepath.Join("testdata", "inspect"))
	if err != nil {
		t.Fatal(err)
	}
	software := metadata.Info(&speech.Label{Producer: "nobody"})
	inFolder(t, map[string][]byte{
		"labelled.wav": riff(mono16, 24000, make([]byte, 48000), metadata.Info(&aLabel)),
		"plain.wav":    riff(mono16, 8000, hum(1000, -1)),
		"stream.wav":   unknown(riff(mono16, 8000, hum(1000, -1))),
		"mulaw.wav":    riff(wavForm{wavMuLaw, 1, 1}, 8000, make([]byte, 700_000)),
		"float.wav":    riff(wavForm{wavFloat, 2, 4}, 48000, make([]byte, 8*4800), software),
		"cut.wav":      riff(mono16, 8000, hum(1000, -1))[:1044],
		"bare.pcm":     append(hum(1000, -1), 7),
		"label.flac":   flacHead(metadata.VorbisComment(&aLabel)),
	})
	for _, name := range []string{"labelled.wav", "plain.wav", "stream.wav", "mulaw.wav", "float.wav", "cut.wav", "bare.pcm", "label.flac"} {
		args := []string{"inspect", name}
		if strings.HasSuffix(name, ".pcm") {
			args = append(args, "--format", "pcm", "--sample-rate", "16000")
		}
		compare(t, filepath.Join(golden, name+".txt"), run(t.Context(), t, "", args...))
		compare(t, filepath.Join(golden, name+".json"), run(t.Context(), t, "", append(args, "--json")...))
	}
}

// flacHead is a FLAC file of 24000 samples at 24 kHz, without the frames.
func flacHead(comment []byte) []byte {
	b := []byte("fLaC\x00\x00\x00\x22\x10\x00\x10\x00\x00\x00\x00\x00\x00\x00")
	b = binary.BigEndian.AppendUint64(b, 24000<<44|0<<41|15<<36|24000)
	b = append(b, make([]byte, 16)...)
	b = append(b, 0x84, 0, 0, byte(len(comment)))
	return append(b, comment...)
}

func compare(t *testing.T, golden string, r result) {
	t.Helper()
	if r.code != 0 || r.err != "" {
		t.Errorf("%s: exit code %d: %s", filepath.Base(golden), r.code, r.err)
		return
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(r.out), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if r.out != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", filepath.Base(golden), r.out, want)
	}
}

func TestInspectRefuses(t *testing.T) {
	wav := riff(mono16, 8000, hum(1000, -1))
	inFolder(t, map[string][]byte{
		"a.wav": wav, "empty.wav": nil, "text.wav": []byte("Once upon a time there was a text.\n"), "head.wav": wav[:30], "bare.pcm": hum(100, -1),
		"junk.json": []byte("words"), "other.json": []byte(`{"words":[]}`), "huge.json": nil, "odd.wav": riff(wavForm{wavPCM, 3, 7}, 8000, make([]byte, 210)),
		"fast.wav": riff(mono16, 1_000_000, hum(1000, -1)),
	})
	if err := syscall.Mkfifo("pipe.wav", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{{"a.wav", "a.png"}, {"a.wav", "b.wav"}} {
		if err := os.Symlink(link[0], link[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate("huge.json", maxTimings+1); err != nil {
		t.Fatal(err)
	}
	known := "known are WAV, MP3, AAC in ADTS, Opus and Vorbis in Ogg, and FLAC"
	for _, tc := range []struct {
		args string
		code int
		says []string
	}{
		{"", 2, []string{"accepts 1 arg", "see: orotund inspect --help"}},
		{"a.wav b.wav", 2, []string{"accepts 1 arg"}},
		{"-", 2, []string{"standard input cannot be inspected"}},
		{"none.wav", 2, []string{"none.wav", "no such file"}},
		{"folder", 2, []string{"folder is a directory"}},
		{"pipe.wav", 2, []string{"pipe.wav is a pipe; save it to a file first"}},
		{"/dev/zero", 2, []string{"/dev/zero is not a regular file"}},
		{"empty.wav", 3, []string{"empty.wav: is empty"}},
		{"text.wav", 3, []string{"text.wav: is no audio file that can be read: byte 0", known}},
		{"head.wav", 3, []string{"byte ", known}},
		{"bare.pcm", 3, []string{known, "for samples without a header: --format pcm --sample-rate 24000"}},
		{"a.wav --format wav", 2, []string{"--format must be pcm"}},
		{"a.wav --sample-rate 8000", 2, []string{"it needs --format pcm"}},
		{"a.wav --format pcm --sample-rate 10", 2, []string{"--sample-rate must be from 1000 to 768000"}},
		{"a.wav --timings x.json", 2, []string{"it needs --plot FILE.png"}},
		{"a.wav --plot - --json", 2, []string{"--plot - and --json"}},
		{"a.wav --plot none/x.png", 2, []string{"there is no folder none"}},
		{"a.wav --plot a.wav/x.png", 2, []string{"--plot: "}},
		{"a.wav --plot folder", 2, []string{"--plot folder is a directory"}},
		{"a.wav --plot a.png", 2, []string{"--plot a.png is the file to inspect"}},
		{"a.wav --plot b.wav", 2, []string{"--plot b.wav is the file to inspect"}},
		{"a.wav --plot text.wav", 2, []string{"its name must end in .png"}},
		{"a.wav --plot x.jpg", 2, []string{"its name must end in .png"}},
		{"a.wav --plot /dev/ptmx", 2, []string{"--plot /dev/ptmx is a terminal"}},
		{"a.wav --plot x.png --timings none.json", 2, []string{"--timings: open none.json"}},
		{"a.wav --plot x.png --timings junk.json", 3, []string{"--timings: junk.json is not the JSON of `orotund say --subtitles`"}},
		{"a.wav --plot x.png --timings other.json", 3, []string{`other.json has no "segments"`}},
		{"a.wav --plot x.png --timings huge.json", 3, []string{"is larger than 64 MiB"}},
		{"a.wav --plot x.png --timings pipe.wav", 2, []string{"--timings pipe.wav is not a regular file"}},
		{"fast.wav --plot x.png", 3, []string{"fast.wav: cannot be decoded: byte 24: a sample rate of 1000000 Hz"}},
	} {
		r := run(t.Context(), t, "", append([]string{"inspect"}, strings.Fields(tc.args)...)...)
		if r.code != tc.code || r.out != "" {
			t.Errorf("%q: exit code %d, want %d: %s%s", tc.args, r.code, tc.code, r.out, r.err)
		}
		for _, says := range tc.says {
			if !strings.Contains(r.err, says) {
				t.Errorf("%q: %q is not in\n%s", tc.args, says, r.err)
			}
		}
	}
	if left, _ := filepath.Glob("*x*.png"); left != nil {
		t.Errorf("a failed run left %v", left)
	}
	if now, _ := os.ReadFile("a.wav"); !bytes.Equal(now, wav) {
		t.Error("the file was written to")
	}
}

func TestInspectWritesNoPictureToATerminal(t *testing.T) {
	inFolder(t, map[string][]byte{"a.wav": riff(mono16, 8000, hum(100, -1))})
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals:", err)
	}
	defer terminal.Close()
	c := New(IO{In: strings.NewReader(""), Out: terminal, Err: io.Discard})
	c.SetArgs([]string{"inspect", "a.wav", "--plot", "-"})
	if err := c.ExecuteContext(t.Context()); ExitCode(err) != ExitUsage || !strings.Contains(Message(err), "not written to a terminal") {
		t.Errorf("got %v", err)
	}
}

func TestInspectPlot(t *testing.T) {
	inFolder(t, map[string][]byte{
		"a.wav": riff(mono16, 8000, hum(16000, 6000)), "a.pcm": hum(16000, 6000),
		"a.json": []byte(`{"version":1,"segments":[{"words":[],"start_ms":0,"end_ms":700.5},{"start_ms":750,"end_ms":1990},{"start_ms":"soon"}]}`),
		"b.json": []byte(`{"segments":[{"start_ms":0,"end_ms":700.5},{"start_ms":750,"end_ms":1990},{},{"end_ms":3}]}`),
	})
	r := run(t.Context(), t, "", strings.Fields("inspect --json --plot out.png a.wav --timings b.json")...)
	var got struct{ Measured *measuredJSON }
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != 0 || got.Measured == nil {
		t.Fatalf("exit code %d, %v: %s%s", r.code, err, r.out, r.err)
	}
	m := got.Measured
	if m.Plot != "out.png" || m.Samples != 16000 || len(m.Clicks) != 1 || m.Clicks[0].At < 749.8 || m.Clicks[0].At > 750.3 || m.Loudness == nil {
		t.Errorf("%s", r.out)
	}
	if m.Joins != 1 || m.JoinStep == nil || *m.JoinStep.Level < *m.Step.Level-0.1 {
		t.Errorf("joins: %s", r.out)
	}
	checkPNG(t, "out.png")
	r = run(t.Context(), t, "", strings.Fields("inspect a.pcm --format pcm --sample-rate 8000 --plot out.png --timings b.json")...)
	for _, says := range []string{"clicks        1 likely, at 0.750 s", "joins         1, largest step there", "plot          out.png", "loudness      -"} {
		if !strings.Contains(r.out, says) {
			t.Errorf("%q is not in\n%s%s", says, r.out, r.err)
		}
	}
	if r := run(t.Context(), t, "", strings.Fields("inspect a.wav --plot out.png --timings a.json")...); r.code != 3 {
		t.Errorf("a time that is no number: exit code %d: %s", r.code, r.err)
	}
	if r := run(t.Context(), t, "", strings.Fields("inspect a.wav --plot -")...); r.code != 0 || !strings.HasPrefix(r.out, "\x89PNG") {
		t.Errorf("exit code %d: %.20q%s", r.code, r.out, r.err)
	}
}

func checkPNG(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestInspectPlotDecodesWithFFmpeg(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	inFolder(t, map[string][]byte{"a.wav": riff(mono16, 8000, hum(16000, -1))})
	for _, name := range []string{"a.mp3", "a.aac", "a.opus", "adpcm.wav", "stereo.flac"} {
		args := []string{"-v", "error", "-i", "a.wav"}
		switch name {
		case "adpcm.wav":
			args = append(args, "-c:a", "adpcm_ima_wav")
		case "stereo.flac":
			args = append(args, "-ac", "2", "-ar", "16000")
		}
		if out, err := exec.Command(ffmpeg, append(args, name)...).CombinedOutput(); err != nil {
			t.Logf("%s cannot be made here: %v: %s", name, err, out)
			continue
		}
		x, rate := decoded(t, name)
		peak := float32(0)
		for _, v := range x {
			peak = max(peak, v)
		}
		if seconds := float64(len(x)) / float64(rate); math.Abs(seconds-2) > 0.2 || peak < 0.06 || peak > 0.15 {
			t.Errorf("%s: %.3f s, peak %.3f; want 2 s, 0.092", name, seconds, peak)
		}
	}
	damaged := append(flacHead(metadata.VorbisComment(nil)), bytes.Repeat([]byte("no frames "), 1000)...)
	if err := os.WriteFile("damaged.flac", damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t.Context(), t, "", "inspect", "damaged.flac", "--plot", "bad.png"); r.code != 3 || !strings.Contains(r.err, "damaged.flac: ") {
		t.Errorf("damaged: exit code %d: %s%s", r.code, r.out, r.err)
	}
	if _, err := os.Stat("bad.png"); err == nil {
		t.Error("a picture of nothing was written")
	}
}

// decoded is the samples of a file, and their rate.
func decoded(t *testing.T, name string) ([]float32, int) {
	t.Helper()
	f, err := openAudio(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := inspectOptions{}.read(f, name)
	if err != nil {
		t.Fatal(err)
	}
	src, err := decode(t.Context(), f, r)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	var x []float32
	for err == nil {
		x, err = src.next(x)
	}
	if !errors.Is(err, io.EOF) || src.said() != "" {
		t.Errorf("%s: %v, %s", name, err, src.said())
	}
	return x, src.rate
}

func TestInspectWithoutFFmpeg(t *testing.T) {
	inFolder(t, map[string][]byte{"a.flac": flacHead(metadata.VorbisComment(&aLabel)), "a.wav": riff(mono16, 8000, hum(1000, -1))})
	t.Setenv("PATH", t.TempDir())
	if r := run(t.Context(), t, "", "inspect", "a.flac"); r.code != 0 || !strings.Contains(r.out, "yes, by Example Ltd, content id 7f3c, at 2026-11-21T11:35:00Z") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	if r := run(t.Context(), t, "", "inspect", "a.flac", "--plot", "a.png"); r.code != 4 || !strings.Contains(r.err, "apt-get install ffmpeg") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	if r := run(t.Context(), t, "", "inspect", "a.wav", "--plot", "a.png"); r.code != 0 {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
}
