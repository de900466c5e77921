package cli

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// maxEvent is the longest line of a server's events, in bytes: a frame of the largest format is some 100 kB.
const maxEvent = 4 << 20

// serverEvent is one of a server's events; see docs/api.md.
type serverEvent struct {
	Type       string  `json:"type"`
	Audio      string  `json:"audio"`
	Kind       string  `json:"kind"`
	Index      int     `json:"index"`
	Offset     int     `json:"offset"`
	Length     int     `json:"length"`
	StartMS    float64 `json:"start_ms"`
	DurationMS float64 `json:"duration_ms"`
	Phoneme    string  `json:"phoneme"`
	Estimated  bool    `json:"estimated"`
	Error      struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	} `json:"error"`
}

// readEvents hands a server's events on until the one that says that the audio is whole. cut makes the error of a stream that ends before.
func readEvents(r io.Reader, cut func(error) error, take func(speech.Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		var e serverEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return cut(fmt.Errorf("read event: %w", err))
		}
		switch e.Type {
		case "speech.audio.done":
			return nil
		case "error":
			return fault.New(fault.Unavailable, "%s", e.Error.Message).WithCode(e.Error.Code)
		}
		ev, err := e.event()
		if err != nil {
			return cut(err)
		}
		if err := take(ev); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return cut(err)
	}
	return cut(io.ErrUnexpectedEOF)
}

// event is what the server's event tells; one of an unknown kind is an empty piece of audio.
func (e serverEvent) event() (speech.Event, error) {
	start, length := ms(e.StartMS), ms(e.DurationMS)
	switch e.Type {
	case "speech.audio.delta":
		audio, err := base64.StdEncoding.DecodeString(e.Audio)
		if err != nil {
			return speech.Event{}, fmt.Errorf("read audio: %w", err)
		}
		return speech.Event{Kind: speech.EventAudio, Audio: audio}, nil
	case "orotund.timing":
		kind := speech.TimingWord
		if e.Kind == "phoneme" {
			kind = speech.TimingPhoneme
		}
		return speech.Event{Kind: speech.EventTiming, Timing: speech.Timing{Kind: kind, Offset: e.Offset, Length: e.Length, Start: start,
			Duration: length, Phoneme: e.Phoneme, Estimated: e.Estimated}}, nil
	case "orotund.segment":
		return speech.Event{Kind: speech.EventSegmentEnd, SegmentEnd: speech.SegmentEnd{Index: e.Index, Offset: e.Offset, Length: e.Length,
			Start: start, Duration: length}}, nil
	}
	return speech.Event{}, nil
}

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
