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
	floor   time.Duration // nothing of the segment can be earlier: the end of the one before
}

// begin tells that a segment begins.
func (t *timings) begin(j *job) {
	t.job, t.said = j, false
	t.pending = t.pending[:0]
}

// take keeps a timing of the segment.
func (t *timings) take(x speech.Timing) {
	t.said = t.said || x.Kind == speech.TimingWord
	t.pending = append(t.pending, x)
}

// place appends to events the timings that wait, if the segment has its place.
func (t *timings) place(events []speech.Event, m *mix) []speech.Event {
	origin, ok := m.origin()
	if !ok || len(t.pending) == 0 {
		return events
	}
	for _, x := range t.pending {
		start := m.duration(origin) + time.Duration(float64(x.Start)/t.job.stretch)
		end := start + time.Duration(float64(x.Duration)/t.job.stretch)
		x.Start = max(start, t.floor)
		if x.Duration > 0 {
			x.Duration = max(end-x.Start, 0)
		}
		x.Offset += t.job.seg.Offset
		events = append(events, speech.Event{Kind: speech.EventTiming, Timing: x})
	}
	t.pending = t.pending[:0]
	return events
}

// end appends what is to be told of a segment that is over: the words, if they are wanted and its engine does not tell of any, and its
// end.
func (t *timings) end(events []speech.Event, m *mix) []speech.Event {
	from, to, audible := m.span()
	start, end := m.duration(from), m.duration(to)
	if !audible {
		start, end = t.floor, t.floor
	} else if t.words && !t.said {
		events = t.estimate(events, start, end)
	}
	t.floor = end
	seg := t.job.seg
	return append(events, speech.Event{Kind: speech.EventSegmentEnd, SegmentEnd: speech.SegmentEnd{
		Index: seg.Index, Offset: seg.Offset, Length: seg.Length, Start: start, Duration: end - start}})
}

// estimate gives each word of the segment a share of its time, by the length of its text; what stands between words counts as well.
func (t *timings) estimate(events []speech.Event, start, end time.Duration) []speech.Event {
	seg := t.job.seg
	words := text.AppendWords(nil, seg.Text, seg.Language)
	total := 0
	for _, w := range words {
		total += weight(seg.Text[w.Offset : w.Offset+w.Length])
	}
	at := 0
	share := func(n int) time.Duration {
		return start + time.Duration(float64(end-start)*float64(n)/float64(max(total, 1)))
	}
	for _, w := range words {
		next := at + weight(seg.Text[w.Offset:w.Offset+w.Length])
		events = append(events, speech.Event{Kind: speech.EventTiming, Timing: speech.Timing{Kind: speech.TimingWord, Estimated: true,
			Offset: seg.Offset + w.Offset, Length: w.Length, Start: share(at), Duration: share(next) - share(at)}})
		at = next
	}
	return events
}

// weight is about how long a word takes to say: a Latin letter 1, a full-width character, which is a syllable, 3, and 1 more for each
// word.
func weight(word string) int {
	n := 1
	for _, r := range word {
		if r >= 0x2E80 {
			n += 3
		} else {
			n++
		}
	}
	return n
}

// wants tells whether a request asks for a kind of timing.
func wants(r speech.Request, k speech.TimingKind) bool { return slices.Contains(r.Timings, k) }
