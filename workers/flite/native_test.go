package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/orotund/orotund/workers/flite/internal/english"
	"github.com/orotund/orotund/workers/flite/internal/libflite"
)

// counter counts samples and can refuse them.
type counter struct {
	samples int
	refuse  error
}

func (c *counter) Spans([]libflite.Span) {}
func (c *counter) Audio(samples []int16) error {
	c.samples += len(samples)
	return c.refuse
}

// openVoice registers a voice for one test.
func openVoice(tb testing.TB, id string) *libflite.Voice {
	tb.Helper()
	v, err := libflite.Open(id)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Close)
	return v
}

// sayAll speaks text without gRPC and returns its samples.
func sayAll(ctx context.Context, v *libflite.Voice, text string, speed float64) (int, error) {
	to := &counter{}
	for _, piece := range english.Utterances(english.Fold(text).Tokens(), int(pieceCost*min(speed, 1))) {
		var s sender
		s.piece = piece
		for _, token := range piece {
			s.words = append(s.words, libflite.Token{Name: token.Name, Pre: token.Pre, Post: token.Post})
		}
		if err := v.Speak(ctx, s.words, speed, to); err != nil && !errors.Is(err, libflite.ErrSilent) {
			return to.samples, err
		}
	}
	return to.samples, nil
}

// residentKB reads this process's resident memory.
func residentKB(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() / 1024
}

// TestMemory speaks, and cancels, thousands of times and checks that memory stays about what it was after the first hundreds. Flite
// takes 0.3 MB for the short text and about 5 MB for the long one, so a leak of one utterance in hundreds shows; what the allocator
// and Go's runtime keep differs by a few MB.
func TestMemory(t *testing.T) {
	v, cg := openVoice(t, "kal16"), openVoice(t, "slt")
	stop := errors.New("no more")
	round := func(n int) {
		for range n {
			for range 4 {
				if _, err := sayAll(t.Context(), v, shortText, 1); err != nil {
					t.Fatal(err)
				}
			}
			tokens := []libflite.Token{{Name: "hello"}, {Name: "there"}}
			if err := cg.Speak(t.Context(), tokens, 2, &counter{refuse: stop}); !errors.Is(err, stop) {
				t.Fatalf("a receiver that refuses: %v", err)
			}
			if err := cancelled(t, cg); !errors.Is(err, context.Canceled) {
				t.Fatalf("a cancelled utterance: %v", err)
			}
		}
	}
	round(100)
	before := residentKB(t)
	round(350)
	if grown := residentKB(t) - before; grown > 8<<10 {
		t.Errorf("2100 utterances left %d KB behind", grown)
	} else {
		t.Logf("resident %d KB, %d KB more after 2100 utterances", before+grown, grown)
	}
}

// cancelled cancels an utterance of the long text once its analysis has begun.
func cancelled(t *testing.T, v *libflite.Voice) error {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	timer := time.AfterFunc(4*time.Millisecond, cancel)
	defer timer.Stop()
	_, err := sayAll(ctx, v, longText, 1)
	return err
}

// TestCancelIsShort checks that a cancelled analysis does less than half of the work that it would have done. It compares CPU time
// of this process, not the clock, so that a busy machine does not matter.
func TestCancelIsShort(t *testing.T) {
	for _, id := range []string{"rms", "slt", "awb"} {
		v := openVoice(t, id)
		stop := errors.New("the first audio")
		tokens := []libflite.Token{}
		for _, token := range english.Fold(longText).Tokens() {
			tokens = append(tokens, libflite.Token{Name: token.Name, Pre: token.Pre, Post: token.Post})
		}
		whole, cut := time.Hour, time.Hour
		for range 5 { // the least of five: other goroutines of the test process count too
			begin := cpuTime(t)
			if err := v.Speak(t.Context(), tokens, 1, &counter{refuse: stop}); !errors.Is(err, stop) {
				t.Fatal(err)
			}
			whole = min(whole, cpuTime(t)-begin)
			begin = cpuTime(t)
			if err := cancelled(t, v); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			cut = min(cut, cpuTime(t)-begin)
		}
		if cut > whole/2+whole/5 {
			t.Errorf("%s: a cancelled analysis took %v, a whole one %v", id, cut, whole)
		}
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestQuiet checks that flite writes nothing to standard output or error, whatever the text.
func TestQuiet(t *testing.T) {
	v := openVoice(t, "kal16")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	restore := redirect(t, int(w.Fd()))
	for _, text := range oddTexts() {
		if _, err := sayAll(t.Context(), v, text, 1); err != nil {
			defer t.Errorf("%q: %v", text, err)
		}
	}
	restore()
	_ = w.Close()
	if out, _ := io.ReadAll(r); len(out) > 0 {
		t.Errorf("flite wrote %q", out)
	}
}

// redirect sends file descriptors 1 and 2 to fd until restore is called.
func redirect(t *testing.T, fd int) (restore func()) {
	t.Helper()
	var saved [3]int
	for n := 1; n <= 2; n++ {
		old, err := syscall.Dup(n)
		if err != nil {
			t.Fatal(err)
		}
		saved[n] = old
		if err := syscall.Dup3(fd, n, 0); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for n := 1; n <= 2; n++ {
			_ = syscall.Dup3(saved[n], n, 0)
			_ = syscall.Close(saved[n])
		}
	}
}

// oddTexts are what makes text analysis stumble: long numbers, dates, symbols, Roman numerals, spelling, markup.
func oddTexts() []string {
	texts := []string{
		"$1,234,567.89 1/2 5/6/2020 12:30pm -5 .5 007 1e5 0x1F 3.14.15 99999999999999999999 1-2-3 555-1234 (412) 268-3838",
		"XIV MCMXCIX Henry VIII Dr. St. St St Dr A.B.C. NASA R2D2 qzx xqjz zzzz aaaa '' \"\" a 'tis rock'n'roll I'll",
		"http://user:pw@host.org/a?b=1&c=2#d %s %n %d \\n \\0 ${x} $(y) `z` <a href=\"x\">b</a> [[inp PHON]]",
		"5LB 6lbs 7ft 8kg 9km 10cm 11MHz 12GB $5bn $6m 1st 2nd 3rd 11th 100% 50%% #1 ##2 & && @ @@ ~ ^ _ __ | \\ = + * **",
		strings.Repeat("9", 400), strings.Repeat("M", 100), strings.Repeat("a.", 100), strings.Repeat("1,", 100), strings.Repeat("$", 100),
		strings.Repeat("x", 400), strings.Repeat("-", 300) + "a", "a" + strings.Repeat("'", 400), strings.Repeat("(", 400) + "a",
	}
	for c := byte(1); c < 128; c++ {
		texts = append(texts, fmt.Sprintf("%c", c), fmt.Sprintf("a%cb 1%c2 %cx y%c", c, c, c, c))
	}
	return texts
}

// FuzzSpeak looks for text that brings flite down: it is C, and takes text from outside.
func FuzzSpeak(f *testing.F) {
	for _, text := range oddTexts() {
		f.Add(text, 1.0)
	}
	v, err := libflite.Open("kal16")
	if err != nil {
		f.Fatal(err)
	}
	defer v.Close()
	f.Fuzz(func(t *testing.T, text string, speed float64) {
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 400 || !(speed >= speedMin && speed <= speedMax) {
			t.Skip()
		}
		if _, err := sayAll(t.Context(), v, text, speed); err != nil {
			t.Fatal(err)
		}
	})
}
