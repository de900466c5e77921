package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker"
)

// sentence is what FACTS measured the bare worker with: 6.7 s of audio.
const sentence = "The quick brown fox jumps over the lazy dog, while seven small boats sail home before the storm breaks over the bay and the lights go out."

// BenchmarkTTFB compares the time to the first audio of a bare espeak-ng worker, over gRPC on its Unix socket, with the same voice
// through the whole system over HTTP on loopback. The median and the 99th percentile are reported in ms.
func BenchmarkTTFB(b *testing.B) {
	b.Run("worker", func(b *testing.B) { percentiles(b, bareWorker(b)) })
	d := single(b, "")
	for _, tc := range []struct {
		name string
		body map[string]any
	}{
		{"http wav native rate", map[string]any{"response_format": "wav", "sample_rate": 22050}},
		{"http wav", map[string]any{"response_format": "wav"}},
		{"http mp3", map[string]any{"response_format": "mp3"}},
	} {
		tc.body["voice"], tc.body["input"] = "espeak.en-us", sentence
		body, err := json.Marshal(tc.body)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(tc.name, func(b *testing.B) { percentiles(b, func() time.Duration { return d.firstAudio(b, body) }) })
	}
}

// percentiles runs once b.N times and reports how long it took.
func percentiles(b *testing.B, once func() time.Duration) {
	for range 5 {
		once() // warm
	}
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		took = append(took, once())
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op") // it includes the audio after the first
}

func bareWorker(b *testing.B) func() time.Duration {
	p, err := worker.Start(b.Context(), worker.Spec{Name: "espeak", Service: "orotund.engine.v1", Command: []string{program(b, "orotund-worker-espeak")}},
		worker.Limits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Stop(b.Context()) })
	client := enginev1.NewEngineClient(p.Conn())
	return func() time.Duration {
		began, first := time.Now(), time.Duration(0)
		st, err := client.Synthesize(b.Context(), &enginev1.SynthesizeRequest{Text: sentence, Voice: "en-us"})
		for err == nil {
			var m *enginev1.SynthesizeResponse
			if m, err = st.Recv(); m.GetAudio() != nil && first == 0 {
				first = time.Since(began)
			}
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		return first
	}
}

// firstAudio reads a response to its end and returns when the first byte came.
func (d *deployment) firstAudio(b testing.TB, body []byte) time.Duration {
	b.Helper()
	began := time.Now()
	resp, err := http.Post(d.url+"/v1/audio/speech", "application/json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil || resp.StatusCode != 200 {
		b.Fatal(resp.Status, err)
	}
	first := time.Since(began)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		b.Fatal(err)
	}
	return first
}

// BenchmarkCPU reports the processor time that the main process (not its workers) spends on a second of audio, in ms, from the
// kernel's count. It runs the tone engine's sibling that costs least, espeak-ng, for a long text and for many short ones.
func BenchmarkCPU(b *testing.B) {
	program(b, "orotund-worker-espeak")
	d := single(b, "")
	pid := d.gateway.cmd.Process.Pid
	for _, tc := range []struct {
		name, text, format string
		rate               int
	}{
		{"wav 22050, long", strings.Repeat(sentence+" ", 20), "wav", 22050},
		{"wav 24000, long", strings.Repeat(sentence+" ", 20), "wav", 24000},
		{"wav 22050, one sentence", sentence, "wav", 22050},
		{"wav 24000, one sentence", sentence, "wav", 24000},
		{"mp3 24000, one sentence", sentence, "mp3", 24000},
	} {
		body, err := json.Marshal(map[string]any{"voice": "espeak.en-us", "input": tc.text, "response_format": tc.format, "sample_rate": tc.rate})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(tc.name, func(b *testing.B) {
			d.firstAudio(b, body)
			audio := d.audioSeconds(b, tc.format)
			cpu := cpuTime(b, pid)
			for b.Loop() {
				d.firstAudio(b, body)
			}
			spent := cpuTime(b, pid) - cpu
			b.ReportMetric(float64(spent.Microseconds())/1000/(d.audioSeconds(b, tc.format)-audio), "cpu-ms/audio-s")
		})
	}
}

func (d *deployment) audioSeconds(b testing.TB, format string) float64 {
	return d.gauge(b, `orotund_audio_seconds_total{encoding="`+format+`"}`)
}

// cpuTime is a process's user and system time, in steps of 10 ms.
func cpuTime(b testing.TB, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
