package flac

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program returns the path of a program, or skips the test.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: streams are not read by it here", name)
	}
	return path
}

// stream is one for other programs to read.
type stream struct {
	name string
	rate int
	pcm  []byte
	data []byte
}

// streams returns one of each kind of audio, each at another rate and of another length around whole blocks, and short ones.
func streams(t testing.TB) []stream {
	var all []stream
	add := func(name string, rate int, x []int16) {
		all = append(all, stream{fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(name, " ", "-"), rate, len(x)), rate, pcmOf(x), encode(t, rate, x)})
	}
	for n, s := range signals() {
		rate := rates[n%len(rates)]
		add(s.name, rate, s.make(rate, 3*blockSize(rate)-1+n%3))
	}
	for _, rate := range rates {
		add("speech", rate, voice(rate, rate/3))
	}
	for _, n := range []int{1, 2, 5, 31, 32, 33, 192, 256, 257} {
		add("short", 24000, voice(24000, 500)[500-n:])
	}
	return all
}

// TestReferenceDecodes tests all streams with the reference decoder, which warns of nothing but the checksum that streams do not have.
func TestReferenceDecodes(t *testing.T) {
	flac := program(t, "flac")
	dir := t.TempDir()
	all := streams(t)
	args := []string{"-d", "-f", "--force-raw-format", "--endian=little", "--sign=signed", "--totally-silent"}
	tests := []string{"-t", "-s"}
	for _, s := range all {
		path := filepath.Join(dir, s.name+".flac")
		if err := os.WriteFile(path, s.data, 0o600); err != nil {
			t.Fatal(err)
		}
		args, tests = append(args, path), append(tests, path)
	}
	out, err := exec.CommandContext(t.Context(), flac, tests...).CombinedOutput()
	if err != nil {
		t.Errorf("flac -t: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) != "" && !strings.Contains(line, "WARNING, cannot check MD5 signature since it was unset") {
			t.Errorf("flac -t: %s", line)
		}
	}
	if out, err := exec.CommandContext(t.Context(), flac, args...).CombinedOutput(); err != nil {
		t.Fatalf("flac -d: %v: %s", err, out)
	}
	for _, s := range all {
		if got, err := os.ReadFile(filepath.Join(dir, s.name+".raw")); err != nil || !bytes.Equal(got, s.pcm) {
			t.Errorf("%s: %d bytes came back of %d, %v", s.name, len(got), len(s.pcm), err)
		}
	}
}

// TestFFmpegDecodes reads all streams in one run of ffmpeg, which warns of nothing.
func TestFFmpegDecodes(t *testing.T) {
	ffmpeg := program(t, "ffmpeg")
	dir := t.TempDir()
	all := streams(t)
	args := []string{"-hide_banner", "-nostats", "-nostdin", "-v", "warning"}
	for _, s := range all {
		path := filepath.Join(dir, s.name+".flac")
		if err := os.WriteFile(path, s.data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-i", path)
	}
	for n, s := range all {
		args = append(args, "-map", fmt.Sprint(n), "-f", "s16le", filepath.Join(dir, s.name+".raw"))
	}
	if out, err := exec.CommandContext(t.Context(), ffmpeg, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v: %s", err, out)
	}
	for _, s := range all {
		if got, err := os.ReadFile(filepath.Join(dir, s.name+".raw")); err != nil || !bytes.Equal(got, s.pcm) {
			t.Errorf("%s: %d bytes came back of %d, %v", s.name, len(got), len(s.pcm), err)
		}
	}
}

// TestPlayersDecode reads a few streams from a pipe, as players that cannot seek do.
func TestPlayersDecode(t *testing.T) {
	all := streams(t)
	for _, command := range [][]string{
		{"ffmpeg", "-hide_banner", "-nostats", "-v", "warning", "-i", "pipe:0", "-f", "s16le", "pipe:1"},
		{"sox", "-V2", "-t", "flac", "-", "-t", "raw", "-"},
		{"mpv", "--no-config", "--msg-level=all=warn", "--no-video", "--ao=pcm", "--ao-pcm-file=/dev/stdout", "--ao-pcm-waveheader=no", "-"},
	} {
		t.Run(command[0], func(t *testing.T) {
			path := program(t, command[0])
			for _, s := range []stream{all[0], all[len(all)-1]} {
				cmd := exec.CommandContext(t.Context(), path, command[1:]...)
				var out, problems bytes.Buffer
				cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(s.data), &out, &problems
				if err := cmd.Run(); err != nil || problems.Len() > 0 {
					t.Errorf("%s: %v: %s", s.name, err, problems.String())
				}
				if !bytes.Equal(out.Bytes(), s.pcm) {
					t.Errorf("%s: %d bytes came back of %d", s.name, out.Len(), len(s.pcm))
				}
			}
		})
	}
}
