package conformance

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/fault"
)

func (s *suite) halfSample(t *testing.T) {
	e := s.start(t, t.Context())
	if _, err := e.Encode(t.Context(), []byte{1, 2, 3}); err == nil {
		t.Error("half a sample was taken")
	}
}

func (s *suite) afterFinish(t *testing.T) {
	e := s.start(t, t.Context())
	if _, err := e.Encode(t.Context(), make([]byte, 960)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(t.Context(), make([]byte, 960)); err == nil {
		t.Error("Encode after Finish")
	}
	if _, err := e.Finish(t.Context()); err == nil {
		t.Error("Finish after Finish")
	}
}

// closes ends encoders at each point of their life, twice.
func (s *suite) closes(t *testing.T) {
	for name, before := range map[string]func(*testing.T){
		"unused": func(t *testing.T) { s.closeTwice(t, 0, false) },
		"middle": func(t *testing.T) { s.closeTwice(t, 3, false) },
		"end":    func(t *testing.T) { s.closeTwice(t, 3, true) },
	} {
		t.Run(name, before)
	}
}

func (s *suite) closeTwice(t *testing.T, frames int, finish bool) {
	e := s.start(t, t.Context())
	for range frames {
		if _, err := e.Encode(t.Context(), make([]byte, 960)); err != nil {
			t.Fatal(err)
		}
	}
	if finish {
		if _, err := e.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := e.Encode(t.Context(), make([]byte, 960)); err == nil {
		t.Error("Encode after Close")
	}
	if _, err := e.Finish(t.Context()); err == nil {
		t.Error("Finish after Close")
	}
}

// cancel ends the context of New, and that of a call.
func (s *suite) cancel(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	e := s.start(t, t.Context())
	if _, err := e.Encode(gone, make([]byte, 960)); !fault.Is(err, fault.Canceled) {
		t.Errorf("Encode with a context that has ended: %v", err)
	}
	e = s.start(t, t.Context())
	if _, err := e.Finish(gone); !fault.Is(err, fault.Canceled) {
		t.Errorf("Finish with a context that has ended: %v", err)
	}
	life, cancel := context.WithCancel(t.Context())
	e = s.start(t, life)
	if _, err := e.Encode(t.Context(), make([]byte, 960)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := e.Encode(t.Context(), make([]byte, 960)); !fault.Is(err, fault.Canceled) {
		t.Errorf("Encode after the end of New's context: %v", err)
	}
}

func (s *suite) deadline(t *testing.T) {
	past, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	e := s.start(t, t.Context())
	if _, err := e.Encode(past, make([]byte, 960)); !fault.Is(err, fault.Deadline) {
		t.Errorf("Encode after its deadline: %v", err)
	}
}

// together runs encoders at once and compares each with one that ran alone.
func (s *suite) together(t *testing.T) {
	f := s.format(t, 0)
	pcm := tone(f.SampleRate, 200*time.Millisecond)
	want := s.encode(t, f, pcm, 960)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			e, err := s.codec.New(t.Context(), f, nil)
			if err != nil {
				t.Errorf("new encoder: %v", err)
				return
			}
			defer e.Close()
			var got []byte
			for at := 0; at < len(pcm); at += 960 {
				data, err := e.Encode(t.Context(), pcm[at:min(at+960, len(pcm))])
				if err != nil {
					t.Errorf("encode: %v", err)
					return
				}
				got = append(got, data...)
			}
			data, err := e.Finish(t.Context())
			if err != nil {
				t.Errorf("finish: %v", err)
				return
			}
			if got = append(got, data...); !bytes.Equal(got, want) {
				t.Error("an encoder among others made another stream than one alone")
			}
		})
	}
	wg.Wait()
}
