package child

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/fault"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// TestMain lets the test program be a worker itself: see process_test.go.
func TestMain(m *testing.M) {
	if os.Getenv(envRole) != "" {
		os.Exit(workerProcess())
	}
	goleak.VerifyTestMain(m)
}

func TestFramer(t *testing.T) {
	const rate, ms = 8000, 16 // bytes of a millisecond
	pcm := make([]byte, 1000*ms)
	for i := range pcm {
		pcm[i] = byte(i * 7)
	}
	for _, piece := range []int{2, 30, 160 * ms / 10, 20 * ms, 49 * ms, len(pcm)} {
		var frames []int
		var got []byte
		f := NewFramer(rate, func(b []byte) error {
			frames, got = append(frames, len(b)/ms), append(got, b...)
			return nil
		})
		for rest := pcm[:710*ms]; len(rest) > 0; {
			n := min(piece, len(rest))
			if err := f.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		want := []int{20, 40, 60, 80, 100, 100, 100, 100, 100, 10}
		if !equal(frames, want) || !bytes.Equal(got, pcm[:710*ms]) {
			t.Errorf("pieces of %d: frames of %v ms, want %v; bytes are the same: %v", piece, frames, want, bytes.Equal(got, pcm[:710*ms]))
		}
		frames = frames[:0]
		if err := f.Write(pcm[:25*ms]); err != nil || !equal(frames, []int{20}) {
			t.Errorf("after Flush the frames are %v, %v", frames, err)
		}
		f.Reset()
		if err := f.Flush(); err != nil || len(frames) != 1 {
			t.Errorf("after Reset there was something left: %v, %v", frames, err)
		}
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestFramerErrors(t *testing.T) {
	broken := errors.New("broken")
	f := NewFramer(8000, func([]byte) error { return broken })
	if err := f.Write(make([]byte, 320)); !errors.Is(err, broken) {
		t.Errorf("Write: %v", err)
	}
	f.Reset()
	if err := f.Write(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(); !errors.Is(err, broken) {
		t.Errorf("Flush: %v", err)
	}
	if err := f.Write(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(); err == nil || errors.Is(err, broken) {
		t.Errorf("Flush of half a sample: %v", err)
	}
}

func TestFramerAllocations(t *testing.T) {
	f := NewFramer(22050, func([]byte) error { return nil })
	pcm := make([]byte, 2162)
	if n := testing.AllocsPerRun(1000, func() { _ = f.Write(pcm) }); n != 0 {
		t.Errorf("%v allocations a Write", n)
	}
}

func FuzzFramer(f *testing.F) {
	f.Add(uint16(22050), []byte{1, 200, 3, 255})
	f.Fuzz(func(t *testing.T, rate uint16, sizes []byte) {
		written, sent := 0, 0
		fr := NewFramer(int(rate), func(b []byte) error { sent += len(b); return nil })
		for _, n := range sizes {
			if err := fr.Write(make([]byte, int(n)*2)); err != nil {
				t.Fatal(err)
			}
			written += int(n) * 2
		}
		if err := fr.Flush(); err != nil || sent != written {
			t.Fatalf("%d of %d bytes were sent, %v", sent, written, err)
		}
	})
}

func TestSampleBytes(t *testing.T) {
	if got, want := SampleBytes([]int16{1, -2, 32767, -32768}, nil), []byte{1, 0, 0xfe, 0xff, 0xff, 0x7f, 0, 0x80}; !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
	if got := SampleBytes(nil, nil); got != nil {
		t.Errorf("no samples are %v", got)
	}
}

func TestCheckRequest(t *testing.T) {
	native := &enginev1.Capabilities{SpeedMin: 0.5, SpeedMax: 2, MaxCharacters: 4}
	for _, c := range []struct {
		text  string
		speed float64
		caps  *enginev1.Capabilities
		field string // that is wrong
	}{
		{"abcd", 0, native, ""}, {"äöüß", 0.5, native, ""}, {"a", 2, native, ""}, {"a", 1, nil, ""},
		{"", 0, native, "text"}, {"a\xff", 0, native, "text"}, {"abcde", 0, native, "text"},
		{"a", 0.49, native, "speed"}, {"a", 2.01, native, "speed"}, {"a", -1, native, "speed"}, {"a", 1.5, nil, "speed"},
		{"a", math.NaN(), native, "speed"}, {"a", math.Inf(1), native, "speed"},
	} {
		err := CheckRequest(&enginev1.SynthesizeRequest{Text: c.text, Speed: c.speed}, c.caps)
		if c.field == "" {
			if err != nil {
				t.Errorf("%q at %g: %v", c.text, c.speed, err)
			}
			continue
		}
		var f *fault.Error
		if status.Code(err) != codes.InvalidArgument || !errors.As(fault.FromGRPC(err), &f) || f.Field != c.field {
			t.Errorf("%q at %g: %v, want field %s", c.text, c.speed, err, c.field)
		}
	}
}

func TestGate(t *testing.T) {
	g := NewGate(2)
	first, cancel := context.WithCancel(t.Context())
	leaveFirst, err := g.Enter(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enter(t.Context()); status.Code(err) != codes.ResourceExhausted || g.Active() != 2 {
		t.Errorf("a third call: %v, %d are active", err, g.Active())
	}
	cancel() // the first is leaving: the next waits for it
	entered := make(chan error, 1)
	go func() {
		_, err := g.Enter(t.Context())
		entered <- err
	}()
	select {
	case err := <-entered:
		t.Errorf("entered before the cancelled call had left: %v", err)
	default:
	}
	leaveFirst()
	if err := <-entered; err != nil || g.Active() != 2 {
		t.Errorf("after the cancelled call had left: %v, %d are active", err, g.Active())
	}
}

func TestGateWaitEnds(t *testing.T) {
	g := NewGate(1)
	gone, cancel := context.WithCancel(t.Context())
	if _, err := g.Enter(gone); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := g.Enter(gone); status.Code(err) != codes.Canceled {
		t.Errorf("a cancelled call waited: %v", err)
	}
	if _, err := g.Enter(t.Context()); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a call that never leaves: %v", err)
	}
}

// tone is an engine that sends what the test asks for.
type tone struct {
	enginev1.UnimplementedEngineServer
	speak func(req *enginev1.SynthesizeRequest, stream SynthesizeStream) error
}

// Synthesize implements orotund.engine.v1.
func (e tone) Synthesize(req *enginev1.SynthesizeRequest, stream SynthesizeStream) error {
	return e.speak(req, stream)
}

// serve serves e until the test ends and returns a connection.
func serve(t *testing.T, e enginev1.EngineServer) *grpc.ClientConn {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, func(s *grpc.Server) { enginev1.RegisterEngineServer(s, e) })
	}()
	conn, err := grpc.NewClient("unix:"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return conn
}

func TestUtterance(t *testing.T) {
	pcm := make([]byte, 8000) // 500 ms
	conn := serve(t, tone{speak: func(req *enginev1.SynthesizeRequest, stream SynthesizeStream) error {
		u, err := NewUtterance(stream, req, 8000)
		if err != nil {
			return err
		}
		err = errors.Join(u.Timing(&enginev1.Timing{Kind: enginev1.TimingKind_TIMING_KIND_WORD}),
			u.Timing(&enginev1.Timing{Kind: enginev1.TimingKind_TIMING_KIND_PHONEME}), u.Warning("%d skipped", 3), u.Audio(pcm))
		if u.Samples() != 4000 {
			t.Errorf("Samples is %d", u.Samples())
		}
		return errors.Join(err, u.End())
	}})
	stream, err := enginev1.NewEngineClient(conn).Synthesize(t.Context(), &enginev1.SynthesizeRequest{Text: "x",
		Timings: []enginev1.TimingKind{enginev1.TimingKind_TIMING_KIND_WORD}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := r.GetEvent().(type) {
		case *enginev1.SynthesizeResponse_Format:
			got = append(got, "format")
		case *enginev1.SynthesizeResponse_Timing:
			got = append(got, "timing")
		case *enginev1.SynthesizeResponse_Warning:
			got = append(got, e.Warning)
		case *enginev1.SynthesizeResponse_Audio:
			got = append(got, strings.Repeat("a", len(e.Audio)/320)) // one for 20 ms
		case *enginev1.SynthesizeResponse_End:
			got = append(got, "end")
		}
	}
	if got, want := strings.Join(got, " "), "format timing 3 skipped a aa aaa aaaa aaaaa aaaaa aaaaa end"; got != want {
		t.Errorf("the stream is %q, want %q", got, want)
	}
}

func TestMessageTooLarge(t *testing.T) {
	conn := serve(t, tone{speak: func(*enginev1.SynthesizeRequest, SynthesizeStream) error { return nil }})
	stream, err := enginev1.NewEngineClient(conn).Synthesize(t.Context(), &enginev1.SynthesizeRequest{Text: strings.Repeat("x", maxMessage)})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a request of more than 4 MiB: %v", err)
	}
}
