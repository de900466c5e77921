package inference_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/engine/remote"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/inference"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/style"
	"github.com/orotund/orotund/internal/testkit/tone"
)

func TestMain(m *testing.M) {
	if tone.Asked() {
		os.Exit(tone.Main())
	}
	goleak.VerifyTestMain(m)
}

type system struct {
	*inference.Service
	tone *remote.Engine
}

// start makes a whole inference role over real workers of the tone engine.
func start(t *testing.T, change func(*inference.Config)) system {
	t.Helper()
	return startWith(t, style.DefaultConfig(), change)
}

func startWith(t *testing.T, sc style.Config, change func(*inference.Config)) system {
	t.Helper()
	cfg := inference.DefaultConfig()
	cfg.SampleRate = tone.Rate
	if change != nil {
		change(&cfg)
	}
	log := slog.New(slog.DiscardHandler)
	ec := engine.DefaultConfig()
	ec.Command, ec.Instances = tone.Command(), 2
	cat := engine.NewCatalogue(engine.VoicesConfig{Default: "tone.plain"}, nil)
	e := remote.New("tone", ec, remote.Options{Min: 2, Tracer: tracenoop.NewTracerProvider().Tracer(""),
		Propagator: propagation.TraceContext{}, OnDescribed: cat.Refresh}, log)
	cat.Add(e)
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := inference.New(cfg, style.New(sc, log), cat, codec.NewSet(codec.PCM{}, codec.WAV{}),
		noop.NewMeterProvider().Meter(""), log)
	if err != nil {
		t.Fatal(err)
	}
	return system{s, e}
}

func request(voice, text string) speech.Request {
	return speech.Request{ID: "t", Principal: speech.Anonymous, Text: text, Voice: "tone." + voice, Speed: 1, Format: speech.Format{Encoding: speech.PCM}}
}

// drain reads a stream to its end.
func drain(ctx context.Context, st speech.Stream) (audio []byte, ends []speech.SegmentEnd, err error) {
	for {
		ev, err := st.Next(ctx)
		if errors.Is(err, io.EOF) {
			return audio, ends, nil
		}
		if err != nil {
			return audio, ends, err
		}
		audio = append(audio, ev.Audio...)
		if ev.Kind == speech.EventSegmentEnd {
			ends = append(ends, ev.SegmentEnd)
		}
	}
}

func speak(t *testing.T, s system, req speech.Request) ([]byte, []speech.SegmentEnd, error) {
	t.Helper()
	st, err := s.Speak(t.Context(), req)
	if err != nil {
		return nil, nil, err
	}
	defer st.Close()
	return drain(t.Context(), st)
}

// TestSegmentsInOrder: many segments over two workers come back in order, to the sample, however they are cut.
func TestSegmentsInOrder(t *testing.T) {
	s := start(t, func(c *inference.Config) { c.Sound = inference.SoundConfig{} })
	text := strings.Repeat("One sentence. Another one! 又一句。", 20)
	audio, ends, err := speak(t, s, request(tone.Plain, text))
	if err != nil {
		t.Fatal(err)
	}
	if len(ends) < 40 {
		t.Fatalf("%d segments", len(ends))
	}
	samples, at := 0, 0
	for i, e := range ends {
		if e.Index != i || e.Offset < at {
			t.Fatalf("segment %d: %+v after byte %d", i, e, at)
		}
		at = e.Offset + e.Length
		samples += int(e.Duration * tone.Rate / time.Second)
	}
	if len(audio)/2 != samples {
		t.Fatalf("%d samples, the segments have %d", len(audio)/2, samples)
	}
	var alone []byte
	for _, e := range ends { // each segment alone sounds the same
		part, _, err := speak(t, s, request(tone.Plain, text[e.Offset:e.Offset+e.Length]))
		if err != nil {
			t.Fatal(err)
		}
		alone = append(alone, part...)
	}
	if !bytes.Equal(alone, audio) {
		t.Fatal("the audio is not the segments' in their order")
	}
}

func TestRateAndSpeed(t *testing.T) {
	s := start(t, nil)
	for _, tc := range []struct {
		rate  int
		speed float64
	}{{8000, 1}, {24000, 1}, {48000, 1}, {16000, 2}, {24000, 0.5}} {
		req := request(tone.Plain, "some words to say")
		req.Format.SampleRate, req.Speed = tc.rate, tc.speed
		audio, _, err := speak(t, s, req)
		if err != nil {
			t.Fatal(err)
		}
		want := float64(tone.Samples(req.Text)) * float64(tc.rate) / tone.Rate / tc.speed
		if got := float64(len(audio) / 2); got < want*0.97 || got > want*1.03 || tc.speed == 1 && got != float64(int(want+0.5)) {
			t.Errorf("%+v: %v samples, want %v", tc, got, want)
		}
	}
}

// TestFirstByteBeforeTheSegmentIsWhole is the gate, with an engine at real time: 10 s of audio, the first of it heard in the beginning.
func TestFirstByteBeforeTheSegmentIsWhole(t *testing.T) {
	s := start(t, nil)
	req := request(tone.Paced, strings.Repeat("a", 200))
	st, err := s.Speak(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	began := time.Now()
	ev, err := st.Next(t.Context())
	if err != nil || ev.Kind != speech.EventAudio || len(ev.Audio) == 0 {
		t.Fatal(ev, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Fatalf("the first audio of 10 s at real time came after %v", took)
	}
	if s.tone.Stats().Busy != 1 {
		t.Fatal("the engine is not at work any more")
	}
}

func TestLostWorker(t *testing.T) {
	s := start(t, nil)
	_, _, err := speak(t, s, request(tone.Crash, "some words")) // dies each time, before any audio
	if f := fault.From(err); f == nil || f.Kind != fault.Unavailable || f.Code != engine.CodeWorkerLost {
		t.Fatalf("before any audio: %v", err)
	}
	audio, _, err := speak(t, s, request(tone.CrashMid, "some words"))
	if f := fault.From(err); f == nil || f.Kind != fault.Unavailable || f.Code != "audio_cut_off" || len(audio) == 0 {
		t.Fatalf("in the middle of the audio: %d bytes, %v", len(audio), err)
	}
}

// TestUnheardSegmentIsSpokenAgain: a worker that dies before any of its segment was heard costs the listener nothing.
func TestUnheardSegmentIsSpokenAgain(t *testing.T) {
	s := start(t, nil)
	tone.Forget()
	defer tone.Forget()
	audio, _, err := speak(t, s, request(tone.CrashOne, "some words"))
	if err != nil || len(audio)/2 != tone.Samples("some words") {
		t.Fatal(len(audio)/2, err)
	}
	if n := s.tone.Stats().Restarts; n != 1 {
		t.Fatalf("%d workers died", n)
	}
}

// TestKilledWhileHeard kills every worker while the first segment, at real time, is being heard: the listener sees an error.
func TestKilledWhileHeard(t *testing.T) {
	s := start(t, nil)
	st, err := s.Speak(t.Context(), request(tone.Paced, strings.Repeat("a", 100)+". "+strings.Repeat("b", 100)+"."))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, pid := range s.tone.Pids() {
		kill(t, pid)
	}
	if _, _, err := drain(t.Context(), st); fault.From(err) == nil || fault.From(err).Code != "audio_cut_off" {
		t.Fatal(err)
	}
}

// TestSlowReadersHoldNoWorker: two listeners that have stopped reading, with more audio than memory for it, do not keep a third waiting.
func TestSlowReadersHoldNoWorker(t *testing.T) {
	s := start(t, func(c *inference.Config) { c.BufferMemory = 1 << 20 })
	long := strings.Repeat(strings.Repeat("w", 200)+". ", 30) // 10 s each
	for range 2 {
		st, err := s.Speak(t.Context(), request(tone.Plain, long))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if _, err := st.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if audio, _, err := speak(t, s, request(tone.Plain, "me")); err != nil || len(audio)/2 != tone.Samples("me") {
		t.Fatal(len(audio), err)
	}
	for deadline := time.Now().Add(20 * time.Second); s.tone.Stats().Busy != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("a worker waits for a reader: %+v", s.tone.Stats())
		}
	}
}

func TestListenerLeaves(t *testing.T) {
	s := start(t, nil)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		st, err := s.Speak(ctx, request(tone.Paced, strings.Repeat("a long text. ", 50)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Next(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, _, err := drain(ctx, st); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		_ = st.Close()
		_ = st.Close()
	}
	if _, _, err := speak(t, s, request(tone.Plain, "next")); err != nil {
		t.Fatal(err)
	}
}

func TestBadRequests(t *testing.T) {
	s := start(t, nil)
	for _, tc := range []struct {
		change func(*speech.Request)
		kind   fault.Kind
		field  string
	}{
		{func(r *speech.Request) { r.Voice = "nobody" }, fault.NotFound, "voice"},
		{func(r *speech.Request) { r.Model = "nothing" }, fault.NotFound, "model"},
		{func(r *speech.Request) { r.Format.Encoding = "midi" }, fault.Invalid, "encoding"},
		{func(r *speech.Request) { r.Format.SampleRate = 5 }, fault.Invalid, "sample_rate"},
		{func(r *speech.Request) { r.Format.BitRate = 64000 }, fault.Invalid, "bit_rate"},
		{func(r *speech.Request) { r.Text = "…!" }, fault.Invalid, "text"},
		{func(r *speech.Request) { r.Voice = "tone.silent" }, fault.Invalid, "text"},
	} {
		req := request(tone.Plain, "words")
		tc.change(&req)
		_, _, err := speak(t, s, req)
		if f := fault.From(err); f == nil || f.Kind != tc.kind || f.Field != tc.field {
			t.Errorf("%+v: %v", req, err)
		}
	}
}
