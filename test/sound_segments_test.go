package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/orotund/orotund/internal/testkit/tone"
)

// manyWords is a segment of 16 characters, which is 0.8 s of the tone engine.
const manyWords = "Some words here."

// segmentRow is what the serving process, without its workers, spends on one utterance.
type segmentRow struct {
	segments    int
	audio       float64       // s
	cpu         time.Duration // of all
	mallocs     float64       // of all
	bytes       float64       // allocated, of all
	live, whole int64         // heap that lives in the middle of the utterance, and between utterances
}

// BenchmarkSoundSegments shows how the cost of one utterance grows with the number of its segments: the processor time for a second of
// audio and the allocations for a segment should stay, and the live heap should not grow.
func BenchmarkSoundSegments(b *testing.B) {
	d := single(b, "")
	var rows []segmentRow
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			r := d.manySegments(b, n)
			rows = append(rows, r)
			b.ReportMetric(float64(r.cpu.Microseconds())/1000/r.audio, "cpu-ms/audio-s")
			b.ReportMetric(r.mallocs/float64(n), "allocs/segment")
			b.ReportMetric(r.bytes/float64(n), "B/segment")
			b.ReportMetric(float64(r.live-r.whole)/1024, "live-KiB")
			b.ReportMetric(0, "ns/op")
		})
	}
	fmt.Println("\nOne utterance of many segments, in the serving process")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "segments\taudio s\tCPU ms for a second of audio\tallocations a segment\tKiB allocated a segment\tlive heap KiB more than at rest")
	for _, r := range rows {
		n := float64(r.segments)
		fmt.Fprintf(w, "%d\t%.1f\t%.2f\t%.0f\t%.1f\t%.0f\n", r.segments, r.audio, float64(r.cpu.Microseconds())/1000/r.audio, r.mallocs/n, r.bytes/n/1024, float64(r.live-r.whole)/1024)
	}
	_ = w.Flush()
	fmt.Println()
}

func (d *deployment) manySegments(b *testing.B, n int) segmentRow {
	b.Helper()
	request := map[string]any{"voice": "tone." + tone.Plain, "input": strings.Repeat(manyWords+" ", n), "response_format": "pcm", "sample_rate": 24000}
	body, err := json.Marshal(request)
	if err != nil {
		b.Fatal(err)
	}
	const count = `orotund_segments_total{engine="tone",outcome="ok"}`
	before := d.gauge(b, count)
	length := len(d.speak(b, request))
	if got := d.gauge(b, count) - max(before, 0); int(got) != n {
		b.Fatalf("the text has %v segments, want %d", got, n)
	}
	r := segmentRow{segments: n, audio: float64(length) / 2 / 24000, whole: d.settled(b)}
	r.live = d.middle(b, request, length)

	// What a look at the metrics costs is not the utterance's.
	allocations := func() (n, bytes float64) {
		return d.gauge(b, "go_memstats_mallocs_total"), d.gauge(b, "go_memstats_alloc_bytes_total")
	}
	n0, b0 := allocations()
	n1, b1 := allocations()
	cpu := cpuTime(b, d.inference.cmd.Process.Pid)
	for b.Loop() {
		d.firstAudio(b, body)
	}
	r.cpu = (cpuTime(b, d.inference.cmd.Process.Pid) - cpu) / time.Duration(b.N)
	n2, b2 := allocations()
	r.mallocs = (n2 - n1 - (n1 - n0)) / float64(b.N)
	r.bytes = (b2 - b1 - (b1 - b0)) / float64(b.N)
	return r
}

// middle is the heap that lives when half of an utterance of length bytes has been read.
func (d *deployment) middle(b *testing.B, request map[string]any, length int) int64 {
	b.Helper()
	resp := d.post(b.Context(), b, request)
	if resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, int64(length/2)); err != nil {
		b.Fatal(err)
	}
	live := d.settled(b)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		b.Fatal(err)
	}
	return live
}

// settled is the live heap when pools have been emptied, which takes two collections.
func (d *deployment) settled(b *testing.B) int64 {
	b.Helper()
	d.memory(b, 0)
	d.memory(b, 0)
	return d.memory(b, 0).heap
}
