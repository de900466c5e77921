package inference

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// metrics of the role. Labels are few and bounded: never a tenant's text or a request's id.
type metrics struct {
	requests metric.Int64Counter       // by encoding, outcome
	active   metric.Int64UpDownCounter // requests that run
	ttfb     metric.Float64Histogram   // seconds from Speak to the first encoded byte, by encoding
	audio    metric.Float64Counter     // seconds of audio, by encoding
	segments metric.Int64Counter       // by engine, outcome
	retries  metric.Int64Counter       // by engine
	spilled  metric.Int64Counter       // bytes of audio that went to temporary files
}

func newMetrics(m metric.Meter) (metrics, error) {
	var (
		x    metrics
		errs [7]error
	)
	x.requests, errs[0] = m.Int64Counter("orotund.requests", metric.WithDescription("Requests that ended, by outcome: ok, or the kind of error."))
	x.active, errs[1] = m.Int64UpDownCounter("orotund.requests.active", metric.WithDescription("Requests that run."))
	x.ttfb, errs[2] = m.Float64Histogram("orotund.ttfb", metric.WithUnit("s"), metric.WithDescription("Time from a request to the first byte of its audio."))
	x.audio, errs[3] = m.Float64Counter("orotund.audio", metric.WithUnit("s"), metric.WithDescription("Audio that was sent."))
	x.segments, errs[4] = m.Int64Counter("orotund.segments", metric.WithDescription("Segments that ended, by outcome: ok, or the kind of error."))
	x.retries, errs[5] = m.Int64Counter("orotund.segments.retried", metric.WithDescription("Segments that were spoken again because their worker was lost."))
	x.spilled, errs[6] = m.Int64Counter("orotund.buffer.spilled", metric.WithUnit("By"), metric.WithDescription("Audio written to temporary files because readers were slow."))
	for _, err := range errs {
		if err != nil {
			return x, err
		}
	}
	return x, nil
}

func outcome(err error) attribute.KeyValue {
	if f := fault.From(err); f != nil {
		return attribute.String("outcome", string(f.Kind))
	}
	return attribute.String("outcome", "ok")
}

func (m *metrics) segmentEnded(ctx context.Context, engine string, err error) {
	m.segments.Add(ctx, 1, metric.WithAttributes(attribute.String("engine", engine), outcome(err)))
}

func (m *metrics) requestEnded(ctx context.Context, f speech.Format, audio time.Duration, err error) {
	enc := attribute.String("encoding", string(f.Encoding))
	m.active.Add(ctx, -1)
	m.requests.Add(ctx, 1, metric.WithAttributes(enc, outcome(err)))
	m.audio.Add(ctx, audio.Seconds(), metric.WithAttributes(enc))
}
