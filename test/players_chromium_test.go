package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/speech"
)

// page plays every track to its end in an audio element and decodes it with Web Audio at its own rate, and posts what came of it.
const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>players</title><script>
function play(track) {
  return new Promise(resolve => {
    const audio = new Audio(track.url)
    audio.playbackRate = 16
    audio.onended = () => resolve({duration: audio.duration, position: audio.currentTime})
    audio.onerror = () => resolve({error: 'audio element: ' + audio.error.code + ' ' + audio.error.message})
    audio.play().catch(e => resolve({error: 'play: ' + e}))
  })
}
async function decode(track) {
  try {
    const data = await (await fetch(track.url)).arrayBuffer()
    const audio = await new OfflineAudioContext(1, 1, track.rate).decodeAudioData(data)
    return {samples: audio.length, channels: audio.numberOfChannels}
  } catch (e) {
    return {error: 'decodeAudioData: ' + e}
  }
}
async function all() {
  const tracks = await (await fetch('/tracks')).json()
  await Promise.all(tracks.map(async track => {
    const result = {name: track.name, played: await play(track), decoded: await decode(track)}
    await fetch('/result', {method: 'POST', body: JSON.stringify(result)})
  }))
}
all()
</script>`

// track is what the page is told of a recording.
type track struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Rate int    `json:"rate"`
}

// result is what the page says of a track.
type result struct {
	Name   string `json:"name"`
	Played struct {
		Duration float64 `json:"duration"` // s
		Position float64 `json:"position"` // s
		Error    string  `json:"error"`
	} `json:"played"`
	Decoded struct {
		Samples  int    `json:"samples"`
		Channels int    `json:"channels"`
		Error    string `json:"error"`
	} `json:"decoded"`
}

// TestChromium is the gate for browsers: Chromium plays every encoding to its end, live from Orotund and as a finished file, decodes the
// right number of samples, and logs nothing of it.
func TestChromium(t *testing.T) {
	if !installed("chromium") {
		t.Skip("chromium is not installed")
	}
	d := newStage(t)
	recordings := map[string]recording{}
	var tracks []track
	for _, e := range encodings {
		if e == speech.PCM {
			continue // browsers do not play samples without a container
		}
		t.Run(string(e), func(t *testing.T) {
			stream := d.streamed(t, e, 0)
			for name, r := range map[string]recording{"stream/" + string(e): stream, "file/" + string(e): finished(t, stream)} {
				if r.path != "" { // the file goes with this test
					data, err := os.ReadFile(r.path)
					if err != nil {
						t.Fatal(err)
					}
					r.data = data
				}
				_, _, rate := r.samples()
				recordings[name] = r
				tracks = append(tracks, track{Name: name, URL: "/" + name, Rate: rate})
			}
		})
	}
	results := make(chan result, len(tracks))
	s := httptest.NewServer(browse(d, recordings, tracks, results))
	defer s.Close()
	b := browser(t, s.URL)
	defer b.stop()
	deadline := time.After(time.Minute)
	for range tracks {
		select {
		case r := <-results:
			r.check(t, recordings[r.Name])
		case <-b.ended:
			t.Fatalf("Chromium ended: %s", b.log.String())
		case <-deadline:
			b.stop()
			t.Fatalf("not all of %v were played: %s", tracks, b.log.String())
		}
	}
	b.stop()
	for line := range strings.Lines(b.log.String()) {
		if complaint.MatchString(line) && !machine.MatchString(line) {
			t.Errorf("Chromium said: %s", line)
		}
	}
}

// A complaint is a message from the page or from Chromium's media code; that code also says what this machine has not, sound and graphics
// cards.
var (
	complaint = regexp.MustCompile(`:CONSOLE:|(WARNING|ERROR|FATAL):(media|third_party/(blink|ffmpeg))/`)
	machine   = regexp.MustCompile(`:(media/audio|media/gpu)/`)
)

func (r result) check(t *testing.T, rec recording) {
	t.Helper()
	if r.Played.Error != "" || r.Decoded.Error != "" {
		t.Errorf("%s: %s %s", r.Name, r.Played.Error, r.Decoded.Error)
		return
	}
	low, high, rate := rec.samples()
	if n := r.Decoded.Samples; n < low || n > high || r.Decoded.Channels != 1 {
		t.Errorf("%s: decoded %d samples in %d channels, want %d to %d in one", r.Name, n, r.Decoded.Channels, low, high)
	}
	// Chromium's clock runs in packets, of up to 120 ms. The length of ADTS it takes from the bit rate at the beginning.
	slack := 0.12
	if rec.format.Encoding == speech.AAC {
		slack += 0.2 * float64(high) / float64(rate)
	}
	from, to := float64(low)/float64(rate)-slack, float64(high)/float64(rate)+slack
	if p := r.Played.Position; p < from || p > to {
		t.Errorf("%s: it was played for %.3f s, want %.3f to %.3f", r.Name, p, from, to)
	}
	if p := r.Played.Duration; math.IsInf(p, 0) || p < from || p > to {
		t.Errorf("%s: it counts as %.3f s long, want %.3f to %.3f", r.Name, p, from, to)
	}
}

// browse serves the page. A stream is passed on as Orotund sends it, and files in the ranges that are asked for.
func browse(d *stage, recordings map[string]recording, tracks []track, results chan<- result) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	})
	mux.HandleFunc("GET /tracks", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(tracks) })
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		var got result
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			got.Played.Error = err.Error()
		}
		results <- got
	})
	mux.HandleFunc("GET /file/{name}", func(w http.ResponseWriter, r *http.Request) {
		rec := recordings["file/"+r.PathValue("name")]
		w.Header().Set("Content-Type", rec.info.ContentType(rec.format))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(rec.data))
	})
	mux.HandleFunc("GET /stream/{name}", func(w http.ResponseWriter, r *http.Request) {
		rec := recordings["stream/"+r.PathValue("name")]
		resp, err := d.ask(r.Context(), rec.format, rec.info)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		pass(w, resp.Body)
	})
	return mux
}

// pass sends what comes as it comes.
func pass(w http.ResponseWriter, r io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// running is a headless Chromium.
type running struct {
	cmd   *exec.Cmd
	log   bytes.Buffer // not to be read before stop, or ended
	ended chan struct{}
}

func browser(t *testing.T, url string) *running {
	t.Helper()
	b := &running{ended: make(chan struct{})}
	b.cmd = exec.CommandContext(context.Background(), "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
		"--autoplay-policy=no-user-gesture-required", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--v=0", url)
	b.cmd.Stderr = &b.log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is many processes
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = b.cmd.Wait()
		close(b.ended)
	}()
	return b
}

// stop kills Chromium and waits for all of it.
func (b *running) stop() {
	select {
	case <-b.ended:
		return
	default:
	}
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	<-b.ended
}
