// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"unicode/utf8"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/workers/espeak/libespeak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// recorder is a stream that keeps what is sent.
type recorder struct {
	grpc.ServerStream
	ctx  context.Context
	sent []*enginev1.SynthesizeResponse
}

// Context implements grpc.ServerStream.
func (r *recorder) Context() context.Context { return r.ctx }

// Send implements child.SynthesizeStream.
func (r *recorder) Send(m *enginev1.SynthesizeResponse) error {
	r.sent = append(r.sent, proto.CloneOf(m))
	return nil
}

// marks speaks text with the real library and returns its timings of a kind as "span@sample+samples".
func marks(t *testing.T, voice, text string, kind enginev1.TimingKind) (spans []string, timings []*enginev1.Timing) {
	t.Helper()
	stream := &recorder{ctx: t.Context()}
	if err := New(library).Synthesize(&enginev1.SynthesizeRequest{Text: text, Voice: voice, Timings: []enginev1.TimingKind{kind}}, stream); err != nil {
		t.Fatal(err)
	}
	for _, r := range stream.sent {
		if m := r.GetTiming(); m.GetKind() == kind && m != nil {
			timings = append(timings, m)
			spans = append(spans, text[m.GetTextOffset():m.GetTextOffset()+m.GetTextLength()])
		}
	}
	return spans, timings
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		voice, text string
		want        []string
	}{
		{"en-us", "Hello, brave world.", []string{"Hello", "brave", "world"}},
		{"en-us", "It isn't well-known, don’t you know?", []string{"It", "isn't", "well-known", "don’t", "you", "know"}},
		{"en-us", "Pay €25.50 or 3.14159 now", []string{"Pay", "€", "25.50", "or", "3.14159", "now"}},
		{"en-us", "Naïve “déjà lu” 你好 end", []string{"Naïve", "déjà", "lu", "你好", "end"}},
		{"en-us", "“yes you” say, (he said) so.", []string{"yes", "you", "say", "he", "said", "so"}},
		{"en-us", "😀 Hi 👩‍👩‍👧", []string{"😀", "Hi", "👩‍👩‍👧"}},
		{"en-us", "AT&T <b>x</b>", []string{"AT&T", "b", "x", "/", "b"}},
		{"fr-fr", "L'homme d'aujourd'hui n'est pas là.", []string{"L'homme", "d'aujourd'hui", "n'est", "pas", "là"}},
		{"cmn-latn-pinyin", "你好，世界。", []string{"你", "好", "世", "界"}},
		{"cmn-latn-pinyin", "我有25个ni3hao3！", []string{"我", "有", "25", "个", "ni3hao3"}},
		{"ru", "Привет, мир!", []string{"Привет", "мир"}},
		{"hi", "नमस्ते दुनिया।", []string{"नमस्ते", "दुनिया"}},
		{"ja", "こんにちは、せかい。", []string{"こんにちは", "せかい"}},
	} {
		got, timings := marks(t, c.voice, c.text, enginev1.TimingKind_TIMING_KIND_WORD)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %q: words %q, want %q", c.voice, c.text, got, c.want)
		}
		for i, m := range timings {
			if m.GetSamples() == 0 || i > 0 && timings[i-1].GetSample()+timings[i-1].GetSamples() > m.GetSample() {
				t.Errorf("%s %q: word %d lasts from %d for %d samples", c.voice, c.text, i, m.GetSample(), m.GetSamples())
			}
		}
	}
}

func TestSentences(t *testing.T) {
	text := "One two. Three, four!\nFünf?"
	got, timings := marks(t, "de", text, enginev1.TimingKind_TIMING_KIND_SENTENCE)
	if want := []string{"One two.", "Three, four!", "Fünf?"}; !slices.Equal(got, want) {
		t.Errorf("sentences %q, want %q", got, want)
	}
	for i := 1; i < len(timings); i++ {
		if a, b := timings[i-1], timings[i]; a.GetSample()+a.GetSamples() != b.GetSample() {
			t.Errorf("sentence %d ends at %d, the next begins at %d", i-1, a.GetSample()+a.GetSamples(), b.GetSample())
		}
	}
}

func TestPhonemes(t *testing.T) {
	_, timings := marks(t, "en-us", "Say yes.", enginev1.TimingKind_TIMING_KIND_PHONEME)
	var got []string
	for _, m := range timings {
		got = append(got, fmt.Sprintf("%s@%d", m.GetPhoneme(), m.GetTextOffset()))
	}
	if want := []string{"s@0", "eɪ@0", "j@4", "ɛ@4", "s@4"}; !slices.Equal(got, want) {
		t.Errorf("phonemes %q, want %q", got, want)
	}
}

// FuzzTracker feeds events that the library might send, however wrong, and checks the contract's bounds.
func FuzzTracker(f *testing.F) {
	f.Add("Hello, wörld 😀", []byte{1, 0, 5, 10, 7, 0, 0, 12, 2, 3, 0, 20, 1, 200, 9, 30, 5, 9, 0, 40, 1, 7, 5, 50})
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		if !utf8.ValidString(text) {
			t.Skip()
		}
		var total, lastSample int64
		var lastEnd int32
		tr := newTracker(text, func(m *enginev1.Timing) error {
			start, end := m.GetTextOffset(), m.GetTextOffset()+m.GetTextLength()
			if start < 0 || end < start || int(end) > len(text) || !utf8.ValidString(text[start:end]) || m.GetSamples() < 0 {
				t.Fatalf("timing %v of a text of %d bytes", m, len(text))
			}
			if m.GetKind() == enginev1.TimingKind_TIMING_KIND_WORD {
				if start < lastEnd || m.GetSample() < lastSample || end == start {
					t.Fatalf("word %v after byte %d, sample %d", m, lastEnd, lastSample)
				}
				lastEnd, lastSample = end, m.GetSample()
			}
			return nil
		})
		kinds := []libespeak.Kind{libespeak.Word, libespeak.Sentence, libespeak.Phoneme, libespeak.End}
		for ; len(raw) >= 4; raw = raw[4:] {
			total += int64(raw[3])
			e := libespeak.Event{Kind: kinds[raw[0]%4], Position: int(int8(raw[1])), Length: int(raw[2]), Sample: total}
			if raw[0] >= 128 {
				e.Phoneme = "a"
			}
			if err := tr.take(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.finish(total); err != nil {
			t.Fatal(err)
		}
	})
}
