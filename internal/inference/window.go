package inference

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/text"
)

// window has the segments of one request spoken: a bounded number at once, handed out in order. One goroutine takes the segments from
// style; one for each segment carries its audio from the engine to its spool.
type window struct {
	s        *Service
	route    *engine.Route
	segments speech.SegmentStream
	req      speech.Request

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	jobs   chan *job     // in order; closed after the last
	slots  chan struct{} // one for each job that has not been heard to its end
	err    error         // why jobs was closed, unless the text was at its end

	parts []speech.Segment // of a segment that was longer than its engine takes
	index int              // of the next job
}

// job is one segment that is spoken.
type job struct {
	seg     speech.Segment
	voice   speech.Voice
	warning string
	engine  engine.Engine
	speed   float64 // asked of the engine
	stretch float64 // left to do: the speed of its audio
	pitch   float64 // left to do: a factor
	spool   *spool
}

func newWindow(ctx context.Context, s *Service, route *engine.Route, segments speech.SegmentStream, req speech.Request) *window {
	ctx, cancel := context.WithCancel(ctx)
	w := &window{s: s, route: route, segments: segments, req: req, ctx: ctx, cancel: cancel,
		jobs: make(chan *job, s.cfg.Window), slots: make(chan struct{}, s.cfg.Window)}
	w.wg.Go(w.dispatch)
	return w
}

// dispatch starts a job for each segment as slots become free.
func (w *window) dispatch() {
	defer close(w.jobs)
	for {
		select {
		case w.slots <- struct{}{}:
		case <-w.ctx.Done():
			w.err = w.ctx.Err()
			return
		}
		j, err := w.plan()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			w.err = err
			return
		}
		w.jobs <- j // never waits: it has as many places as there are slots
		w.wg.Go(func() { w.run(j) })
	}
}

// plan takes the next segment, finds its voice, and splits the speed between the engine and us.
func (w *window) plan() (*job, error) {
	var seg speech.Segment
	if len(w.parts) > 0 {
		seg, w.parts = w.parts[0], w.parts[1:]
	} else {
		var err error
		if seg, err = w.segments.Next(w.ctx); err != nil {
			return nil, err
		}
	}
	voice, warning, err := w.route.Voice(seg.Language)
	if err != nil {
		return nil, err
	}
	e, err := w.route.Engine(voice)
	if err != nil {
		return nil, err
	}
	j := &job{voice: voice, warning: warning, engine: e, speed: w.req.Speed, stretch: 1, pitch: math.Exp2(w.req.Pitch / 12)}
	if d, ok := e.Describe(); ok {
		j.speed = min(max(w.req.Speed, d.SpeedMin), d.SpeedMax)
		j.stretch = w.req.Speed / j.speed
		seg = w.fit(seg, d.MaxCharacters)
	}
	seg.Index = w.index
	w.index++
	j.seg = seg
	j.spool = newSpool(w.s.memory, func(n int) { w.s.metrics.spilled.Add(w.ctx, int64(n)) })
	return j, nil
}

// fit returns the first part of a segment with more characters than its engine takes, and keeps the others.
func (w *window) fit(seg speech.Segment, most int) speech.Segment {
	const closing = 32 // what text.Options.MaxCharacters may be exceeded by
	if most <= 0 || utf8.RuneCountInString(seg.Text) <= most || most < closing+text.MinMaxCharacters {
		return seg
	}
	cut := text.NewSegmenter(seg.Text, text.Options{Language: seg.Language, MaxCharacters: most - closing})
	var parts []speech.Segment
	for {
		part, ok := cut.Next()
		if !ok {
			break
		}
		part.Offset += seg.Offset
		part.Language = seg.Language
		parts = append(parts, part)
	}
	if len(parts) < 2 {
		return seg
	}
	parts[len(parts)-1].Boundary = seg.Boundary
	w.parts = parts[1:]
	return parts[0]
}

// run speaks a segment, again if its worker is lost before any of it was heard.
func (w *window) run(j *job) {
	for attempt := 1; ; attempt++ {
		err := w.speak(j)
		if engine.Retryable(err) && attempt < w.s.cfg.Attempts && w.ctx.Err() == nil && j.spool.restart() {
			w.s.log.WarnContext(w.ctx, "segment is spoken again", "segment", j.seg.Index, "voice", j.voice.ID, "attempt", attempt, "err", err)
			w.s.metrics.retries.Add(w.ctx, 1, metric.WithAttributes(attribute.String("engine", j.engine.ID())))
			continue
		}
		w.s.metrics.segmentEnded(w.ctx, j.engine.ID(), err)
		if err == nil {
			err = io.EOF
		}
		j.spool.end(err)
		return
	}
}

// speak carries one attempt's events to the spool as fast as the engine makes them.
func (w *window) speak(j *job) error {
	st, err := j.engine.Synthesize(w.ctx, engine.Utterance{Text: j.seg.Text, Voice: j.voice.ID, Language: j.seg.Language, Speed: j.speed, Timings: w.req.Timings})
	if err != nil {
		return err
	}
	defer st.Close()
	j.spool.begin(st.Format())
	for {
		ev, err := st.Next(w.ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := j.spool.put(ev); err != nil {
			return err
		}
	}
}

// next waits for the next segment in order; io.EOF after the last.
func (w *window) next(ctx context.Context) (*job, error) {
	select {
	case j, ok := <-w.jobs:
		if ok {
			return j, nil
		}
		if w.err != nil {
			return nil, w.err
		}
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// heard gives a job's place in the window to the next.
func (w *window) heard(j *job) {
	j.spool.close()
	<-w.slots
}

// close ends everything and waits for it.
func (w *window) close() {
	w.cancel()
	w.wg.Wait()
	for j := range w.jobs {
		j.spool.close()
	}
	_ = w.segments.Close()
}

// lost tells the listener of a worker that was lost after the segment had begun to be heard; other errors pass.
func lost(err error, heard bool) error {
	if engine.Retryable(err) && heard {
		return fault.New(fault.Unavailable, "a speech worker was lost in the middle of the audio; ask again").WithCode("audio_cut_off").WithCause(err)
	}
	return err
}
