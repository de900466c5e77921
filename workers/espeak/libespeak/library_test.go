// SPDX-License-Identifier: GPL-3.0-or-later

package libespeak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// library is opened once, as in a worker: the C library allows no more.
var library *Library

func TestMain(m *testing.M) {
	var err error
	if library, err = Open(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

const american = "gmw/en-US"

// tape is a Sink that counts, and breaks off after stop samples.
type tape struct {
	samples, stop int
	calls         int
	events        []Event
	late          int // events that came after their audio
	err           error
}

// Audio implements Sink.
func (t *tape) Audio(samples []int16) error {
	t.samples += len(samples)
	t.calls++
	if t.stop > 0 && t.samples >= t.stop {
		return t.err
	}
	return nil
}

// Event implements Sink.
func (t *tape) Event(e Event) error {
	if e.Sample < int64(t.samples) {
		t.late++
	}
	t.events = append(t.events, e)
	return nil
}

func TestOpenedOnce(t *testing.T) {
	if _, err := Open(); err == nil {
		t.Error("the library was opened twice")
	}
}

func TestSpeak(t *testing.T) {
	out := &tape{}
	if err := library.Speak(t.Context(), american, 175, "Hello there, my friends.", out); err != nil {
		t.Fatal(err)
	}
	if out.samples < library.SampleRate() || out.calls < 10 || out.late > 0 {
		t.Errorf("%d samples in %d calls, %d events late", out.samples, out.calls, out.late)
	}
	if first := out.events[0]; first.Kind != Sentence || first.Position != 0 || first.Sample != 0 {
		t.Errorf("the first event is %+v", first)
	}
}

func TestUnknownVoice(t *testing.T) {
	if err := library.Speak(t.Context(), "no/such", 175, "Hello.", &tape{}); err == nil {
		t.Error("a voice that is not there spoke")
	}
	if err := library.Speak(t.Context(), american, 175, "Hello.", &tape{}); err != nil {
		t.Errorf("after an unknown voice: %v", err)
	}
}

// TestBreakOff breaks off at many points and checks that nothing more comes, and that the next text begins anew.
func TestBreakOff(t *testing.T) {
	enough := errors.New("enough")
	long := strings.Repeat("Visions of buzzing zoos, vividly as always. ", 20)
	const next = "Are you there, my friend?"
	want := &tape{}
	if err := library.Speak(t.Context(), american, 175, next, want); err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop < 60000; stop += 1777 {
		broken := &tape{stop: stop, err: enough}
		if err := library.Speak(t.Context(), american, 175, long, broken); !errors.Is(err, enough) {
			t.Fatalf("broken off at %d: %v", stop, err)
		}
		if most := stop + library.SampleRate()/10; broken.samples > most {
			t.Fatalf("broken off at %d: %d samples came", stop, broken.samples)
		}
		got := &tape{}
		if err := library.Speak(t.Context(), american, 175, next, got); err != nil {
			t.Fatal(err)
		}
		if d := got.samples - want.samples; d*d > want.samples*want.samples/400 { // 5 %
			t.Fatalf("after a break at %d: %d samples, not %d", stop, got.samples, want.samples)
		}
		if first := got.events[0]; first.Kind != Sentence || first.Position != 0 || first.Sample != 0 {
			t.Fatalf("after a break at %d the first event is %+v", stop, first)
		}
	}
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := &tape{}
	if err := library.Speak(ctx, american, 175, "Hello.", out); !errors.Is(err, context.Canceled) || out.samples > 0 {
		t.Errorf("%v, %d samples", err, out.samples)
	}
}

func TestVoices(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range library.Voices() {
		if v.Identifier == "" || v.Name == "" || len(v.Languages) == 0 || seen[v.Identifier] {
			t.Errorf("voice %+v", v)
		}
		if strings.HasPrefix(v.Identifier, "mb") || v.Identifier == "sit/my" {
			t.Errorf("voice %s is listed", v.Identifier)
		}
		seen[v.Identifier] = true
	}
}

func TestAppendPlain(t *testing.T) {
	const text = "a\x00b\x01c\td\ne\r\x1b\x7fé\u0085"
	if got, want := string(appendPlain(nil, text)), "a b c\td\ne\r  é\u0085"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := Controls(text); n != 4 {
		t.Errorf("%d controls, want 4", n)
	}
}

// FuzzSpeak speaks whatever comes: the library must neither crash nor report points outside of the audio.
func FuzzSpeak(f *testing.F) {
	for _, s := range []string{"Hello.", "你好", "[[h@l'oU]] <x> &amp;", "\x01+90S", "😀👩‍👩‍👧", "1e999 0x7f 1,2.3", strings.Repeat("a", 900), "\xff\xfe"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, english bool) {
		voice := "sit/cmn-Latn-pinyin"
		if english {
			voice = american
		}
		out := &tape{stop: 60 * library.SampleRate(), err: context.Canceled}
		err := library.Speak(t.Context(), voice, 175, text, out)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, e := range out.events {
			if e.Sample < 0 || err == nil && e.Sample > int64(out.samples) {
				t.Fatalf("event %+v in %d samples", e, out.samples)
			}
		}
	})
}

// BenchmarkSpeak is the bare library: the baseline of the engine's benchmarks.
func BenchmarkSpeak(b *testing.B) {
	out := &tape{}
	b.ReportAllocs()
	for b.Loop() {
		out.events = out.events[:0]
		if err := library.Speak(b.Context(), american, 175, benchText, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.samples)/float64(library.SampleRate())/b.Elapsed().Seconds(), "xRT")
}

const benchText = "It was a bright cold day in April, and all the clocks of the town were striking thirteen; nobody looked up from the street below."
