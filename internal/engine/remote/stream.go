package remote

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/worker"
)

// stream is one Synthesize call. The worker is checked against its contract as the events come.
type stream struct {
	e      *Engine
	lease  *worker.Lease
	parent context.Context // Synthesize's
	ctx    context.Context
	cancel context.CancelCauseFunc
	span   trace.Span
	began  time.Time
	stall  *time.Timer

	rpc      grpc.ServerStreamingClient[enginev1.SynthesizeResponse]
	format   speech.Format
	text     int // bytes
	samples  int64
	limit    int64 // samples
	finished bool  // the worker ended the call itself
	err      error // final
	close    sync.Once
}

var errStalled = errors.New("the worker was silent for too long")

func (e *Engine) newStream(ctx context.Context, lease *worker.Lease, u engine.Utterance, ref voiceRef, queued time.Duration) *stream {
	s := &stream{e: e, lease: lease, parent: ctx, began: time.Now(), text: len(u.Text), format: speech.Format{Encoding: speech.PCM, SampleRate: ref.sampleRate}}
	ctx, s.span = e.opts.Tracer.Start(ctx, "engine.synthesize", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("tts.engine", e.id), attribute.String("tts.voice", u.Voice), attribute.String("tts.language", u.Language),
		attribute.Int("tts.text.bytes", len(u.Text)), attribute.Float64("tts.queue_ms", float64(queued.Microseconds())/1000)))
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.stall = time.AfterFunc(e.cfg.StallTimeout, func() { s.cancel(errStalled) })
	return s
}

// open starts the call and reads its first event, the format.
func (s *stream) open(u engine.Utterance, ref voiceRef) error {
	if err := s.e.load(s.ctx, s.lease.Conn(), ref.model); err != nil {
		return s.fail(err)
	}
	carrier := metadataCarrier{}
	s.e.opts.Propagator.Inject(s.ctx, carrier)
	ctx := metadata.NewOutgoingContext(s.ctx, metadata.MD(carrier))
	rpc, err := enginev1.NewEngineClient(s.lease.Conn()).Synthesize(ctx, &enginev1.SynthesizeRequest{
		Text: u.Text, Voice: ref.id, Language: u.Language, Speed: u.Speed, Timings: timingKinds(u.Timings),
	})
	if err != nil {
		return s.fail(err)
	}
	s.rpc = rpc
	m, err := rpc.Recv()
	if err != nil {
		return s.fail(err)
	}
	rate := m.GetFormat().GetSampleRate()
	if rate < speech.MinSampleRate || rate > speech.MaxSampleRate {
		return s.broken("its first event is not a format of %d to %d Hz", speech.MinSampleRate, speech.MaxSampleRate)
	}
	s.format.SampleRate = int(rate)
	s.limit = int64(rate) * int64(s.e.cfg.SegmentLimit/time.Second)
	return nil
}

func timingKinds(kinds []speech.TimingKind) []enginev1.TimingKind {
	var out []enginev1.TimingKind
	for _, k := range kinds {
		out = append(out, enginev1.TimingKind(k))
	}
	return out
}

// Format is PCM at the rate that the worker named.
func (s *stream) Format() speech.Format { return s.format }

// Next returns the worker's next event.
func (s *stream) Next(ctx context.Context) (speech.Event, error) {
	if s.err != nil {
		return speech.Event{}, s.err
	}
	if ctx != s.parent {
		stop := context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })
		defer stop()
	}
	for {
		m, err := s.rpc.Recv()
		if err != nil {
			return speech.Event{}, s.fail(err)
		}
		s.stall.Reset(s.e.cfg.StallTimeout)
		ev, ok, err := s.event(m)
		if err != nil {
			return speech.Event{}, err
		}
		if ok {
			return ev, nil
		}
	}
}

func (s *stream) event(m *enginev1.SynthesizeResponse) (ev speech.Event, ok bool, err error) {
	switch m := m.GetEvent().(type) {
	case *enginev1.SynthesizeResponse_Audio:
		if len(m.Audio)%2 != 0 {
			return ev, false, s.broken("it sent half a sample")
		}
		if s.samples == 0 {
			s.span.SetAttributes(attribute.Float64("tts.ttfb_ms", float64(time.Since(s.began).Microseconds())/1000))
		}
		if s.samples += int64(len(m.Audio) / 2); s.samples > s.limit {
			return ev, false, s.broken("it sent more than %v of audio for one segment", s.e.cfg.SegmentLimit)
		}
		return speech.Event{Kind: speech.EventAudio, Audio: m.Audio}, len(m.Audio) > 0, nil
	case *enginev1.SynthesizeResponse_Timing:
		t, ok := s.timing(m.Timing)
		return speech.Event{Kind: speech.EventTiming, Timing: t}, ok, nil
	case *enginev1.SynthesizeResponse_Warning:
		return speech.Event{Kind: speech.EventWarning, Warning: m.Warning}, true, nil
	case *enginev1.SynthesizeResponse_End:
		return ev, false, s.end(m.End)
	}
	return ev, false, nil // an event of a later version
}

// end checks the last event and makes sure that the call ends with it.
func (s *stream) end(end *enginev1.End) error {
	if end.GetSamples() != s.samples {
		return s.broken("it sent %d samples and counted %d", s.samples, end.GetSamples())
	}
	if _, err := s.rpc.Recv(); !errors.Is(err, io.EOF) {
		return s.broken("it went on after the end")
	}
	s.finished = true
	s.err = io.EOF
	s.span.SetAttributes(attribute.Float64("tts.audio_seconds", float64(s.samples)/float64(s.format.SampleRate)))
	return io.EOF
}

// timing converts a timing; one that lies outside the text is dropped.
func (s *stream) timing(t *enginev1.Timing) (speech.Timing, bool) {
	out := speech.Timing{
		Kind: speech.TimingKind(t.GetKind()), Offset: int(t.GetTextOffset()), Length: int(t.GetTextLength()),
		Start: s.duration(t.GetSample()), Duration: s.duration(t.GetSamples()), Phoneme: t.GetPhoneme(),
	}
	ok := t.GetTextOffset() >= 0 && t.GetTextLength() >= 0 && out.Offset+out.Length <= s.text && t.GetSample() >= 0 && t.GetSamples() >= 0
	return out, ok
}

func (s *stream) duration(samples int64) time.Duration {
	return time.Duration(float64(samples) / float64(s.format.SampleRate) * float64(time.Second))
}

// fail makes the final error of what the call returned.
func (s *stream) fail(err error) error {
	cause := context.Cause(s.ctx)
	switch {
	case errors.Is(cause, errStalled):
		s.err = fault.New(fault.Unavailable, "engine %s did not answer in time", s.e.id).WithCode(engine.CodeWorkerLost).WithCause(cause)
	case cause != nil:
		s.err = cause
	case errors.Is(err, io.EOF):
		s.finished = true
		return s.broken("the stream ended without its end event")
	default:
		s.err = s.explain(err)
	}
	s.span.RecordError(s.err)
	s.span.SetStatus(codes.Error, string(fault.From(s.err).Kind))
	return s.err
}

// explain tells a worker that died from one that answered with an error.
func (s *stream) explain(err error) error {
	proc := s.lease.Process()
	f := fault.From(fault.FromGRPC(err))
	if f.Kind == fault.Unavailable || f.Kind == fault.Canceled { // the connection broke: see whether the process is gone
		select {
		case <-proc.Done():
		case <-time.After(50 * time.Millisecond): // the kernel closes its sockets before it can be reaped
		}
	}
	if status := proc.ExitStatus(); status != "" {
		return fault.New(fault.Unavailable, "engine %s ended while it spoke (%s)", s.e.id, status).WithCode(engine.CodeWorkerLost).WithCause(err)
	}
	s.finished = true
	switch f.Kind {
	case fault.Exhausted, fault.Unavailable, fault.Canceled:
		return fault.New(fault.Unavailable, "engine %s is busy", s.e.id).WithCode(engine.CodeWorkerLost).WithCause(err)
	case fault.Invalid:
		return f.WithCause(err)
	}
	return fault.New(f.Kind, "engine %s failed", s.e.id).WithCode("engine_failed").WithCause(err)
}

// broken ends the stream because the worker broke the contract.
func (s *stream) broken(format string, args ...any) error {
	s.err = fault.New(fault.Internal, "engine %s broke its contract: "+format, append([]any{s.e.id}, args...)...).WithCode("engine_contract")
	s.span.RecordError(s.err)
	s.span.SetStatus(codes.Error, "contract")
	return s.err
}

// Close ends the call and gives the worker back.
func (s *stream) Close() error {
	s.close.Do(func() {
		s.stall.Stop()
		s.cancel(context.Canceled)
		s.lease.Release(s.finished)
		s.span.End()
		if s.err == nil {
			s.err = context.Canceled
		}
	})
	return nil
}

// metadataCarrier lets a propagator write gRPC metadata.
type metadataCarrier metadata.MD

// Get returns the first value of a key.
func (c metadataCarrier) Get(key string) string {
	if v := metadata.MD(c).Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Set replaces a key's value.
func (c metadataCarrier) Set(key, value string) { metadata.MD(c).Set(key, value) }

// Keys lists the keys.
func (c metadataCarrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	return keys
}
