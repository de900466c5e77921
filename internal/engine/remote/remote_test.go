package remote_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/engine/remote"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/testkit/tone"
)

func TestMain(m *testing.M) {
	if tone.Asked() {
		os.Exit(tone.Main())
	}
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, change func(*engine.Config)) *remote.Engine {
	t.Helper()
	cfg := engine.DefaultConfig()
	cfg.Command, cfg.Instances = tone.Command(), 1
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	e := remote.New("tone", cfg, remote.Options{Min: 1, Tracer: noop.NewTracerProvider().Tracer(""), Propagator: propagation.TraceContext{}},
		slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}

// speak returns the number of samples and how the stream ended.
func speak(ctx context.Context, e *remote.Engine, voice, text string) (int, error) {
	st, err := e.Synthesize(ctx, engine.Utterance{Text: text, Voice: "tone." + voice, Language: "en", Speed: 1})
	if err != nil {
		return 0, err
	}
	defer st.Close()
	if f := st.Format(); f.Encoding != speech.PCM || f.SampleRate != tone.Rate {
		return 0, errors.New("wrong format " + f.String())
	}
	n := 0
	for {
		ev, err := st.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n += len(ev.Audio) / 2
	}
}

func TestDescribe(t *testing.T) {
	e := start(t, nil)
	d, ok := e.Describe()
	if !ok || d.Name != "tone" || len(d.Voices) == 0 || d.SpeedMin != 1 || d.SpeedMax != 1 {
		t.Fatalf("%v %+v", ok, d)
	}
	if v := d.Voices[0]; v.ID != "tone.plain" || v.Engine != "tone" || v.SampleRate != tone.Rate {
		t.Fatalf("%+v", v)
	}
	if err := e.Health(); err != nil {
		t.Fatal(err)
	}
}

func TestSynthesize(t *testing.T) {
	e := start(t, nil)
	n, err := speak(t.Context(), e, tone.Plain, "héllo")
	if err != nil || n != tone.Samples("héllo") {
		t.Fatal(n, err)
	}
	if _, err := speak(t.Context(), e, "nobody", "x"); !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	if s := e.Stats(); s.Busy != 0 {
		t.Fatalf("a slot was kept: %+v", s)
	}
}

// TestContract: whatever a worker does wrong ends as one clear error, and the next segment is spoken.
func TestContract(t *testing.T) {
	e := start(t, func(c *engine.Config) {
		c.StallTimeout, c.SegmentLimit = 200*time.Millisecond, time.Second
	})
	for _, tc := range []struct {
		voice string
		kind  fault.Kind
		retry bool
		says  string
	}{
		{tone.Crash, fault.Unavailable, true, "ended while it spoke (signal: killed)"},
		{tone.CrashMid, fault.Unavailable, true, "ended while it spoke (signal: killed)"},
		{tone.Hang, fault.Unavailable, true, "did not answer in time"},
		{tone.Babble, fault.Internal, false, "more than 1s of audio"},
		{tone.Half, fault.Internal, false, "half a sample"},
		{tone.NoEnd, fault.Internal, false, "without its end event"},
		{tone.Miscount, fault.Internal, false, "counted"},
		{tone.NoFormat, fault.Internal, false, "not a format"},
		{tone.Failing, fault.Internal, false, "failed"},
	} {
		t.Run(tc.voice, func(t *testing.T) {
			_, err := speak(t.Context(), e, tc.voice, "a few words")
			f := fault.From(err)
			if f == nil || f.Kind != tc.kind || engine.Retryable(err) != tc.retry || !strings.Contains(f.Message, tc.says) {
				t.Fatalf("%v", err)
			}
			if n, err := speak(t.Context(), e, tone.Plain, "abc"); err != nil || n != tone.Samples("abc") {
				t.Fatalf("afterwards: %d %v", n, err)
			}
		})
	}
}

func TestCancelFreesTheWorker(t *testing.T) {
	e := start(t, nil)
	pid := e.Pids()[0]
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		st, err := e.Synthesize(ctx, engine.Utterance{Text: strings.Repeat("long ", 100), Voice: "tone.paced", Speed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Next(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := st.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		_ = st.Close()
		_ = st.Close()
	}
	if n, err := speak(t.Context(), e, tone.Plain, "abc"); err != nil || n != tone.Samples("abc") {
		t.Fatal(n, err)
	}
	if got := e.Pids(); len(got) != 1 || got[0] != pid {
		t.Fatalf("the worker was replaced: %v, was %d", got, pid)
	}
}

func TestWorkerKilledBetweenCalls(t *testing.T) {
	e := start(t, nil)
	_ = syscall.Kill(e.Pids()[0], syscall.SIGKILL)
	deadline := time.Now().Add(20 * time.Second)
	for { // the first try may meet the dying worker; that error is one that may be tried again
		n, err := speak(t.Context(), e, tone.Plain, "abc")
		if err == nil && n == tone.Samples("abc") {
			return
		}
		if !engine.Retryable(err) || time.Now().After(deadline) {
			t.Fatal(n, err)
		}
	}
}
