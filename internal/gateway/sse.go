package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text/subtitle"
)

// timingNames are the kinds of timing that can be asked for.
var timingNames = map[string]speech.TimingKind{"word": speech.TimingWord, "phoneme": speech.TimingPhoneme}

// eventBody is a stream as OpenAI's server-sent events: speech.audio.delta for each frame and speech.audio.done. Timings and the ends of
// segments, which OpenAI does not have, are orotund.timing and orotund.segment.
type eventBody struct {
	text  string
	utf16 *subtitle.UTF16
	line  []byte
}

func newEventBody(text string) *eventBody {
	return &eventBody{text: text, utf16: subtitle.NewUTF16(text)}
}

// span is a part of the request's text, in both units that programs count in.
type span struct {
	Offset      int `json:"offset"`       // UTF-8 bytes
	Length      int `json:"length"`       // UTF-8 bytes
	UTF16Offset int `json:"utf16_offset"` // UTF-16 units
	UTF16Length int `json:"utf16_length"` // UTF-16 units
}

type timingEvent struct {
	Type string `json:"type"`
	Kind string `json:"kind"`
	span
	StartMS    float64 `json:"start_ms"`
	DurationMS float64 `json:"duration_ms"` // 0: not known
	Phoneme    string  `json:"phoneme,omitempty"`
	Estimated  bool    `json:"estimated,omitempty"`
}

type segmentEvent struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
	span
	StartMS    float64 `json:"start_ms"`
	DurationMS float64 `json:"duration_ms"`
}

func (b *eventBody) contentType(speech.Format) string { return "text/event-stream" }

func (b *eventBody) takes(speech.EventKind) bool { return true }

func (b *eventBody) event(w io.Writer, ev speech.Event) error {
	switch ev.Kind {
	case speech.EventAudio:
		b.line = append(b.line[:0], `data: {"type":"speech.audio.delta","audio":"`...)
		b.line = base64.StdEncoding.AppendEncode(b.line, ev.Audio)
		b.line = append(b.line, "\"}\n\n"...)
		_, err := w.Write(b.line)
		return err
	case speech.EventTiming:
		t := ev.Timing
		kind := "phoneme"
		if t.Kind == speech.TimingWord {
			kind = "word"
		}
		return data(w, timingEvent{Type: "orotund.timing", Kind: kind, span: b.span(t.Offset, t.Length), StartMS: ms(t.Start),
			DurationMS: ms(t.Duration), Phoneme: t.Phoneme, Estimated: t.Estimated})
	case speech.EventSegmentEnd:
		s := ev.SegmentEnd
		return data(w, segmentEvent{Type: "orotund.segment", Index: s.Index, span: b.span(s.Offset, s.Length), StartMS: ms(s.Start), DurationMS: ms(s.Duration)})
	}
	return nil
}

// end writes OpenAI's last event. Its tokens are characters, which is what Orotund counts.
func (b *eventBody) end(w io.Writer) error {
	n := utf8.RuneCountInString(b.text)
	_, err := fmt.Fprintf(w, "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":%d,\"output_tokens\":0,\"total_tokens\":%d}}\n\n", n, n)
	return err
}

func (b *eventBody) fail(w io.Writer, f *fault.Error) bool {
	return data(w, struct {
		Type string `json:"type"`
		openAIError
	}{"error", toOpenAIError(f)}) == nil
}

func (b *eventBody) span(offset, length int) span {
	from, to := b.utf16.At(offset), b.utf16.At(offset+length)
	return span{Offset: offset, Length: length, UTF16Offset: from, UTF16Length: to - from}
}

// data writes one event.
func data(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	_, err = fmt.Fprintf(w, "data: %s\n\n", raw)
	return err
}

// ms is a time in milliseconds, to the microsecond.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
