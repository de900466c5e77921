package inference

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// TestSpool checks that what goes in comes out, in memory and on disk, and that the budget is whole in the end.
func TestSpool(t *testing.T) {
	for _, memory := range []int64{0, 1000, 1 << 20} {
		b := &budget{free: memory}
		spilled := 0
		s := newSpool(b, func(n int) { spilled += n })
		var want []byte
		r := rand.New(rand.NewPCG(1, 2))
		go func() {
			for i := range 200 {
				p := make([]byte, 2*r.IntN(500)+2)
				for j := range p {
					p[j] = byte(i + j)
				}
				want = append(want, p...)
				if err := s.put(speech.Event{Kind: speech.EventAudio, Audio: p}); err != nil {
					t.Error(err)
				}
				_ = s.put(speech.Event{Kind: speech.EventTiming, Timing: speech.Timing{Offset: i}})
			}
			s.end(io.EOF)
		}()
		var got []byte
		timings := 0
		for {
			ev, _, err := s.read(t.Context(), true)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ev.Audio...)
			if ev.Kind == speech.EventTiming {
				if ev.Timing.Offset != timings {
					t.Fatal("out of order")
				}
				timings++
			}
		}
		if !bytes.Equal(got, want) || timings != 200 {
			t.Fatalf("memory %d: %d bytes of %d, %d timings", memory, len(got), len(want), timings)
		}
		s.close()
		if b.free != memory {
			t.Fatalf("the budget has %d of %d", b.free, memory)
		}
		if memory == 0 && spilled != len(want) {
			t.Fatalf("%d bytes on disk", spilled)
		}
	}
}

func TestSpoolRestart(t *testing.T) {
	b := &budget{free: 100}
	s := newSpool(b, func(int) {})
	_ = s.put(speech.Event{Kind: speech.EventAudio, Audio: make([]byte, 150)})
	_ = s.put(speech.Event{Kind: speech.EventAudio, Audio: make([]byte, 80)})
	if !s.restart() || b.free != 100 {
		t.Fatal("not heard, so it may begin again")
	}
	_ = s.put(speech.Event{Kind: speech.EventAudio, Audio: []byte{1, 2}})
	if ev, ok, err := s.read(t.Context(), false); !ok || err != nil || len(ev.Audio) != 2 {
		t.Fatal(ev, ok, err)
	}
	if s.restart() {
		t.Fatal("it has been heard")
	}
	s.close()
	if err := s.put(speech.Event{Kind: speech.EventAudio, Audio: []byte{1, 2}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestSpoolDiskFull(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/gone")
	s := newSpool(&budget{}, func(int) {})
	if err := s.put(speech.Event{Kind: speech.EventAudio, Audio: make([]byte, 10)}); !fault.Is(err, fault.Unavailable) || !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestSpoolReaderObeysContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newSpool(&budget{}, func(int) {})
	if _, _, err := s.read(ctx, true); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
