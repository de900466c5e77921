package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
)

// checkStream checks that a sentence comes in several messages, audible, and of a plausible length.
func checkStream(ctx context.Context, s *suite) error {
	u, err := s.speak(ctx, s.request(s.opts.Text))
	if err != nil {
		return err
	}
	seconds := float64(len(u.pcm)) / float64(u.rate)
	least := 0.02 * float64(len([]rune(s.opts.Text))) // 50 characters a second is more than anyone speaks
	switch {
	case seconds < least:
		return fmt.Errorf("%.2f s of audio; that text needs %.2f s at least", seconds, least)
	case u.messages < 3:
		return fmt.Errorf("the audio came in %d messages: it was not sent as it was made", u.messages)
	case rms(u.pcm) < minRMS:
		return fmt.Errorf("the audio is silent (RMS %.1f)", rms(u.pcm))
	}
	return nil
}

// checkWords checks that the words that are marked are those of the text.
func checkWords(ctx context.Context, s *suite) error {
	if !s.sends(enginev1.TimingKind_TIMING_KIND_WORD) {
		return nil
	}
	text := s.opts.Text
	u, err := s.speak(ctx, s.request(text))
	if err != nil {
		return err
	}
	var words []string
	for _, m := range u.timings {
		if m.GetKind() == enginev1.TimingKind_TIMING_KIND_WORD {
			words = append(words, text[m.GetTextOffset():m.GetTextOffset()+m.GetTextLength()])
		}
	}
	got := letters(strings.Join(words, ""))
	if want := letters(text); got != want {
		return fmt.Errorf("the marked words have the letters %q; the text has %q", got, want)
	}
	if strings.Contains(text, " ") && len(words) < strings.Count(text, " ")/2 {
		return fmt.Errorf("%d words are marked in a text of %d", len(words), strings.Count(text, " ")+1)
	}
	return nil
}

// checkUnasked checks that no timing is sent that was not asked for.
func checkUnasked(ctx context.Context, s *suite) error {
	req := s.request(s.opts.Text)
	req.Timings = nil
	u, err := s.speak(ctx, req)
	if err != nil {
		return err
	}
	if n := len(u.timings); n > 0 {
		return fmt.Errorf("%d timings came, of which none was asked for", n)
	}
	return nil
}

// letters returns the letters of s.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, s)
}

// checkMultiByte checks text whose characters, bytes and UTF-16 units differ in number: the last word must be found in its place.
func checkMultiByte(ctx context.Context, s *suite) error {
	const last = "end"
	for _, head := range []string{"Naïve café, “déjà vu”: ", "😀 👩‍👩‍👧 ", "你好，世界。", "e\u0301te\u0301 \u200b\u00ad — ", "Привет мир, "} {
		text := head + last
		u, err := s.speak(ctx, s.request(text))
		if err != nil {
			return fmt.Errorf("text %q: %w", text, err)
		}
		if !s.sends(enginev1.TimingKind_TIMING_KIND_WORD) {
			continue
		}
		found := false
		for _, m := range u.timings {
			found = found || m.GetKind() == enginev1.TimingKind_TIMING_KIND_WORD &&
				int(m.GetTextOffset()) == len(head) && int(m.GetTextLength()) == len(last)
		}
		if !found {
			return fmt.Errorf("text %q: no word is marked at byte %d, length %d", text, len(head), len(last))
		}
	}
	return nil
}

// checkRepeatable checks that a text has the same length each time.
func checkRepeatable(ctx context.Context, s *suite) error {
	first, err := s.speak(ctx, s.request(s.opts.Text))
	if err != nil {
		return err
	}
	for range 3 {
		u, err := s.speak(ctx, s.request(s.opts.Text))
		if err != nil {
			return err
		}
		if err := sameLength(first, u, s.opts.LengthTolerance); err != nil {
			return err
		}
	}
	return nil
}

// checkSpeed checks that speeds shorten and lengthen the audio as they say, that 0 is 1, and that what is out of the range is
// refused elsewhere.
func checkSpeed(ctx context.Context, s *suite) error {
	lo, hi := s.description.GetCapabilities().GetSpeedMin(), s.description.GetCapabilities().GetSpeedMax()
	if lo == 0 {
		lo, hi = 1, 1
	}
	normal, err := s.speak(ctx, s.request(s.opts.Text))
	if err != nil {
		return err
	}
	var errs []error
	for _, speed := range []float64{1, lo, (1 + lo) / 2, (1 + hi) / 2, hi} {
		req := s.request(s.opts.Text)
		req.Speed = speed
		u, err := s.speak(ctx, req)
		if err != nil {
			return fmt.Errorf("speed %g: %w", speed, err)
		}
		got := float64(len(normal.pcm)) / float64(len(u.pcm))
		tolerance := s.opts.SpeedTolerance
		if speed == 1 {
			tolerance = s.opts.LengthTolerance
		}
		if math.Abs(got/speed-1) > tolerance {
			errs = append(errs, fmt.Errorf("speed %g makes the audio %.3f times as fast", speed, got))
		}
	}
	return errors.Join(errs...)
}

// checkMarkup checks that what looks like markup is not obeyed, and leaves nothing behind for the texts that follow.
func checkMarkup(ctx context.Context, s *suite) error {
	plain, err := s.speak(ctx, s.request(s.opts.Text))
	if err != nil {
		return err
	}
	const secondsOfMarks = 40 // what the marks themselves may take if they are spelled out
	for _, text := range []string{
		s.opts.Text + ` <break time="90s"/> <audio src="x.wav"/>`,
		`<speak><prosody rate="x-slow" volume="silent">` + s.opts.Text + `</prosody></speak>`,
		`<!-- ` + s.opts.Text + ` -->`,
		s.opts.Text + ` &lt; &#65; &amp`,
		`[[` + s.opts.Text + `]] {{x}} ${x} %s %n`,
		"\x01+90S\x01-20P \x1b[0m " + s.opts.Text,
		s.opts.Text + "\x00 " + s.opts.Text,
		`\rate=500 \vol 0 #!SPEED 5 ` + s.opts.Text,
	} {
		u, err := s.speak(ctx, s.request(text))
		if err != nil {
			return fmt.Errorf("text %q: %w", text, err)
		}
		if most := len(plain.pcm)*3 + secondsOfMarks*u.rate; len(u.pcm) > most {
			return fmt.Errorf("text %q: %d samples, more than %d: a mark was obeyed", text, len(u.pcm), most)
		}
		if len(u.pcm) < len(plain.pcm)*9/10 || rms(u.pcm) < minRMS {
			return fmt.Errorf("text %q: the sentence in it was not spoken (%d samples, RMS %.1f)", text, len(u.pcm), rms(u.pcm))
		}
		after, err := s.speak(ctx, s.request(s.opts.Text))
		if err != nil {
			return fmt.Errorf("after the text %q: %w", text, err)
		}
		if err := sameLength(plain, after, s.opts.LengthTolerance); err != nil {
			return fmt.Errorf("the text %q changed the one after it: %w", text, err)
		}
	}
	return nil
}
