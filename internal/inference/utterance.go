package inference

import (
	"context"
	"errors"
	"io"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// Frames that leave hold what is there and never wait for more: up to frameHead at first, growing to frameMax. Larger ones cost less for
// each second of audio (docs/adr/0001-frames.md).
const (
	frameHead = 20 * time.Millisecond
	frameMax  = 400 * time.Millisecond
)

// utterance is the stream of one request: it pulls the segments' audio in order through the effects and the encoder.
type utterance struct {
	ctx    context.Context
	cancel context.CancelFunc
	s      *Service
	req    speech.Request
	format speech.Format
	win    *window
	enc    codec.Encoder
	chain  *chain
	began  time.Time // when the request came

	cur     *job
	started bool  // the segment's format is known
	start   int64 // samples of the utterance before the segment at hand
	samples int64 // of the utterance
	pcm     []byte
	target  int // samples of the next frame
	queue   []speech.Event
	sent    bool
	drained bool
	err     error // final
	closed  bool
}

func newUtterance(ctx context.Context, cancel context.CancelFunc, s *Service, began time.Time, req speech.Request, f speech.Format, w *window, enc codec.Encoder) *utterance {
	s.metrics.active.Add(ctx, 1)
	return &utterance{ctx: ctx, cancel: cancel, s: s, req: req, format: f, win: w, enc: enc, chain: newChain(f.SampleRate),
		began: began, target: samplesIn(frameHead, f.SampleRate)}
}

func samplesIn(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }

// Format implements speech.Stream.
func (u *utterance) Format() speech.Format { return u.format }

// Next implements speech.Stream.
func (u *utterance) Next(ctx context.Context) (speech.Event, error) {
	for {
		if len(u.queue) > 0 {
			ev := u.queue[0]
			u.queue = u.queue[1:]
			return ev, nil
		}
		if u.err != nil {
			return speech.Event{}, u.err
		}
		ev, ok, err := u.step(ctx)
		if err != nil {
			u.err = err
			continue
		}
		if ok {
			return ev, nil
		}
	}
}

// step does one thing: it begins a segment, carries a frame, or ends a segment or the utterance.
func (u *utterance) step(ctx context.Context) (speech.Event, bool, error) {
	if u.cur == nil {
		j, err := u.win.next(ctx)
		if errors.Is(err, io.EOF) {
			return u.finish(ctx)
		}
		if err != nil {
			return speech.Event{}, false, err
		}
		u.cur, u.started, u.start = j, false, u.samples
		if j.warning != "" {
			return speech.Event{Kind: speech.EventWarning, Warning: j.warning}, true, nil
		}
	}
	ev, _, err := u.cur.spool.read(ctx, true)
	switch {
	case errors.Is(err, io.EOF):
		return u.endSegment(ctx)
	case err != nil:
		return ev, false, lost(err, u.cur.spool.heard.Load())
	case ev.Kind == speech.EventAudio:
		return u.frame(ctx, ev.Audio)
	case ev.Kind == speech.EventTiming:
		ev.Timing = u.place(ev.Timing)
	}
	return ev, true, nil
}

// frame collects audio that is there already up to the size of a frame, and encodes it. Timings met on the way follow it.
func (u *utterance) frame(ctx context.Context, first []byte) (speech.Event, bool, error) {
	if !u.started {
		if err := u.chain.begin(u.cur.spool.format.SampleRate, u.cur.stretch); err != nil {
			return speech.Event{}, false, err
		}
		u.started = true
	}
	u.pcm = append(u.pcm[:0], u.chain.process(first)...)
	for len(u.pcm)/2 < u.target {
		ev, ok, err := u.cur.spool.read(ctx, false)
		if !ok || err != nil { // an error is met again by the next step
			break
		}
		switch ev.Kind {
		case speech.EventAudio:
			u.pcm = append(u.pcm, u.chain.process(ev.Audio)...)
		case speech.EventTiming:
			ev.Timing = u.place(ev.Timing)
			u.queue = append(u.queue, ev)
		default:
			u.queue = append(u.queue, ev)
		}
	}
	return u.encode(ctx, u.pcm)
}

// encode sends PCM through the encoder.
func (u *utterance) encode(ctx context.Context, pcm []byte) (speech.Event, bool, error) {
	if len(pcm) == 0 {
		return speech.Event{}, false, nil
	}
	u.samples += int64(len(pcm) / 2)
	u.target = min(2*u.target, samplesIn(frameMax, u.format.SampleRate))
	data, err := u.enc.Encode(ctx, pcm)
	if err != nil {
		return speech.Event{}, false, err
	}
	return u.out(data)
}

func (u *utterance) out(data []byte) (speech.Event, bool, error) {
	if len(data) == 0 {
		return speech.Event{}, false, nil
	}
	if !u.sent {
		u.sent = true
		u.s.metrics.ttfb.Record(u.ctx, time.Since(u.began).Seconds(), metric.WithAttributes(attribute.String("encoding", string(u.format.Encoding))))
	}
	return speech.Event{Kind: speech.EventAudio, Audio: data}, true, nil
}

// endSegment flushes the effects and tells that the segment is over.
func (u *utterance) endSegment(ctx context.Context) (speech.Event, bool, error) {
	var ev speech.Event
	ok := false
	if u.started {
		var err error
		if ev, ok, err = u.encode(ctx, u.chain.flush()); err != nil {
			return ev, false, err
		}
	}
	j := u.cur
	u.cur = nil
	u.win.heard(j)
	u.queue = append(u.queue, speech.Event{Kind: speech.EventSegmentEnd, SegmentEnd: speech.SegmentEnd{
		Index: j.seg.Index, Offset: j.seg.Offset, Length: j.seg.Length, Duration: u.duration(u.samples - u.start)}})
	return ev, ok, nil
}

// finish ends the encoding after the last segment.
func (u *utterance) finish(ctx context.Context) (speech.Event, bool, error) {
	if u.drained {
		return speech.Event{}, false, io.EOF
	}
	u.drained = true
	if u.samples == 0 {
		return speech.Event{}, false, errNothingSaid
	}
	data, err := u.enc.Finish(ctx)
	if err != nil {
		return speech.Event{}, false, err
	}
	return u.out(data)
}

// place moves a segment's timing to the utterance: its text position, its time, and the speed that we changed.
func (u *utterance) place(t speech.Timing) speech.Timing {
	t.Offset += u.cur.seg.Offset
	t.Start = u.duration(u.start) + time.Duration(float64(t.Start)/u.cur.stretch)
	t.Duration = time.Duration(float64(t.Duration) / u.cur.stretch)
	return t
}

func (u *utterance) duration(samples int64) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(u.format.SampleRate)
}

// Close implements speech.Stream.
func (u *utterance) Close() error {
	if u.closed {
		return nil
	}
	u.closed = true
	u.cancel()
	u.win.close()
	if u.cur != nil {
		u.cur.spool.close()
	}
	_ = u.enc.Close()
	err := u.err
	if errors.Is(err, io.EOF) {
		err = nil
	} else if err == nil {
		err = context.Canceled
		u.err = err
	}
	u.s.metrics.requestEnded(context.WithoutCancel(u.ctx), u.format, u.duration(u.samples), err)
	if f := fault.From(err); f != nil && f.Kind != fault.Canceled && f.Kind != fault.Invalid {
		u.s.log.WarnContext(u.ctx, "request failed", "request_id", u.req.ID, "kind", f.Kind, "err", err)
	}
	return nil
}
