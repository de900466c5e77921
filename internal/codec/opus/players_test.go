package opus

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/speech"
)

// stream is one for other programs to read.
type stream struct {
	name string
	rate int
	pcm  []byte
	path string
}

// streams returns some for each rate with random lengths, long and short, and bit rates of both ways of coding. They are labelled.
func streams(t testing.TB) []stream {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(7, 8))
	var all []stream
	for n, rate := range rates {
		for m, samples := range []int{rate/2 + random.IntN(rate), 1 + random.IntN(100), 1 + random.IntN(5000)} {
			bits := []int{24000, 40000, 64000, 12000}[(n+m)%4]
			s := stream{name: fmt.Sprintf("%d-%d-%d", rate, samples, bits), rate: rate, pcm: voice(rate, samples)}
			s.path = filepath.Join(dir, s.name+".opus")
			var data []byte
			for _, piece := range encodePieces(t, format(rate, bits), s.pcm, 480, &speech.Label{Producer: "Example", ContentID: "42"}) {
				data = append(data, piece...)
			}
			if err := os.WriteFile(s.path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
	}
	return all
}

// quiet runs a program, which may say nothing, and returns its output.
func quiet(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, name), args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil || problems.Len() > 0 {
		t.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, problems.String())
	}
	return out
}

// checkSamples compares a length at 48 kHz.
func checkSamples(t *testing.T, name string, s stream, got int) {
	t.Helper()
	if want := len(s.pcm) / 2 * (clock / s.rate); got != want {
		t.Errorf("%s: %s: %d samples, want %d", name, s.name, got, want)
	}
}

// TestPlayers has other programs read the same streams.
func TestPlayers(t *testing.T) {
	all := streams(t)
	t.Run("ffmpeg", func(t *testing.T) { ffmpegReads(t, all) })
	t.Run("opusdec", func(t *testing.T) {
		for _, s := range all {
			checkSamples(t, "opusdec", s, opusdec(t, s.path))
		}
	})
	t.Run("sox", func(t *testing.T) { soxReads(t, all) })
	t.Run("mpv", func(t *testing.T) { mpvReads(t, all) })
	t.Run("opusinfo", func(t *testing.T) { opusinfoReads(t, all) })
}

// ffmpegReads decodes with ffmpeg's decoder and with libopus, from files; from a pipe TestAudioComesBack does.
func ffmpegReads(t *testing.T, all []stream) {
	program(t, "ffmpeg")
	for _, decoder := range []string{"opus", "libopus"} {
		args := []string{"-hide_banner", "-nostats", "-nostdin", "-y", "-v", "warning"}
		for _, s := range all {
			args = append(args, "-c:a", decoder, "-i", s.path)
		}
		for n, s := range all {
			args = append(args, "-map", strconv.Itoa(n), "-f", "s16le", s.path+"."+decoder)
		}
		quiet(t, "ffmpeg", args...)
		for _, s := range all {
			info, err := os.Stat(s.path + "." + decoder)
			if err != nil {
				t.Fatal(err)
			}
			checkSamples(t, decoder, s, int(info.Size()/2))
		}
	}
}

func soxReads(t *testing.T, all []stream) {
	if out, _ := exec.CommandContext(t.Context(), program(t, "sox"), "--help").Output(); !strings.Contains(string(out), " opus") {
		t.Skip("sox is installed without Opus (Debian: libsox-fmt-opus or libsox-fmt-all): streams are not read by it here")
	}
	for _, s := range all {
		checkSamples(t, "sox", s, len(quiet(t, "sox", "-V2", s.path, "-t", "raw", "-e", "signed", "-b", "16", "-"))/2)
	}
}

func mpvReads(t *testing.T, all []stream) {
	args := []string{"--ao=pcm", "--ao-pcm-file=" + filepath.Join(t.TempDir(), "out.wav"), "--no-video", "--msg-level=all=warn", "--no-config"}
	for _, s := range all {
		args = append(args, s.path)
	}
	if out := quiet(t, "mpv", args...); len(out) > 0 {
		t.Errorf("mpv says %s", out)
	}
}

// opusdec returns how many samples of 48 kHz opusdec decodes.
func opusdec(t testing.TB, path string) int {
	t.Helper()
	quiet(t, "opusdec", "--quiet", "--rate", "48000", path, path+".wav")
	data, err := os.ReadFile(path + ".wav")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("data"))
	if at < 0 {
		t.Fatal("opusdec wrote no WAV")
	}
	return (len(data) - at - 8) / 2
}

// opusinfoReads finds nothing wrong, and the label.
func opusinfoReads(t *testing.T, all []stream) {
	for _, s := range all {
		out := string(quiet(t, "opusinfo", s.path))
		if strings.Contains(strings.ToLower(out), "warning") || strings.Contains(strings.ToLower(out), "error") {
			t.Errorf("%s: %s", s.name, out)
		}
		for _, want := range []string{
			"Pre-skip: 312", "Playback gain: 0 dB", "Channels: 1", fmt.Sprintf("Original sample rate: %d Hz", s.rate), "Encoded with Orotund", "AIGC={",
			"Packet duration:   20.0ms (max),   20.0ms (avg),   20.0ms (min)",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in %s", s.name, want, out)
			}
		}
	}
}

// TestStreamsCanBeJoined puts one stream after another, as RFC 3533 allows where serial numbers differ.
func TestStreamsCanBeJoined(t *testing.T) {
	program(t, "opusdec")
	path := filepath.Join(t.TempDir(), "joined.opus")
	var data []byte
	for range 2 {
		e, err := Codec{}.New(t.Context(), format(24000, 32000), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []func() ([]byte, error){
			func() ([]byte, error) { return e.Encode(t.Context(), voice(24000, 10000)) },
			func() ([]byte, error) { return e.Finish(t.Context()) },
		} {
			out, err := call()
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, out...)
		}
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := opusdec(t, path); got != 2*2*10000 {
		t.Errorf("%d samples, want %d", got, 2*2*10000)
	}
}

// TestAudioComesBack compares level and time of what comes back with what went in, at bit rates of both ways of coding.
func TestAudioComesBack(t *testing.T) {
	program(t, "ffmpeg")
	for _, rate := range rates {
		for _, bits := range []int{24000, 48000} {
			pcm := voice(rate, rate)
			got, err := decode(t.Context(), encode(t, format(rate, bits), pcm), clock)
			if err != nil {
				t.Fatal(err)
			}
			r, err := audio.NewResampler(rate, clock)
			if err != nil {
				t.Fatal(err)
			}
			want := r.Flush(r.Process(nil, audio.DecodeS16(nil, pcm)))
			if len(got) != len(want) {
				t.Fatalf("%d Hz, %d bit/s: %d samples, want %d", rate, bits, len(got), len(want))
			}
			off, lag := level(got)-level(want), delay(want, got)
			t.Logf("%d Hz, %d bit/s: level %+.2f dB, %d samples of 48 kHz late", rate, bits, off, lag)
			// SILK's own resamplers are not exact to the sample. libopus's are the same.
			if most := max(2, clock/rate); lag > most || lag < -most || bits >= transformFrom && lag != 0 {
				t.Errorf("%d Hz, %d bit/s: %d samples of 48 kHz late", rate, bits, lag)
			}
			if math.Abs(off) > 1 {
				t.Errorf("%d Hz, %d bit/s: the level is off by %.2f dB", rate, bits, off)
			}
		}
	}
}

// level is in dB of full scale.
func level(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(x))+1e-12)
}

// delay is by how many samples b comes after a, where half a second of their middle is most alike.
func delay(a, b []float32) int {
	const most = 24
	best, at := float32(math.Inf(-1)), 0
	from := len(a)/2 - clock/4
	for lag := -most; lag <= most; lag++ {
		sum := float32(0)
		for i, v := range a[from : from+clock/2] {
			sum += v * b[from+i+lag]
		}
		if sum > best {
			best, at = sum, lag
		}
	}
	return at
}

// spoken returns 24 kHz PCM of espeak-ng, or of the synthetic voice where that is not installed, with its source.
func spoken(t testing.TB, rate int) (pcm []byte, source string) {
	t.Helper()
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		return voice(rate, 20*rate), "synthetic voice"
	}
	wav, err := exec.CommandContext(t.Context(), "espeak-ng", "--stdout", passage).Output()
	if err != nil {
		t.Fatalf("espeak-ng: %v", err)
	}
	const header = 44
	r, err := audio.NewResampler(int(binary.LittleEndian.Uint32(wav[24:])), rate)
	if err != nil {
		t.Fatal(err)
	}
	return audio.EncodeS16(nil, r.Flush(r.Process(nil, audio.DecodeS16(nil, wav[header:])))), "espeak-ng"
}

const passage = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness. " +
	"She sells sea shells by the sea shore. In the year 1984, about 35 percent of all people lived in towns, and most of them walked to work. " +
	"When the sunlight strikes raindrops in the air, they act as a prism and form a rainbow."
