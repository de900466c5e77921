package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/testkit/tone"
)

// encodings are what Orotund speaks in.
var encodings = []speech.Encoding{
	speech.WAV, speech.PCM, speech.MP3, speech.Opus, speech.FLAC, speech.AAC, speech.MuLaw, speech.ALaw,
}

const (
	// spoken is what the players hear: three segments of 2.1 s together before the joins. No two letters next to each other have the
	// same tone, so that the audio is like itself at one place only.
	spoken = "Ay by cy dz. Eg hi jk lm? No pq rs tu vw xz!"

	// steady makes the tone engine's audio the same each time: a voice whose loudness is not known is measured while it speaks, so its
	// level would change from one request to the next.
	steady = "inference:\n  sound:\n    loudness: 0\n"
)

// recording is audio as a player gets it.
type recording struct {
	format speech.Format
	info   codec.Info
	speech int    // samples of speech that went into it
	data   []byte // goes through a pipe …
	path   string // … unless it is this file
}

// known describes an encoding. ok is false where this version of the tests knows it, and the program does not.
func known(e speech.Encoding) (info codec.Info, ok bool) {
	at := slices.IndexFunc(codec.Infos(), func(i codec.Info) bool { return i.Encoding == e })
	if at < 0 {
		return codec.Info{}, false
	}
	return codec.Infos()[at], true
}

// formatOf is an encoding at a sample rate, or at its own if rate is 0.
func formatOf(t testing.TB, e speech.Encoding, rate int) (speech.Format, codec.Info) {
	t.Helper()
	info, ok := known(e)
	if !ok {
		t.Fatalf("there is no %s", e)
	}
	if e == speech.MP3 || e == speech.AAC {
		program(t, "orotund-worker-codec")
	}
	f, err := info.Resolve(speech.Format{Encoding: e, SampleRate: rate}, 24000)
	if err != nil {
		t.Fatal(err)
	}
	return f, info
}

// stage is a deployment that speaks the players' text.
type stage struct {
	*deployment
	truths map[int][]byte // by sample rate
}

// newStage starts one, and makes sure that it says the same each time.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{deployment: single(t, steady), truths: map[int][]byte{}}
	first := s.truth(t, 24000)
	clear(s.truths)
	if !bytes.Equal(first, s.truth(t, 24000)) {
		t.Fatal("the same text sounds otherwise the second time")
	}
	return s
}

// truth is the speech in bare samples at a rate.
func (s *stage) truth(t testing.TB, rate int) []byte {
	t.Helper()
	if s.truths[rate] == nil {
		s.truths[rate] = s.speak(t, map[string]any{"voice": "tone." + tone.Plain, "input": spoken, "response_format": "pcm", "sample_rate": rate})
	}
	return s.truths[rate]
}

// ask begins a stream of the speech.
func (s *stage) ask(ctx context.Context, f speech.Format, info codec.Info) (*http.Response, error) {
	resp, err := s.tryPost(ctx, map[string]any{"voice": "tone." + tone.Plain, "input": spoken, "response_format": f.Encoding, "sample_rate": f.SampleRate})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", resp.Status, data)
	}
	if got, want := resp.Header.Get("Content-Type"), info.ContentType(f); got != want {
		resp.Body.Close()
		return nil, fmt.Errorf("content type %q, want %q", got, want)
	}
	return resp, nil
}

// streamed is the speech as HTTP sends it.
func (s *stage) streamed(t *testing.T, e speech.Encoding, rate int) recording {
	t.Helper()
	f, info := formatOf(t, e, rate)
	resp, err := s.ask(t.Context(), f, info)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return recording{format: f, info: info, speech: len(s.truth(t, f.SampleRate)) / 2, data: data}
}

// finished is the same speech as a file that orotund say has written.
func finished(t *testing.T, stream recording) recording {
	t.Helper()
	dir := t.TempDir()
	cfg := filepath.Join(dir, "orotund.yaml")
	if err := os.WriteFile(cfg, []byte(config()+steady), 0o600); err != nil {
		t.Fatal(err)
	}
	r := stream
	r.data, r.path = nil, filepath.Join(dir, "speech."+r.info.Extension)
	_, stderr, code := orotund(t, "", "say", spoken, "--config", cfg, "--voice", "tone."+tone.Plain, "--quiet", "-o", r.path,
		"--format", string(r.format.Encoding), "--sample-rate", strconv.Itoa(r.format.SampleRate))
	if code != 0 {
		t.Fatalf("say: %d: %s", code, stderr)
	}
	return r
}

// samples is how many samples at rate Hz a decoder gives back, at least and at most. Encoders that know no other length than whole frames
// have a constant lead and a tail of less than two frames.
func (r recording) samples() (low, high, rate int) {
	n, rate := r.speech, r.format.SampleRate
	switch r.format.Encoding {
	case speech.MP3, speech.AAC:
		n += r.info.Lead
		return n, n + 2*frame(r.format) - 1, rate
	case speech.Opus: // its decoders know one rate
		n = (n*48000 + rate/2) / rate
		rate = 48000
	case speech.WAV, speech.MuLaw, speech.ALaw:
		if r.path == "" {
			block := r.info.BlockSamples(r.format)
			n = (n + block - 1) / block * block
		}
	}
	return n, n, rate
}

// player is a program that plays audio from a pipe or a file, into samples.
type player struct {
	program string
	plays   func(speech.Encoding) bool // nil: all
	// command plays r from standard input, or from r.path. Signed 16-bit samples go to the file out, or to standard output.
	command func(r recording, out string) []string
	leaves  func(recording) int  // samples that it leaves out at the end; nil: none
	remark  string               // a line that is allowed of recordings …
	of      func(recording) bool // … like these
}

// players are held to silence: what they say at their level for warnings fails the test.
func players() []player {
	only := func(list ...speech.Encoding) func(speech.Encoding) bool {
		return func(e speech.Encoding) bool { return slices.Contains(list, e) }
	}
	// Whatever made it, a file has no length in it if its format has no place for one. libavformat then guesses, and says so.
	const guess = `Estimating duration from bitrate, this may be inaccurate`
	file := func(r recording) bool {
		return r.path != "" && only(speech.PCM, speech.AAC)(r.format.Encoding)
	}
	return []player{
		{program: "ffmpeg", command: ffmpegPlays, remark: `\[\w+ @ 0x[0-9a-f]+\] ` + guess, of: file},
		{program: "mpv", command: mpvPlays, remark: `\[ffmpeg/demuxer\] \w+: ` + guess, of: file},
		// Debian's sox is built without Opus, and knows no AAC.
		{program: "sox", plays: func(e speech.Encoding) bool { return !only(speech.Opus, speech.AAC)(e) }, command: soxPlays, leaves: lastFrame},
		{program: "flac", plays: only(speech.FLAC), command: func(r recording, _ string) []string {
			return []string{"flac", "--decode", "--silent", "--stdout", "--force-raw-format", "--endian=little", "--sign=signed", r.source("-")}
		}, remark: `\S+: WARNING, cannot check MD5 signature since it was unset in the STREAMINFO`, of: func(recording) bool { return true }},
		{program: "opusdec", plays: only(speech.Opus), command: func(r recording, _ string) []string {
			return []string{"opusdec", "--quiet", "--rate", "48000", "--no-dither", r.source("-"), "-"}
		}},
	}
}

// source is the name of the file, or the program's word for standard input.
func (r recording) source(stdin string) string {
	if r.path != "" {
		return r.path
	}
	return stdin
}

func ffmpegPlays(r recording, _ string) []string {
	// Without -guess_layout_max it remarks that WAV headers of plain PCM do not say where the one channel's loudspeaker stands.
	args := []string{"ffmpeg", "-hide_banner", "-nostats", "-v", "warning", "-guess_layout_max", "0"}
	if r.format.Encoding == speech.PCM {
		args = append(args, "-f", "s16le", "-ar", strconv.Itoa(r.format.SampleRate), "-ac", "1")
	}
	return append(args, "-i", r.source("pipe:0"), "-f", "s16le", "pipe:1")
}

func mpvPlays(r recording, out string) []string {
	args := []string{"mpv", "--no-config", "--msg-level=all=warn", "--no-video", "--ao=pcm", "--ao-pcm-file=" + out, "--ao-pcm-waveheader=no", "--audio-format=s16"}
	if r.format.Encoding == speech.PCM {
		// Its own demuxer of raw audio fills the last eighth of a second up.
		args = append(args, "--demuxer=lavf", "--demuxer-lavf-format=s16le", fmt.Sprintf("--demuxer-lavf-o=sample_rate=%d,ch_layout=mono", r.format.SampleRate))
	}
	return append(args, r.source("-"))
}

func soxPlays(r recording, _ string) []string {
	args := []string{"sox", "-V2", "-D"} // warnings; no dither
	switch r.format.Encoding {
	case speech.PCM:
		args = append(args, "-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", strconv.Itoa(r.format.SampleRate))
	case speech.MP3, speech.FLAC:
		args = append(args, "-t", string(r.format.Encoding))
	default:
		args = append(args, "-t", "wav")
	}
	return append(args, r.source("-"), "-t", "raw", "-e", "signed", "-b", "16", "-")
}

// lastFrame is what libmad, in sox, leaves out of an MP3 that ends with its last frame: it decodes a frame when it has seen eight bytes more.
func lastFrame(r recording) int {
	if r.format.Encoding != speech.MP3 {
		return 0
	}
	return frame(r.format)
}

// frame is how many samples a frame of MP3 or AAC has. MPEG-1 has more in a frame than the versions of MP3 for lower rates.
func frame(f speech.Format) int {
	switch {
	case f.Encoding == speech.AAC:
		return 1024
	case f.SampleRate < 32000:
		return 576
	}
	return 1152
}

// play returns the samples that a player makes of a recording, as PCM.
func (p player) play(t *testing.T, r recording) []byte {
	t.Helper()
	if !installed(p.program) {
		t.Skipf("%s is not installed", p.program)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := filepath.Join(t.TempDir(), "out")
	args := p.command(r, out)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var pcm, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &pcm, &said
	if r.path == "" {
		cmd.Stdin = bytes.NewReader(r.data) // through a pipe, which cannot seek
	}
	err := cmd.Run()
	if data, err := os.ReadFile(out); err == nil {
		said.Write(pcm.Bytes()) // what is on standard output is words
		pcm = *bytes.NewBuffer(data)
	}
	words := said.String()
	if p.remark != "" && p.of(r) && regexp.MustCompile("^"+p.remark+"\n$").MatchString(words) {
		words = ""
	}
	if err != nil || words != "" {
		t.Errorf("%s: %v: %s", strings.Join(args, " "), err, words)
	}
	return pcm.Bytes()
}

// TestPlayers is the gate: every player plays every encoding without a word, as a stream through a pipe and as a finished file, and
// gives back as many samples as were spoken.
func TestPlayers(t *testing.T) {
	s := newStage(t)
	for _, e := range encodings {
		t.Run(string(e), func(t *testing.T) {
			stream := s.streamed(t, e, 0)
			file := finished(t, stream)
			for _, p := range players() {
				if p.plays != nil && !p.plays(e) {
					continue
				}
				t.Run(p.program, func(t *testing.T) {
					t.Parallel()
					p.check(t, "stream", stream)
					p.check(t, "file", file)
				})
			}
		})
	}
}

func (p player) check(t *testing.T, name string, r recording) {
	t.Helper()
	pcm := p.play(t, r)
	low, high, _ := r.samples()
	if p.leaves != nil {
		low -= p.leaves(r)
	}
	if n := len(pcm) / 2; n < low || n > high {
		t.Errorf("%s of %s: %d samples, want %d to %d", name, r.format, n, low, high)
	}
	if level(pcm) < 0.05 {
		t.Errorf("%s of %s: the level is %.3f", name, r.format, level(pcm))
	}
}
