package subtitle

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// jsonVersion is the version of the schema of JSON.
const jsonVersion = 1

// JSON writes the words themselves: one object, written as it comes into being and whole once Close returns. Times are whole milliseconds from
// the beginning of the audio. Objects may have more members in later versions; the order of members means nothing.
//
//	{"version": 1,
//	 "sample_rate": 24000,                          // Hz; not there if not known
//	 "segments": [
//	  {"words": [
//	    {"text": "Hello",                           // as it stands in the original text
//	     "utf8": {"offset": 0, "length": 5},        // bytes in the original text
//	     "utf16": {"offset": 0, "length": 5},       // UTF-16 units in the original text
//	     "start_ms": 0, "end_ms": 310,              // end_ms is not after the next word's start_ms
//	     "timing": "exact",                         // or "estimated"
//	     "phonemes": [                              // not there if the engine has none
//	      {"symbol": "h", "start_ms": 0, "end_ms": 60, "timing": "exact"}]}],
//	   "phonemes": [],                              // those of no word; not there if there are none
//	   "index": 0,
//	   "utf8": {"offset": 0, "length": 6}, "utf16": {"offset": 0, "length": 6},
//	   "start_ms": 0, "end_ms": 480}],
//	 "duration_ms": 480}
type JSON struct {
	w        io.Writer
	rate     int
	begun    bool
	segments int  // written
	inside   bool // a segment is open
	words    int  // written of it
	last     int64
	buf      []byte
}

// NewJSON returns a writer of JSON to w. sampleRate is that of the audio in Hz; 0: not known.
func NewJSON(w io.Writer, sampleRate int) *JSON { return &JSON{w: w, rate: sampleRate} }

// Word implements Writer.
func (j *JSON) Word(w Word) error {
	j.buf = j.buf[:0]
	j.enter()
	if j.words > 0 {
		j.buf = append(j.buf, ",\n    "...)
	} else {
		j.buf = append(j.buf, "\n    "...)
	}
	j.words++
	start, end := max(round(w.Start), j.last), max(round(w.End), j.last)
	j.last = max(start, end)
	j.buf = append(append(j.buf, `{"text":`...), quote(w.Text)...)
	j.place(w.Offset, w.Length, w.UTF16Offset, w.UTF16Length)
	j.buf = fmt.Appendf(j.buf, `,"start_ms":%d,"end_ms":%d,"timing":"%s"`, start, end, timing(w.Estimated))
	j.phonemes(w.Phonemes)
	j.buf = append(j.buf, '}')
	_, err := j.w.Write(j.buf)
	return err
}

// Segment implements Writer.
func (j *JSON) Segment(s Segment) error {
	j.buf = j.buf[:0]
	j.enter()
	j.buf = append(j.buf, ']')
	j.phonemes(s.Phonemes)
	j.buf = fmt.Appendf(j.buf, `,"index":%d`, s.Index)
	j.place(s.Offset, s.Length, s.UTF16Offset, s.UTF16Length)
	j.buf = fmt.Appendf(j.buf, `,"start_ms":%d,"end_ms":%d}`, round(s.Start), max(round(s.Start), round(s.End)))
	j.inside = false
	_, err := j.w.Write(j.buf)
	return err
}

// Cue implements Writer.
func (*JSON) Cue(Cue) error { return nil }

// Close implements Writer.
func (j *JSON) Close(total time.Duration) error {
	j.buf = j.buf[:0]
	j.head()
	if j.inside { // only after an error
		j.buf = append(j.buf, "]}"...)
	}
	j.buf = fmt.Appendf(j.buf, "],\n \"duration_ms\":%d}\n", round(total))
	_, err := j.w.Write(j.buf)
	return err
}

// head begins the document.
func (j *JSON) head() {
	if j.begun {
		return
	}
	j.begun = true
	j.buf = fmt.Appendf(j.buf, "{\"version\":%d,", jsonVersion)
	if j.rate > 0 {
		j.buf = fmt.Appendf(j.buf, "\n \"sample_rate\":%d,", j.rate)
	}
	j.buf = append(j.buf, "\n \"segments\":["...)
}

// enter begins a segment, if none is open.
func (j *JSON) enter() {
	j.head()
	if j.inside {
		return
	}
	if j.segments > 0 {
		j.buf = append(j.buf, ',')
	}
	j.buf = append(j.buf, "\n  {\"words\":["...)
	j.inside, j.words = true, 0
	j.segments++
}

func (j *JSON) place(offset, length, units, n int) {
	j.buf = fmt.Appendf(j.buf, `,"utf8":{"offset":%d,"length":%d},"utf16":{"offset":%d,"length":%d}`, offset, length, units, n)
}

func (j *JSON) phonemes(list []Phoneme) {
	if len(list) == 0 {
		return
	}
	j.buf = append(j.buf, `,"phonemes":[`...)
	for i, p := range list {
		if i > 0 {
			j.buf = append(j.buf, ',')
		}
		j.buf = append(append(j.buf, `{"symbol":`...), quote(p.Symbol)...)
		j.buf = fmt.Appendf(j.buf, `,"start_ms":%d,"end_ms":%d,"timing":"%s"}`, round(p.Start), max(round(p.Start), round(p.End)), timing(p.Estimated))
	}
	j.buf = append(j.buf, ']')
}

// round returns whole milliseconds.
func round(t time.Duration) int64 { return t.Round(time.Millisecond).Milliseconds() }

// quote returns s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func quote(s string) []byte {
	raw, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`) // a string always encodes
	}
	return raw
}
