package subtitle

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// timeLine is a line with the times of a cue.
var timeLine = regexp.MustCompile(`(?m)^[0-9:.,]+ --> [0-9:.,]+$`)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares whole documents with ones that a person has read.
func TestGolden(t *testing.T) {
	for name, s := range map[string]scene{
		"prose.srt": {text: prose, lasts: true}, "prose.vtt": {text: prose}, "prose.json": {text: prose, lasts: true, phonemes: true},
		"estimated.vtt": {text: "One two three. Four five six.", estimated: true}, "estimated.json": {text: "One two.", estimated: true},
		"empty.srt": {}, "empty.vtt": {}, "empty.json": {},
	} {
		got, file := s.file(t, name), filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was (-update writes it anew):\n%s", name, got)
		}
	}
}

// TestFFmpegReads shows that another program reads every cue, and complains about nothing.
func TestFFmpegReads(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	var all recorder
	scene{text: prose}.write(t, &all)
	for _, name := range []string{"prose.srt", "prose.vtt"} {
		cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-i", filepath.Join("testdata", name), "-f", "webvtt", "-")
		var out, complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &complaints
		if err := cmd.Run(); err != nil || complaints.Len() > 0 {
			t.Errorf("%s: %v\n%s", name, err, complaints.String())
		}
		if n := len(timeLine.FindAll(out.Bytes(), -1)); n != len(all.cues) {
			t.Errorf("%s: ffmpeg read %d cues of %d", name, n, len(all.cues))
		}
	}
}
