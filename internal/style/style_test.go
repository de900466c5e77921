package style

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

func newService(t *testing.T, max int) *Service {
	t.Helper()
	cfg := DefaultConfig()
	if max > 0 {
		cfg.MaxCharacters = max
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return New(cfg, slog.New(slog.DiscardHandler))
}

func TestConfigValidate(t *testing.T) {
	for c, ok := range map[Config]bool{
		{0, 60}: false, {-1, 60}: false, {15, 60}: false, {16, 60}: true, {240, 0}: true, {2000, 2000}: true, {2001, 60}: false,
		{240, -1}: false, {240, 15}: false, {240, 16}: true, {240, 2001}: false,
	} {
		err := c.Validate()
		if (err == nil) != ok {
			t.Errorf("%+v: %v", c, err)
		}
		key := "max_characters"
		if c.MaxCharacters == 240 {
			key = "first_characters"
		}
		if err != nil && !strings.Contains(err.Error(), key) {
			t.Errorf("%+v: the error does not name its key: %v", c, err)
		}
	}
	if err := (Config{1, 1}).Validate(); err == nil || strings.Count(err.Error(), "_characters") != 2 {
		t.Errorf("not all errors: %v", err)
	}
}

func TestSegments(t *testing.T) {
	st, err := newService(t, 0).Segments(t.Context(), "你好，世界。Hello.", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []speech.Segment
	for {
		seg, err := st.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, seg)
	}
	want := []speech.Segment{
		{Index: 0, Text: "你好，世界。", Offset: 0, Length: 18, Language: "zh", Boundary: speech.BoundarySentence},
		{Index: 1, Text: "Hello.", Offset: 18, Length: 6, Language: "en", Boundary: speech.BoundaryParagraph},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestSegmentsTakesLanguageAndLimit(t *testing.T) {
	st, err := newService(t, 20).Segments(t.Context(), "Bonjour tout le monde et encore une fois bonjour", "fr")
	if err != nil {
		t.Fatal(err)
	}
	seg, err := st.Next(t.Context())
	if err != nil || seg.Language != "fr" || seg.Text != "Bonjour tout le" {
		t.Errorf("%+v, %v", seg, err)
	}
}

func TestFirstSegmentIsShort(t *testing.T) {
	long := "This is a first clause of some forty letters, and this is a second one, and here is the third one of them all."
	for first, want := range map[int]string{0: long, DefaultConfig().FirstCharacters: "This is a first clause of some forty letters,"} {
		s := New(Config{MaxCharacters: 240, FirstCharacters: first}, slog.New(slog.DiscardHandler))
		st, err := s.Segments(t.Context(), long, "")
		if err != nil {
			t.Fatal(err)
		}
		if seg, err := st.Next(t.Context()); err != nil || seg.Text != want {
			t.Errorf("%d: %q, %v", first, seg.Text, err)
		}
	}
}

func TestSegmentsRefusesNothingToSay(t *testing.T) {
	for _, text := range []string{"", " \n", "...!?", "。！？", "😀"} {
		_, err := newService(t, 0).Segments(t.Context(), text, "")
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != "text" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSegmentsEnds(t *testing.T) {
	s := newService(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	st, err := s.Segments(ctx, "One. Two.", "")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := st.Next(ctx); !fault.Is(err, fault.Canceled) {
		t.Errorf("Next after cancel: %v", err)
	}
	if _, err := s.Segments(ctx, "One.", ""); !fault.Is(err, fault.Canceled) {
		t.Errorf("Segments after cancel: %v", err)
	}
	for range 2 {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := st.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("Next after Close: %v", err)
	}
}
