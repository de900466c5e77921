package test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// largeText lets a request be of a megabyte and more, and has every language of mixed spoken by the engine that is fastest.
const largeText = `gateway:
  max_body: 16MiB
  max_characters: 4000000
voices:
  profiles:
    mix: {en: espeak.en-us, zh: espeak.cmn-latn-pinyin, ru: espeak.ru}
`

// mixed is size bytes of what texts are made of: short and long sentences, other languages, numbers, addresses, quotes, lists, and now and
// then a paragraph without an end.
func mixed(size int) string {
	const paragraph = `It was late. “Who is there?” she asked, and nobody answered; the wind went on, the rain went on, and far away, behind the hills, a dog barked twice.
On 3.5.2024 at 10:45 the train No. 1234 left for St. Petersburg with 1,234.56 t of coal (see https://example.org/a/b?c=1.2,3) - 17.5% less than in 2023!
春天来了，小河里的水开始流动。Python 3.14 很好用，你觉得呢？
Это было давно. Никто не знал, почему.
- one item
- and another; a third … and so on
`
	endless := strings.Repeat("and on it went without a stop or a breath ", 20) + "\n\n"
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		b.WriteString(paragraph)
		b.WriteString("Paragraph " + strconv.Itoa(n) + " ends here.\n\n")
		if n%10 == 9 {
			b.WriteString(endless)
		}
	}
	return strings.ToValidUTF8(b.String()[:size], "")
}

// memory is what the serving process holds at one moment, in bytes.
type memory struct {
	at       int64 // of the stream
	heap     int64 // live after a collection
	resident int64
}

// TestTextStreamsInConstantMemory speaks 40 kB of text in one request: what the server holds does not grow with what has been spoken.
// BenchmarkSoundMegabyte does the same with 1 MB.
func TestTextStreamsInConstantMemory(t *testing.T) {
	program(t, "orotund-worker-espeak")
	d := single(t, largeText)
	checkFlat(t, d.speakLong(t, 40_000))
}

// BenchmarkSoundMegabyte is the gate at its full size: 1 MB of text in one request, in memory that stays the same.
func BenchmarkSoundMegabyte(b *testing.B) {
	program(b, "orotund-worker-espeak")
	d := single(b, largeText)
	for b.Loop() {
		marks := d.speakLong(b, 1_000_000)
		checkFlat(b, marks)
		b.ReportMetric(seconds(marks[len(marks)-1].at), "audio-s")
		b.ReportMetric(float64(slices.MaxFunc(marks, func(x, y memory) int { return int(x.heap - y.heap) }).heap)/(1<<20), "heap-MiB")
	}
}

// nativeRate is espeak-ng's, at which nothing is to be resampled; 1.5 is the highest speed that it does by itself.
const nativeRate = 22050

// speakLong speaks size bytes of text as fast as can be, throws the audio away, and looks at the server's memory at some 40 places of the
// stream.
func (d *deployment) speakLong(t testing.TB, size int) []memory {
	t.Helper()
	resp := d.post(t.Context(), t, map[string]any{"input": mixed(size), "voice": "mix", "response_format": "pcm", "sample_rate": nativeRate, "speed": 1.5})
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s %.300s", resp.Status, data)
	}
	began := time.Now()
	var marks []memory
	var at int64
	step := int64(size) * 64 // bytes of audio between two marks; a byte of the text is some 2,500
	for {
		n, err := io.CopyN(io.Discard, resp.Body, step)
		at += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", at, err)
		}
		marks = append(marks, d.memory(t, at))
	}
	t.Logf("%d bytes of text became %.0f s of audio in %v", size, seconds(at), time.Since(began).Round(time.Millisecond))
	if len(marks) < 8 {
		t.Fatalf("%d bytes of audio is too little to tell anything", at)
	}
	return marks
}

// memory has the process collect its garbage, and asks how much is left.
func (d *deployment) memory(t testing.TB, at int64) memory {
	t.Helper()
	resp, err := http.Get(d.admin + "/debug/pprof/heap?gc=1")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	pages := 0
	if data, err := os.ReadFile("/proc/" + strconv.Itoa(d.inference.cmd.Process.Pid) + "/statm"); err == nil {
		pages, _ = strconv.Atoi(strings.Fields(string(data))[1])
	}
	return memory{at: at, heap: int64(d.gauge(t, "go_memstats_heap_alloc_bytes")), resident: int64(pages) * int64(os.Getpagesize())}
}

// checkFlat holds the second half against the first quarter. The live heap swings by what is under way in the window's segments; memory
// that the process has from the system also by when garbage is collected.
func checkFlat(t testing.TB, marks []memory) {
	t.Helper()
	const heapSlack, residentSlack = 2 << 20, 16 << 20
	var heap, resident [2]int64 // early and late
	for i, m := range marks {
		switch {
		case i < len(marks)/4:
			heap[0], resident[0] = max(heap[0], m.heap), max(resident[0], m.resident)
		case i >= len(marks)/2:
			heap[1], resident[1] = max(heap[1], m.heap), max(resident[1], m.resident)
		}
	}
	t.Logf("live heap %.1f MiB early, %.1f MiB late; resident %.1f and %.1f MiB; %d marks", mib(heap[0]), mib(heap[1]), mib(resident[0]), mib(resident[1]), len(marks))
	if heap[1] > heap[0]+heapSlack || resident[1] > resident[0]+residentSlack {
		for _, m := range marks {
			t.Logf("after %9d bytes: live heap %6.2f MiB, resident %6.2f MiB", m.at, mib(m.heap), mib(m.resident))
		}
		t.Error("the server's memory grows with what was spoken")
	}
}

// seconds of so many bytes of PCM at the native rate.
func seconds(bytes int64) float64 { return float64(bytes) / 2 / nativeRate }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
