package inference_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/inference"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/testkit/tone"
)

// role is what a gateway asks, whichever way.
type role interface {
	Speak(ctx context.Context, req speech.Request) (speech.Stream, error)
	Catalogue(ctx context.Context) (speech.Catalogue, error)
}

// overNetwork serves s to a client on the loopback interface.
func overNetwork(t *testing.T, s system) (*inference.Client, *rpc.Server) {
	t.Helper()
	server := rpc.NewServer("127.0.0.1:0", tracenoop.NewTracerProvider(), propagation.TraceContext{}, slog.New(slog.DiscardHandler))
	inference.Register(server.Registrar(), s.Service)
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(server.Addr().String(), tracenoop.NewTracerProvider(), propagation.TraceContext{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Stop(ctx)
	})
	return inference.NewClient(conn), server
}

// ways returns the role in process and over the network.
func ways(t *testing.T, s system) map[string]role {
	t.Helper()
	tracer := tracenoop.NewTracerProvider().Tracer("")
	client, _ := overNetwork(t, s)
	return map[string]role{
		"in process": inference.Local{Service: s.Service, Link: rpc.Link{Client: tracer, Server: tracer, Service: inference.ServiceName}},
		"network":    client,
	}
}

// events reads a whole stream, with copies of the audio.
func events(t *testing.T, r role, req speech.Request) (f speech.Format, all []speech.Event, audio []byte) {
	t.Helper()
	st, err := r.Speak(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for {
		ev, err := st.Next(t.Context())
		if errors.Is(err, io.EOF) {
			if _, again := st.Next(t.Context()); !errors.Is(again, io.EOF) {
				t.Errorf("after the end: %v", again)
			}
			return st.Format(), all, audio
		}
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == speech.EventAudio {
			audio = append(audio, ev.Audio...)
		} else {
			all = append(all, ev)
		}
	}
}

// TestBothWaysAlike: neither side notices which way it is called.
func TestBothWaysAlike(t *testing.T) {
	s := start(t, nil)
	w := ways(t, s)
	req := request(tone.Plain, "One sentence. 又一句。 And another.")
	req.Timings = []speech.TimingKind{speech.TimingWord}
	f, want, audio := events(t, w["in process"], req)
	nf, got, naudio := events(t, w["network"], req)
	if f != nf || !reflect.DeepEqual(want, got) || !bytes.Equal(audio, naudio) || len(audio) == 0 || len(want) < 3 {
		t.Errorf("in process %v, %d bytes: %+v\nnetwork %v, %d bytes: %+v", f, len(audio), want, nf, len(naudio), got)
	}
	wantCat, err := w["in process"].Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gotCat, err := w["network"].Catalogue(t.Context())
	if err != nil || len(gotCat.Voices) != len(wantCat.Voices) || !reflect.DeepEqual(gotCat.Voices[0], wantCat.Voices[0]) {
		t.Errorf("%v\n%+v\n%+v", err, wantCat, gotCat)
	}
	for _, change := range []func(*speech.Request){
		func(r *speech.Request) { r.Voice = "nobody" }, func(r *speech.Request) { r.Model = "none" },
		func(r *speech.Request) { r.Format.Encoding = "midi" }, func(r *speech.Request) { r.Format.SampleRate = 7 },
	} {
		bad := req
		change(&bad)
		_, err := w["in process"].Speak(t.Context(), bad)
		_, nerr := w["network"].Speak(t.Context(), bad)
		if a, b := fault.From(err), fault.From(nerr); a == nil || a.Field == "" || !reflect.DeepEqual(a, b) {
			t.Errorf("in process %#v\nnetwork %#v", a, b)
		}
	}
	bad := request(tone.Failing, "What fails.")
	for name, r := range w {
		st, err := r.Speak(t.Context(), bad)
		if err == nil {
			_, _, err = drain(t.Context(), st)
			_ = st.Close()
		}
		if f := fault.From(err); f == nil || f.Kind == fault.Invalid || f.Cause != nil && name == "network" {
			t.Errorf("%s: %#v", name, f)
		}
	}
}

// TestLeavingFreesTheWorker: however the caller goes, the worker is free soon after, either way.
func TestLeavingFreesTheWorker(t *testing.T) {
	s := start(t, nil)
	for name, r := range ways(t, s) {
		for how, leave := range map[string]func(st speech.Stream, speakCancel, nextCancel func(), nextCtx context.Context){
			"close":       func(st speech.Stream, _, _ func(), _ context.Context) { _ = st.Close() },
			"Speak's ctx": func(_ speech.Stream, cancel, _ func(), _ context.Context) { cancel() },
			"Next's ctx": func(st speech.Stream, _, cancel func(), ctx context.Context) {
				cancel()
				if _, err := st.Next(ctx); !fault.Is(err, fault.Canceled) {
					t.Errorf("%s: %v", name, err)
				}
				_ = st.Close()
			},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			nextCtx, nextCancel := context.WithCancel(t.Context())
			st, err := r.Speak(ctx, request(tone.Hang, "It never begins."))
			if err != nil {
				t.Fatal(err)
			}
			until(t, "a worker is busy", func() bool { return s.tone.Stats().Busy == 1 })
			leave(st, cancel, nextCancel, nextCtx)
			until(t, name+", "+how+": the worker is free", func() bool { return s.tone.Stats().Busy == 0 })
			_ = st.Close()
			_ = st.Close()
			if _, err := st.Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%s, %s: Next after Close: %v", name, how, err)
			}
			cancel()
			nextCancel()
		}
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("did not come about: %s", what)
		}
	}
}

// TestServerEnds: when the process with the role ends in the middle, the stream ends in an error that names the role.
func TestServerEnds(t *testing.T) {
	s := start(t, nil)
	client, server := overNetwork(t, s)
	st, err := client.Speak(t.Context(), request(tone.Paced, "A text of some length, spoken at the pace of a person."))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = server.Stop(ctx)
	_, _, err = drain(t.Context(), st)
	if f := fault.From(err); f == nil || f.Message != "the inference role does not answer" {
		t.Errorf("%#v", f)
	}
	_, err = client.Speak(t.Context(), request(tone.Plain, "More."))
	if f := fault.From(err); f == nil || f.Code != rpc.CodeRoleUnavailable {
		t.Errorf("%#v", f)
	}
	if _, err = client.Catalogue(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

// TestLocalSpans: the spans of a call in process last as long as the stream and tell how it ended.
func TestLocalSpans(t *testing.T) {
	s := start(t, nil)
	for _, tc := range []struct {
		name, voice string
		leave       bool
		status      codes.Code
		kind        string
	}{
		{"whole", tone.Plain, false, codes.Unset, ""},
		{"left", tone.Paced, true, codes.Unset, "canceled"},
		{"fails", tone.Failing, false, codes.Error, ""},
		{"refused", "nobody", false, codes.Error, "not_found"},
	} {
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		l := inference.Local{Service: s.Service, Link: rpc.Link{Client: provider.Tracer("gateway"), Server: provider.Tracer("inference"), Service: inference.ServiceName}}
		ctx, root := provider.Tracer("gateway").Start(t.Context(), "root")
		if st, err := l.Speak(ctx, request(tc.voice, "Some words.")); err == nil {
			if n := len(spans.Ended()); n != 0 {
				t.Errorf("%s: %d spans ended before the stream", tc.name, n)
			}
			if tc.leave {
				_, _ = st.Next(ctx)
			} else {
				_, _, _ = drain(ctx, st)
			}
			_ = st.Close()
			_ = st.Close()
		}
		ended := spans.Ended()
		if len(ended) != 2 {
			t.Fatalf("%s: %d spans", tc.name, len(ended))
		}
		server, client := ended[0], ended[1]
		if server.SpanKind() != trace.SpanKindServer || client.Name() != "orotund.role.v1.Inference/Speak" ||
			client.Parent().SpanID() != root.SpanContext().SpanID() || server.Parent().SpanID() != client.SpanContext().SpanID() {
			t.Errorf("%s: %v, %v", tc.name, client, server)
		}
		kind := ""
		for _, kv := range server.Attributes() {
			if kv.Key == "orotund.error.kind" {
				kind = kv.Value.AsString()
			}
		}
		if server.Status().Code != tc.status || client.Status().Code != tc.status || tc.kind != "" && kind != tc.kind || tc.status == codes.Unset && kind != tc.kind {
			t.Errorf("%s: %+v, kind %q", tc.name, server.Status(), kind)
		}
	}
}
