package metadata

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/speech"
)

var label = &speech.Label{Producer: `声音 & Co. "𝄞"`, ContentID: "0198f2a4", Time: time.Date(2026, 3, 1, 23, 59, 7, 999, time.FixedZone("", 3600))}

const labelText = `{"AIGC":{"Label":"1","ContentProducer":"声音 & Co. \"𝄞\"","ProduceID":"0198f2a4","ReservedCode1":"",` +
	`"ContentPropagator":"","PropagateID":"","ReservedCode2":"","Time":"2026-03-01T22:59:07Z"}}`

// labelled is a file of each container with the label, as the encoders make them.
func labelled(l *speech.Label) map[string][]byte {
	return map[string][]byte{
		"wav":  riff(chunk("JUNK", zeros(28)), fmtChunk(1, 1, 24000, 16), Info(l), chunk("data", zeros(4800))),
		"mp3":  cat(ID3(l, 192), mpegFrames(20)),
		"opus": oggPages(1, []int{0, 0, 48312}, opusHead(24000, 312), cat("OpusTags", VorbisComment(l)), zeros(90)),
		"flac": cat("fLaC", flacBlockOf(false, 0, streamInfoOf(24000, 4096)), flacBlockOf(true, 4, VorbisComment(l)), flacFrameOf(0, 4096)),
	}
}

func TestLabel(t *testing.T) {
	if got := labelJSON(label); got != labelText {
		t.Errorf("%s", got)
	}
	for name, data := range labelled(label) {
		f, err := Read(bytes.NewReader(data))
		if err != nil || f.Label == nil {
			t.Errorf("%s: %v, %+v", name, err, f)
			continue
		}
		if l := f.Label; l.Producer != label.Producer || l.ContentID != label.ContentID || !l.Time.Equal(label.Time.Truncate(time.Second)) || len(f.Notes) > 0 {
			t.Errorf("%s: %+v, %q", name, *l, f.Notes)
		}
	}
	for name, data := range labelled(nil) {
		if f, err := Read(bytes.NewReader(data)); err != nil || f.Label != nil || bytes.Contains(data, []byte(Key)) {
			t.Errorf("%s without a label: %v, %+v", name, err, f)
		}
	}
	if ID3(nil, 100) != nil || Info(nil) != nil || string(VorbisComment(nil)) != "\x07\x00\x00\x00Orotund\x00\x00\x00\x00" {
		t.Error("something is told without a label")
	}
	if i := Info(label); len(i)%2 != 0 || slices.ContainsFunc(i[bytes.IndexByte(i, '{'):], func(b byte) bool { return b > 0x7F }) {
		t.Errorf("INFO of %d bytes: %q", len(i), i)
	}
	timeless := &speech.Label{Producer: "P", ContentID: "I"}
	for name, data := range labelled(timeless) {
		if f, err := Read(bytes.NewReader(data)); err != nil || f.Label == nil || *f.Label != *timeless || bytes.Contains(data, []byte("0001")) {
			t.Errorf("%s without a time: %v, %+v", name, err, f.Label)
		}
	}
}

func TestLabelIsBounded(t *testing.T) {
	l := &speech.Label{Producer: strings.Repeat("題", 10_000), ContentID: "a\x00b\nc\x1b[31m\u0085\xff\xfed  ", Time: time.Unix(0, 0)}
	for name, data := range labelled(l) {
		f, err := Read(bytes.NewReader(data))
		if err != nil || f.Label == nil || f.Label.ContentID != "abc[31md" || f.Label.Producer != strings.Repeat("題", 85) {
			t.Errorf("%s: %v, %+v", name, err, f.Label)
		}
	}
	if n := len(ID3(l, 0)); n > 1000 {
		t.Errorf("a tag of %d bytes", n)
	}
}

// TestParseLabel: what others write as a label, and what is none.
func TestParseLabel(t *testing.T) {
	for _, c := range []struct {
		tag  Tag
		want string // the producer; empty: no label
	}{
		{Tag{"AIGC", flatJSON}, "P"},
		{Tag{"TXXX:aigc", wrappedJSON}, "P"},
		{Tag{"COMM:x", " " + wrappedJSON}, "P"},
		{Tag{"comment", `{"AIGC":{"Label":"2","ContentProducer":"Q","More":{"x":[1]}}}`}, "Q"},
		{Tag{"comment", flatJSON}, ""}, // JSON of anybody
		{Tag{"AIGC", `{"AIGC":{}}`}, ""},
		{Tag{"AIGC", `{"AIGC":"1"}`}, ""},
		{Tag{"AIGC", `{"Label":1}`}, ""},
		{Tag{"AIGC", `{"Label":"1"`}, ""},
		{Tag{"AIGC", "1"}, ""},
		{Tag{"AIGC", ""}, ""},
	} {
		l := findLabel([]Tag{{"x", "{"}, c.tag})
		if (l != nil) != (c.want != "") || l != nil && l.Producer != c.want {
			t.Errorf("%v: %+v", c.tag, l)
		}
	}
}

// TestOthersReadTheLabel asks ffprobe and mediainfo.
func TestOthersReadTheLabel(t *testing.T) {
	for name, data := range labelled(label) {
		if name == "opus" {
			continue // without checksums; the encoder's own tests have it
		}
		file := filepath.Join(t.TempDir(), "x."+name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(name+"/ffprobe", func(t *testing.T) {
			var answer struct {
				Format struct{ Tags map[string]string }
			}
			out := runTool(t, "ffprobe", "-v", "error", "-show_format", "-of", "json", file)
			if err := json.Unmarshal(out, &answer); err != nil {
				t.Fatal(err)
			}
			tags := answer.Format.Tags
			value, date := tags[Key], "2026-03-01T22:59:07Z"
			switch name {
			case "wav":
				value = tags["comment"]
			case "mp3":
				date = strings.TrimSuffix(date, "Z")
			}
			a, ok := parseLabel(value, false)
			if !ok || a.ContentProducer != label.Producer || a.Time != "2026-03-01T22:59:07Z" {
				t.Errorf("%v", tags)
			}
			if got := tags["date"] + tags["DATE"]; got != date {
				t.Errorf("date %q, want %q", got, date)
			}
		})
		t.Run(name+"/mediainfo", func(t *testing.T) {
			if out := runTool(t, "mediainfo", "--Output=JSON", file); !bytes.Contains(out, []byte("0198f2a4")) {
				t.Errorf("%s", out)
			}
		})
	}
}

// runTool runs a program that may not be installed, and that has to be content.
func runTool(t *testing.T, command ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skipf("%s is not installed", command[0])
	}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil || problems.Len() > 0 {
		t.Fatalf("%s: %v: %s", command[0], err, problems.String())
	}
	return out
}

// TestReadOthers makes files with the tools at hand and compares what is read.
func TestReadOthers(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src.wav")
	if err := os.WriteFile(src, riff(fmtChunk(1, 1, 24000, 16), chunk("data", zeros(96000))), 0o600); err != nil {
		t.Fatal(err)
	}
	ff := func(out string, args ...string) []string {
		return slices.Concat([]string{"ffmpeg", "-v", "error", "-y", "-i", src, "-metadata", "title=Tïtle 題"}, args, []string{out})
	}
	for out, c := range map[string]struct {
		command []string
		want    string // container, encoding
		samples int64  // -1: whatever
		title   string // a tag
	}{
		"v4.mp3":    {ff("v4.mp3"), "mp3 mp3", 48000, "TIT2=Tïtle 題"},
		"v3.mp3":    {ff("v3.mp3", "-id3v2_version", "3"), "mp3 mp3", 48000, "TIT2=Tïtle 題"},
		"lame.mp3":  {[]string{"lame", "--quiet", "-b", "128", "--tt", "Title", src, "lame.mp3"}, "mp3 mp3", 48000, "TIT2=Title"},
		"a.aac":     {ff("a.aac"), "adts aac", -1, ""},
		"a.flac":    {ff("a.flac"), "flac flac", 48000, "title=Tïtle 題"},
		"ref.flac":  {[]string{"flac", "-s", "-o", "ref.flac", src}, "flac flac", 48000, "vendor="},
		"a.ogg":     {ff("a.ogg", "-c:a", "libvorbis"), "ogg vorbis", 48000, "title=Tïtle 題"},
		"a.opus":    {ff("a.opus"), "ogg opus", 96000, "title=Tïtle 題"},
		"enc.opus":  {[]string{"opusenc", "--quiet", "--title", "T", src, "enc.opus"}, "ogg opus", 96000, "title=T"},
		"info.wav":  {ff("info.wav"), "wav pcm", 48000, "INAM=Tïtle 題"},
		"sox.wav":   {[]string{"sox", src, "-e", "a-law", "sox.wav"}, "wav alaw", 48000, ""},
		"rf64.wav":  {ff("rf64.wav", "-rf64", "always"), "rf64 pcm", 48000, "INAM=Tïtle 題"},
		"many.wav":  {ff("many.wav", "-ac", "6", "-c:a", "pcm_s24le"), "wav pcm", 48000, ""},
		"float.wav": {ff("float.wav", "-c:a", "pcm_f32le"), "wav float", 48000, ""},
	} {
		t.Run(out, func(t *testing.T) {
			command := c.command
			command[len(command)-1] = filepath.Join(dir, out)
			if command[0] == "flac" {
				command[3], command[4] = filepath.Join(dir, out), src
			}
			runTool(t, command...)
			file, err := os.Open(filepath.Join(dir, out))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			f, err := Read(file)
			if err != nil {
				t.Fatal(err)
			}
			got := show(f)
			if f.Container+" "+f.Encoding != c.want || c.samples >= 0 && f.Samples != c.samples || !strings.Contains(got, c.title) || len(f.Notes) > 0 {
				t.Errorf("%s", got)
			}
		})
	}
}
