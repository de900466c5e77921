package gateway

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// script is a stream of these events; err after the last.
func script(err error, events ...speech.Event) func(context.Context, int) (speech.Event, error) {
	return func(_ context.Context, n int) (speech.Event, error) {
		if n == len(events) {
			return speech.Event{}, err
		}
		return events[n], nil
	}
}

// eventsOf reads a response of server-sent events.
func eventsOf(t *testing.T, r io.Reader) (events []map[string]any) {
	t.Helper()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			if lines.Text() != "" {
				t.Errorf("line %q", lines.Text())
			}
			continue
		}
		var e map[string]any
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		events = append(events, e)
	}
	return events
}

// TestEvents: audio, timings in both units, and the ends of segments are told in order.
func TestEvents(t *testing.T) {
	inf := newInference()
	timing := speech.Timing{Kind: speech.TimingWord, Offset: 5, Length: 6, Start: 1500 * time.Microsecond, Duration: time.Second, Estimated: true}
	inf.next = script(io.EOF, audio("one"), speech.Event{Kind: speech.EventTiming, Timing: timing},
		speech.Event{Kind: speech.EventTiming, Timing: speech.Timing{Kind: speech.TimingPhoneme, Phoneme: "ni"}}, audio("two"),
		speech.Event{Kind: speech.EventSegmentEnd, SegmentEnd: speech.SegmentEnd{Index: 0, Offset: 0, Length: 11, Duration: 2 * time.Second}})
	s := start(t, inf, nil)
	resp := s.post(t, `{"input": "😀 世界。", "response_format": "wav", "stream_format": "sse", "timings": ["word", "phoneme", "word"]}`)
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type %q", ct)
	}
	got, err := json.Marshal(eventsOf(t, resp.Body))
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	want := `[{"audio":"` + b64([]byte("one")) + `","type":"speech.audio.delta"},` +
		`{"duration_ms":1000,"estimated":true,"kind":"word","length":6,"offset":5,"start_ms":1.5,"type":"orotund.timing","utf16_length":2,"utf16_offset":3},` +
		`{"duration_ms":0,"kind":"phoneme","length":0,"offset":0,"phoneme":"ni","start_ms":0,"type":"orotund.timing","utf16_length":0,"utf16_offset":0},` +
		`{"audio":"` + b64([]byte("two")) + `","type":"speech.audio.delta"},` +
		`{"duration_ms":2000,"index":0,"length":11,"offset":0,"start_ms":0,"type":"orotund.segment","utf16_length":5,"utf16_offset":0},` +
		`{"type":"speech.audio.done","usage":{"input_tokens":5,"output_tokens":0,"total_tokens":5}}]`
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if req, _ := inf.last(t); len(req.Timings) != 2 {
		t.Errorf("asked for %v", req.Timings)
	}
}

// TestEventsCutOff: an error before the first audio has a status of its own, a later one is the last event, and no done follows.
func TestEventsCutOff(t *testing.T) {
	inf := newInference()
	inf.next = script(fault.New(fault.Unavailable, "gone").WithCode("audio_cut_off"), audio("one"))
	s := start(t, inf, nil)
	const body = `{"input": "Hi.", "response_format": "pcm", "stream_format": "sse"}`
	events := eventsOf(t, s.post(t, body).Body)
	if len(events) != 2 || events[1]["type"] != "error" || events[1]["error"].(map[string]any)["code"] != "audio_cut_off" {
		t.Errorf("%v", events)
	}
	inf.next = script(fault.New(fault.Unavailable, "gone"))
	if resp := s.post(t, body); resp.StatusCode != 503 {
		t.Errorf("%s", resp.Status)
	}
}
