package inference

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/orotund/orotund/internal/audio"
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

// utterance is the stream of one request: it pulls the segments' audio in order through the effects, the mix and the encoder.
type utterance struct {
	ctx    context.Context
	cancel context.CancelFunc
	s      *Service
	req    speech.Request
	format speech.Format
	block  int // samples: the whole is filled with silence to a multiple of it
	win    *window
	enc    codec.Encoder
	fx     *effects
	mix    *mix
	began  time.Time // when the request came

	cur     *job
	started bool // the segment's format is known
	timings timings
	samples int64 // that were encoded
	pcm     []byte
	target  int // samples of the next frame
	queue   []speech.Event
	sent    bool
	ending  int   // how far the end has come: steps of finish
	err     error // final
	closed  bool
}

// begin makes the utterance's effects.
func (u *utterance) begin() error {
	var err error
	sound, rate := u.s.cfg.Sound, u.format.SampleRate
	target := cmp.Or(u.req.Loudness, sound.Loudness)
	u.fx = newEffects(rate, sound.Join)
	u.timings.words = wants(u.req, speech.TimingWord)
	u.target = samplesIn(frameHead, rate)
	volume := u.req.Volume
	if target != 0 {
		if u.fx.leveller, err = audio.NewLeveller(rate, joinLoudness); err != nil {
			return err
		}
		volume += target - joinLoudness
	}
	u.mix, err = newMix(rate, sound.Join, volume, target != 0)
	return err
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
		u.cur, u.started = j, false
		u.mix.begin()
		u.timings.begin(j)
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
		u.timings.take(ev.Timing)
		return ev, false, nil
	}
	return ev, true, nil
}

// frame collects audio that is there already up to the size of a frame, and encodes it. Timings met on the way follow it.
func (u *utterance) frame(ctx context.Context, first []byte) (speech.Event, bool, error) {
	if err := u.startSegment(); err != nil {
		return speech.Event{}, false, err
	}
	u.pcm = u.mix.add(u.pcm[:0], u.fx.process(first))
	for len(u.pcm)/2 < u.target {
		ev, ok, err := u.cur.spool.read(ctx, false)
		if !ok || err != nil { // an error is met again by the next step
			break
		}
		switch ev.Kind {
		case speech.EventAudio:
			u.pcm = u.mix.add(u.pcm, u.fx.process(ev.Audio))
		case speech.EventTiming:
			u.timings.take(ev.Timing)
		default:
			u.queue = append(u.queue, ev)
		}
	}
	u.queue = u.timings.place(u.queue, u.mix)
	return u.encode(ctx, u.pcm)
}

// startSegment prepares the effects when the first audio has told a segment's sample rate.
func (u *utterance) startSegment() error {
	if u.started {
		return nil
	}
	u.started = true
	if u.fx.leveller != nil {
		known := u.s.loudness.of(u.cur.voice)
		u.fx.leveller.Begin(known.lufs, known.seconds)
	}
	return u.fx.begin(u.cur.spool.format.SampleRate, u.cur.stretch, u.cur.pitch)
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
	j := u.cur
	u.pcm = u.pcm[:0]
	if u.started {
		u.pcm = u.mix.add(u.pcm, u.fx.flush())
		if l := u.fx.leveller; l != nil {
			lufs, seconds := l.Measured()
			u.s.loudness.learn(j.voice, heard{lufs, seconds})
		}
	}
	u.queue = u.timings.place(u.queue, u.mix)
	pause := u.s.cfg.Sound.Pauses.after(j.seg)
	u.pcm = u.mix.end(u.pcm, time.Duration(float64(pause)/u.req.Speed))
	u.queue = u.timings.end(u.queue, u.mix)
	u.cur = nil
	u.win.heard(j)
	return u.encode(ctx, u.pcm)
}

// finish ends the mix and then the encoding after the last segment.
func (u *utterance) finish(ctx context.Context) (speech.Event, bool, error) {
	u.ending++
	switch u.ending {
	case 1:
		u.pcm = u.mix.finish(u.pcm[:0])
		if n := u.samples + int64(len(u.pcm)/2); n == 0 {
			return speech.Event{}, false, errNothingSaid
		} else if rest := int(n % int64(u.block)); rest > 0 {
			u.pcm = append(u.pcm, make([]byte, 2*(u.block-rest))...)
		}
		return u.encode(ctx, u.pcm)
	case 2:
		data, err := u.enc.Finish(ctx)
		if err != nil {
			return speech.Event{}, false, err
		}
		return u.out(data)
	}
	return speech.Event{}, false, io.EOF
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
	u.s.metrics.requestEnded(context.WithoutCancel(u.ctx), u.format, u.mix.duration(u.samples), err)
	if f := fault.From(err); f != nil && f.Kind != fault.Canceled && f.Kind != fault.Invalid {
		u.s.log.WarnContext(u.ctx, "request failed", "request_id", u.req.ID, "kind", f.Kind, "err", err)
	}
	return nil
}
