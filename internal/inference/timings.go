package inference

import (
	"slices"
	"time"

	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

// timings bring the times that engines tell of a segment to the utterance: after the silence before it was trimmed, its speed was changed,
// and others were heard before it. A time is known once the segment's first sound has its place, so until then they wait.
type timings struct {
	words bool // are wanted

	job     *job
	pending []speech.Timing
	said    bool          // the engine has told of a word
	placed  bool          // the segment has its place …
	origin  time.Duration // … which its times count from
	floor   time.Duration // nothing of the segment can be earlier: the end of the one before
}

// begin tells that a segment begins.
func (t *timings) begin(j *job) {
	t.job, t.said, t.placed = j, false, false
	t.pending = t.pending[:0]
}

// take keeps a timing of the segment.
func (t *timings) take(x speech.Timing) {
	t.said = t.said || x.Kind == speech.TimingWord
	t.pending = append(t.pending, x)
}

// place appends to events the timings that wait, if the segment has its place. The latest waits on: it may be the segment's last, which
// ends with what can be heard.
func (t *timings) place(events []speech.Event, m *mix) []speech.Event {
	if !t.placed {
		origin, ok := m.origin()
		if !ok {
			return events
		}
		t.placed, t.origin = true, m.duration(origin)
	}
	if n := len(t.pending) - 1; n > 0 {
		for _, x := range t.pending[:n] {
			events = append(events, t.event(x))
		}
		t.pending = append(t.pending[:0], t.pending[n])
	}
	return events
}

// event brings a timing to the utterance.
func (t *timings) event(x speech.Timing) speech.Event {
	start := t.origin + time.Duration(float64(x.Start)/t.job.stretch)
	end := start + time.Duration(float64(x.Duration)/t.job.stretch)
	x.Start = max(start, t.floor)
	if x.Duration > 0 {
		x.Duration = max(end-x.Start, 0)
	}
	x.Offset += t.job.seg.Offset
	return speech.Event{Kind: speech.EventTiming, Timing: x}
}

// end appends what is to be told of a segment that is over: its last timing, the words, if they are wanted and its engine does not tell of
// any, and its end.
func (t *timings) end(events []speech.Event, m *mix) []speech.Event {
	from, to, audible := m.span()
	start, end := m.duration(from), m.duration(to)
	if !audible {
		start, end = t.floor, t.floor
	}
	if audible && t.placed {
		for _, x := range t.pending {
			ev := t.event(x)
			ev.Timing.Start = min(ev.Timing.Start, end)
			ev.Timing.Duration = min(ev.Timing.Duration, end-ev.Timing.Start)
			events = append(events, ev)
		}
	}
	if audible && t.words && !t.said {
		for _, x := range text.AppendEstimate(nil, t.job.seg.Text, t.job.seg.Language, start, end) {
			x.Offset += t.job.seg.Offset
			events = append(events, speech.Event{Kind: speech.EventTiming, Timing: x})
		}
	}
	t.floor = end
	seg := t.job.seg
	return append(events, speech.Event{Kind: speech.EventSegmentEnd, SegmentEnd: speech.SegmentEnd{
		Index: seg.Index, Offset: seg.Offset, Length: seg.Length, Start: start, Duration: end - start}})
}

// wants tells whether a request asks for a kind of timing.
func wants(r speech.Request, k speech.TimingKind) bool { return slices.Contains(r.Timings, k) }
