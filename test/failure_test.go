package test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/testkit/tone"
)

var longText = strings.Repeat("This is a sentence of a rather long text, which goes on and on without an end. ", 60)

// TestClientLeaves is the gate: a client that leaves frees its worker within 50 ms. The best of some tries counts, as the machine may
// be busy with something else in one of them; all are logged.
func TestClientLeaves(t *testing.T) {
	engines(t)
	each(t, "", func(t *testing.T, d *deployment) {
		for voice, worker := range map[string]string{"tone.paced": "tone", "espeak.en-us": "espeak", "flite.rms": "flite"} {
			var took []time.Duration
			for range 8 {
				ctx, cancel := context.WithCancel(t.Context())
				resp, err := d.tryPost(ctx, map[string]any{"voice": voice, "input": longText, "response_format": "wav"})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
				cancel()
				resp.Body.Close()
				left := time.Now()
				eventually(t, "the worker is free", func() bool { return d.gauge(t, `orotund_workers_busy{worker="`+worker+`"}`) == 0 })
				took = append(took, time.Since(left).Round(100*time.Microsecond))
			}
			t.Logf("%s: free after %v", voice, took)
			if best := slices.Min(took); best > 50*time.Millisecond {
				t.Errorf("%s: the worker was free after %v at best", voice, best)
			}
		}
	})
}

// TestWorkerKilled is the gate: kill -9 in the middle of a segment ends in a whole answer or an error that the client sees, never in a
// short audio; and the system heals.
func TestWorkerKilled(t *testing.T) {
	each(t, "", func(t *testing.T, d *deployment) {
		text := strings.Repeat("b", 100)
		resp := d.post(t.Context(), t, map[string]any{"voice": "tone.paced", "input": text, "response_format": "wav"})
		if _, err := io.ReadFull(resp.Body, make([]byte, 44)); err != nil {
			t.Fatal(err)
		}
		for _, pid := range d.workers(t, "tone") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if n, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the client saw %d bytes and %v", n, err)
		}
		eventually(t, "it speaks again", func() bool {
			resp := d.post(t.Context(), t, map[string]any{"voice": "tone.plain", "input": "again", "response_format": "pcm", "sample_rate": tone.Rate})
			data, err := io.ReadAll(resp.Body)
			return err == nil && resp.StatusCode == 200 && len(data)/2 == tone.Samples("again")
		})
		// A worker that dies before anything was heard costs the client nothing but time.
		for _, p := range d.processes {
			_ = os.Remove(os.TempDir() + "/orotund-tone-" + strconv.Itoa(p.cmd.Process.Pid))
		}
		pcm := d.speak(t, map[string]any{"voice": "tone.crashone", "input": "once more", "response_format": "pcm", "sample_rate": tone.Rate})
		if len(pcm)/2 != tone.Samples("once more") {
			t.Fatalf("%d samples", len(pcm)/2)
		}
		for _, p := range d.processes {
			_ = os.Remove(os.TempDir() + "/orotund-tone-" + strconv.Itoa(p.cmd.Process.Pid))
		}
		// One that always dies is a clear error, before any audio.
		resp = d.post(t.Context(), t, map[string]any{"voice": "tone.crash", "input": "never", "response_format": "wav"})
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatal(resp.Status)
		}
		if log := d.inference.log.String(); !strings.Contains(log, "dying as asked") {
			t.Error("the log does not hold the worker's last words")
		}
	})
}

// TestSlowReaders is the gate: two clients that read a byte a second do not slow a third.
func TestSlowReaders(t *testing.T) {
	each(t, "", func(t *testing.T, d *deployment) {
		ask := map[string]any{"voice": "tone.plain", "input": "How long does it take?", "response_format": "wav"}
		once := func() time.Duration {
			began := time.Now()
			d.speak(t, ask)
			return time.Since(began)
		}
		alone := make([]time.Duration, 0, 20)
		for range 20 {
			alone = append(alone, once())
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 2 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.(*net.TCPConn).SetReadBuffer(4096)
			body := `{"voice":"tone.plain","response_format":"wav","input":"` + longText + `"}`
			if _, err := io.WriteString(conn, "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+
				strconv.Itoa(len(body))+"\r\n\r\n"+body); err != nil {
				t.Fatal(err)
			}
			go func() {
				for b := make([]byte, 1); ctx.Err() == nil; time.Sleep(time.Second) {
					if _, err := conn.Read(b); err != nil {
						return
					}
				}
			}()
		}
		eventually(t, "both are served and no worker waits for them", func() bool {
			return d.gauge(t, `orotund_requests_active`) == 2 && d.gauge(t, `orotund_workers_busy{worker="tone"}`) == 0
		})
		beside := make([]time.Duration, 0, 20)
		for range 20 {
			beside = append(beside, once())
		}
		slices.Sort(alone)
		slices.Sort(beside)
		t.Logf("median alone %v, beside two slow readers %v", alone[10], beside[10])
		if beside[0] > 5*alone[10] {
			t.Errorf("even the fastest of 20 took %v beside slow readers, %v alone", beside[0], alone[10])
		}
	})
}

// TestTerm: SIGTERM refuses new work, finishes what runs, and exits with 0.
func TestTerm(t *testing.T) {
	each(t, "", func(t *testing.T, d *deployment) {
		text := strings.Repeat("c", 40) // 2 s at real time
		resp := d.post(t.Context(), t, map[string]any{"voice": "tone.paced", "input": text, "response_format": "pcm", "sample_rate": tone.Rate})
		if _, err := io.ReadFull(resp.Body, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		_ = d.gateway.cmd.Process.Signal(syscall.SIGTERM)
		eventually(t, "new work is refused", func() bool {
			resp, err := d.tryPost(t.Context(), map[string]any{"voice": "tone.plain", "input": "more", "response_format": "pcm"})
			if err != nil {
				return true
			}
			defer resp.Body.Close()
			return resp.StatusCode == http.StatusServiceUnavailable
		})
		rest, err := io.ReadAll(resp.Body)
		if err != nil || len(rest)/2+1 != tone.Samples(text) {
			t.Fatalf("%d samples, %v", len(rest)/2+1, err)
		}
		for _, p := range append([]*process{d.gateway}, d.processes...) {
			if code := p.stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
		}
	})
}

// TestKillEverything: kill -9 of the server leaves no worker behind, and it starts again on the same data.
func TestKillEverything(t *testing.T) {
	d := single(t, "")
	p := d.gateway
	pids := children(t, p.cmd.Process.Pid)
	if len(pids) < 2 {
		t.Fatalf("only %d workers", len(pids))
	}
	_ = p.cmd.Process.Kill()
	<-p.waited
	eventually(t, "all workers are gone", func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool {
			stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			_, rest, _ := strings.Cut(string(stat), ") ")
			return err == nil && !strings.HasPrefix(rest, "Z")
		})
	})
}

// TestNoZombies: workers that die are reaped.
func TestNoZombies(t *testing.T) {
	d := single(t, "")
	for range 3 {
		for _, pid := range d.workers(t, "tone") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		eventually(t, "two workers run", func() bool { return d.gauge(t, `orotund_workers{worker="tone"}`) == 2 })
	}
	eventually(t, "no zombie is left", func() bool {
		return !slices.ContainsFunc(children(t, d.gateway.cmd.Process.Pid), func(pid int) bool {
			stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			_, rest, _ := strings.Cut(string(stat), ") ")
			return strings.HasPrefix(rest, "Z")
		})
	})
}
