package subtitle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/speech"
)

var timesLine = regexp.MustCompile(`^(\d{2,}):([0-5]\d):([0-5]\d)([,.])(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)[,.](\d{3})$`)

// parseTimes reads the line with a cue's times.
func parseTimes(line, point string) (start, end time.Duration, err error) {
	m := timesLine.FindStringSubmatch(line)
	if m == nil || m[4] != point {
		return 0, 0, fmt.Errorf("no times: %q", line)
	}
	at := func(h, m, s, ms string) time.Duration {
		n := func(x string) time.Duration { v, _ := strconv.Atoi(x); return time.Duration(v) }
		return n(h)*time.Hour + n(m)*time.Minute + n(s)*time.Second + n(ms)*time.Millisecond
	}
	return at(m[1], m[2], m[3], m[5]), at(m[6], m[7], m[8], m[9]), nil
}

// parseCues reads SubRip or WebVTT, without the texts' escapes.
func parseCues(doc string, vtt bool) ([]Cue, error) {
	if !utf8.ValidString(doc) || strings.ContainsRune(doc, '\r') {
		return nil, fmt.Errorf("not clean UTF-8")
	}
	blocks := strings.Split(strings.TrimSuffix(doc, "\n\n"), "\n\n")
	point := ","
	if vtt {
		point = "."
		if blocks[0] != "WEBVTT" {
			return nil, fmt.Errorf("it begins with %q", blocks[0])
		}
		blocks = blocks[1:]
	} else if doc == "" {
		return nil, nil
	}
	var cues []Cue
	estimated := false
	for _, block := range blocks {
		if vtt && strings.HasPrefix(block, "NOTE ") {
			estimated = strings.Contains(block, "estimated")
			continue
		}
		lines := strings.Split(block, "\n")
		if !vtt {
			if lines[0] != strconv.Itoa(len(cues)+1) {
				return nil, fmt.Errorf("cue %d is called %q", len(cues)+1, lines[0])
			}
			lines = lines[1:]
		}
		if len(lines) < 2 {
			return nil, fmt.Errorf("cue %d has no text: %q", len(cues)+1, block)
		}
		start, end, err := parseTimes(lines[0], point)
		if err != nil {
			return nil, err
		}
		body := strings.Join(lines[1:], "\n")
		if vtt {
			if strings.ContainsAny(body, "<>") {
				return nil, fmt.Errorf("%q is not escaped", body)
			}
			body = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(body)
		}
		cues = append(cues, Cue{Start: start, End: end, Text: body, Estimated: estimated})
	}
	return cues, nil
}

// document is the JSON, read by its documented schema.
type document struct {
	Version    int   `json:"version"`
	SampleRate int   `json:"sample_rate"`
	DurationMS int64 `json:"duration_ms"`
	Segments   []struct {
		Words []struct {
			Text     string        `json:"text"`
			UTF8     jsonSpan      `json:"utf8"`
			UTF16    jsonSpan      `json:"utf16"`
			StartMS  int64         `json:"start_ms"`
			EndMS    int64         `json:"end_ms"`
			Timing   string        `json:"timing"`
			Phonemes []jsonPhoneme `json:"phonemes"`
		} `json:"words"`
		Phonemes []jsonPhoneme `json:"phonemes"`
		Index    int           `json:"index"`
		UTF8     jsonSpan      `json:"utf8"`
		UTF16    jsonSpan      `json:"utf16"`
		StartMS  int64         `json:"start_ms"`
		EndMS    int64         `json:"end_ms"`
	} `json:"segments"`
}

type jsonSpan struct {
	Offset int `json:"offset"`
	Length int `json:"length"`
}

type jsonPhoneme struct {
	Symbol  string `json:"symbol"`
	StartMS int64  `json:"start_ms"`
	EndMS   int64  `json:"end_ms"`
	Timing  string `json:"timing"`
}

// checkJSON reads the document and holds what is promised of it.
func checkJSON(t *testing.T, doc []byte, original string) document {
	t.Helper()
	var d document
	in := json.NewDecoder(bytes.NewReader(doc))
	in.DisallowUnknownFields()
	if err := in.Decode(&d); err != nil {
		t.Fatalf("%v: %s", err, doc)
	}
	last := int64(0)
	for _, s := range d.Segments {
		for _, w := range s.Words {
			span := original[w.UTF8.Offset : w.UTF8.Offset+w.UTF8.Length]
			if w.Text != strings.ToValidUTF8(span, "\uFFFD") && utf8.ValidString(original) || w.StartMS < last || w.EndMS < w.StartMS || w.Timing != "exact" && w.Timing != "estimated" {
				t.Fatalf("%+v after %d", w, last)
			}
			if m := NewUTF16(original); m.At(w.UTF8.Offset) != w.UTF16.Offset || m.At(w.UTF8.Offset+w.UTF8.Length) != w.UTF16.Offset+w.UTF16.Length {
				t.Fatalf("%+v", w)
			}
			last = w.EndMS
		}
		if s.EndMS < s.StartMS || s.UTF8.Length < 0 || s.UTF16.Length < 0 {
			t.Fatalf("%+v", s)
		}
	}
	return d
}

// random gives a Builder events made of bytes, many of which no engine would give.
func random(data []byte, b *Builder) {
	now := time.Duration(0)
	at := 0
	for i := 0; i+5 < len(data); i += 6 {
		op, offset, length := data[i], int(int8(data[i+1])), int(data[i+2])
		if op&0x80 == 0 {
			offset = at + offset%16
		}
		now += time.Duration(int8(data[i+3])) * 13 * time.Millisecond
		x := speech.Timing{Kind: speech.TimingKind(op % 4), Offset: offset, Length: length % 24, Start: now,
			Duration: time.Duration(int8(data[i+4])) * 17 * time.Millisecond, Phoneme: string(rune(data[i+5])), Estimated: op&0x10 != 0}
		at = offset + length%24
		if op&0x0C == 0x0C {
			_ = b.EndSegment(speech.SegmentEnd{Index: int(op), Offset: x.Offset, Length: length, Start: now, Duration: x.Duration})
		} else {
			_ = b.Add(x)
		}
	}
}

func FuzzBuilder(f *testing.F) {
	for _, s := range []string{prose, "a", "好好好", "a\xffb <b>&amp; --> \r\n\r\n😀", ""} {
		f.Add(s, []byte("\x01\x00\x03\x10\x10a\x01\x04\x03\x10\x00b\x0d\x00\xff\x10\x30c\x11\x05\x09\x30\x90d"), 0, 0)
		f.Add(s, bytes.Repeat([]byte("\x01\x01\x05\x0a\x05a"), 60), 7, 1)
	}
	f.Fuzz(func(t *testing.T, original string, data []byte, columns, lines int) {
		opts := Options{Columns: columns % 60, WideColumns: columns % 31, Lines: lines % 3}
		var r recorder
		b := NewBuilder(original, &r, opts)
		random(data, b)
		if err := b.Finish(0); err != nil || r.closed != 1 {
			t.Fatal(err, r.closed)
		}
		checkCues(t, r.cues, opts)
		for _, name := range []string{"a.srt", "a.vtt", "a.json"} {
			var doc bytes.Buffer
			w, err := ForFile(name, &doc, 8000)
			if err != nil {
				t.Fatal(err)
			}
			b := NewBuilder(original, w, opts)
			random(data, b)
			_ = b.Finish(0)
			if name == "a.json" {
				checkJSON(t, doc.Bytes(), original)
				continue
			}
			cues, err := parseCues(doc.String(), name == "a.vtt")
			if err != nil || len(cues) != len(r.cues) {
				t.Fatalf("%s: %d cues of %d, %v\n%s", name, len(cues), len(r.cues), err, doc.String())
			}
			for i, c := range cues {
				if want := r.cues[i]; c.Start != want.Start || c.End != want.End || c.Text != want.Text || name == "a.vtt" && c.Estimated != want.Estimated {
					t.Fatalf("%s: %+v, want %+v", name, c, want)
				}
			}
		}
	})
}

// TestJSONIsTheSchema reads the golden document by what is documented.
func TestJSONIsTheSchema(t *testing.T) {
	d := checkJSON(t, scene{text: prose, phonemes: true, lasts: true}.file(t, "x.json"), prose)
	if d.Version != 1 || d.SampleRate != 24000 || d.DurationMS == 0 || len(d.Segments) < 15 || len(d.Segments[0].Words[0].Phonemes) != 2 {
		t.Errorf("%+v", d)
	}
}
