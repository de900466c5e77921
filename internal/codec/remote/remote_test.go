package remote_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/conformance"
	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/codec/remote"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	info   = codec.Info{Encoding: "mulaw", MediaType: "audio/basic", Extension: "ul", SampleRates: []int{8000, 16000, 24000}, BitRates: []int{64000, 192000}}
	format = speech.Format{Encoding: "mulaw", SampleRate: 24000, BitRate: 64000}
)

type stream = grpc.BidiStreamingServer[codecv1.EncodeRequest, codecv1.EncodeResponse]

func TestConformance(t *testing.T) {
	opts := conformance.Options{FirstBytes: 80 * time.Millisecond, MaxLevelError: 0.1, MaxSampleError: 260, Bare: true}
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		opts.Decode = decodeMuLaw
	}
	dial, _ := serve(t, &worker{})
	conformance.Run(t, remote.New(info, dial), opts)
}

// decodeMuLaw lets ffmpeg decode bare µ-law, which does not tell what it is.
func decodeMuLaw(ctx context.Context, f speech.Format, data []byte) ([]int16, error) {
	rate := strconv.Itoa(f.SampleRate)
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "mulaw", "-ar", rate, "-ac", "1", "-i", "pipe:0", "-f", "s16le", "pipe:1")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	samples := make([]int16, len(out)/2)
	for i := range samples {
		samples[i] = int16(uint16(out[2*i]) | uint16(out[2*i+1])<<8)
	}
	return samples, err
}

func start(t *testing.T, w *worker) (codec.Encoder, error) {
	t.Helper()
	dial, _ := serve(t, w)
	e, err := remote.New(info, dial).New(t.Context(), format, nil)
	if err == nil {
		t.Cleanup(func() { _ = e.Close() })
	}
	return e, err
}

func TestSettingsArrive(t *testing.T) {
	w := &worker{}
	if _, err := start(t, w); err != nil {
		t.Fatal(err)
	}
	if s := w.settings.Load(); s.GetEncoding() != "mulaw" || s.GetSampleRate() != 24000 || s.GetBitRate() != 64000 {
		t.Errorf("settings %v", s)
	}
}

// TestLargePieces shows that no step holds more than the contract allows, and that the whole comes out.
func TestLargePieces(t *testing.T) {
	w := &worker{}
	e, err := start(t, w)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]byte, 5<<20+2)
	for i := range pcm {
		pcm[i] = byte(i >> 3)
	}
	out, err := e.Encode(t.Context(), pcm)
	if err != nil {
		t.Fatal(err)
	}
	out = slices.Clone(out)
	rest, err := e.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(out)+len(rest) != len(pcm)/2 || w.largest.Load() != 1<<20 {
		t.Errorf("%d samples came back of %d, in steps of up to %d bytes", len(out)+len(rest), len(pcm)/2, w.largest.Load())
	}
}

// TestLabel shows that the label goes before the first bytes, whether they come early or only at the end, once, and nowhere else.
func TestLabel(t *testing.T) {
	label := &speech.Label{Producer: "P", ContentID: "I", Time: time.Unix(0, 0)}
	for _, c := range []struct {
		info    codec.Info
		label   *speech.Label
		samples int // of each of three frames
		want    []byte
	}{
		{codec.MP3(), label, frame, metadata.ID3(label, 192)}, // of 64 kbit/s at 24 kHz
		{codec.MP3(), label, 10, metadata.ID3(label, 192)},
		{codec.MP3(), label, 0, nil},
		{codec.MP3(), nil, frame, nil},
		{codec.AAC(), label, 2 * frame, metadata.ID3(label, 0)},
		{info, label, frame, nil},
	} {
		dial, _ := serve(t, &worker{})
		f, err := c.info.Resolve(speech.Format{Encoding: c.info.Encoding}, 24000)
		if err != nil {
			t.Fatal(err)
		}
		e, err := remote.New(c.info, dial).New(t.Context(), f, c.label)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for range 3 {
			data, err := e.Encode(t.Context(), make([]byte, 2*c.samples))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, data...)
		}
		data, err := e.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := append(slices.Clone(c.want), bytes.Repeat([]byte{0xFF}, 3*c.samples)...) // silence in µ-law
		if got = append(got, data...); !bytes.Equal(got, want) {
			t.Errorf("%s, %d samples: %q, want %q", f, c.samples, got, want)
		}
		_ = e.Close()
	}
}

// TestWorkerFails has the worker fail at each step, in each way.
func TestWorkerFails(t *testing.T) {
	refusal := fault.ToGRPC(fault.InvalidField("bit_rate", "must be one that LAME has at this rate"))
	for name, c := range map[string]struct {
		answer func(stream) error
		kind   fault.Kind
		field  string
	}{
		"refuses":   {func(stream) error { return refusal }, fault.Invalid, "bit_rate"},
		"exhausted": {func(stream) error { return status.Error(codes.ResourceExhausted, "too many") }, fault.Exhausted, ""},
		"internal":  {func(stream) error { return status.Error(codes.Internal, "lame_encode_buffer: -1") }, fault.Internal, ""},
		"ends":      {func(stream) error { return nil }, fault.Unavailable, ""},
	} {
		for step := range 3 {
			t.Run(name+"/step "+strconv.Itoa(step), func(t *testing.T) {
				w := &worker{misbehave: func(n int, s stream) (bool, error) {
					if n == step {
						return true, c.answer(s)
					}
					return false, nil
				}}
				e, err := start(t, w)
				if err == nil {
					_, err = e.Encode(t.Context(), make([]byte, 960))
				}
				if err == nil {
					_, err = e.Finish(t.Context())
				}
				var fe *fault.Error
				if !errors.As(err, &fe) || fe.Kind != c.kind || fe.Field != c.field {
					t.Errorf("%v, want %s", err, c.kind)
				}
				if e != nil {
					if _, err := e.Encode(t.Context(), make([]byte, 960)); !errors.Is(err, codec.ErrEnded) {
						t.Errorf("Encode after an error: %v", err)
					}
				}
			})
		}
	}
}

func TestWorkerAnswersTwice(t *testing.T) {
	e, err := start(t, &worker{misbehave: func(n int, s stream) (bool, error) {
		if n == 0 {
			return false, nil
		}
		return true, errors.Join(s.Send(&codecv1.EncodeResponse{}), s.Send(&codecv1.EncodeResponse{}))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Finish(t.Context()); !fault.Is(err, fault.Internal) {
		t.Errorf("%v", err)
	}
}

// TestFinishHearsTheVerdict has the worker fail after its last answer.
func TestFinishHearsTheVerdict(t *testing.T) {
	e, err := start(t, &worker{misbehave: func(n int, s stream) (bool, error) {
		if n == 0 {
			return false, nil
		}
		if err := s.Send(&codecv1.EncodeResponse{Data: []byte{1}}); err != nil {
			return true, err
		}
		return true, status.Error(codes.Internal, "flush failed")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Finish(t.Context()); !fault.Is(err, fault.Internal) {
		t.Errorf("%v", err)
	}
}

// hangs answers the settings, and nothing after that until its stream is cancelled, of which it tells.
func hangs() (w *worker, waiting, freed chan struct{}) {
	waiting, freed = make(chan struct{}), make(chan struct{})
	return &worker{misbehave: func(n int, s stream) (bool, error) {
		if n == 0 {
			return false, nil
		}
		close(waiting)
		<-s.Context().Done()
		close(freed)
		return true, s.Context().Err()
	}}, waiting, freed
}

// TestCancelFreesTheWorker cancels a call that waits for a worker.
func TestCancelFreesTheWorker(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Canceled, fault.Deadline} {
		w, waiting, freed := hangs()
		e, err := start(t, w)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if kind == fault.Deadline {
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		} else {
			go func() { <-waiting; cancel() }()
		}
		if _, err := e.Encode(ctx, make([]byte, 960)); !fault.Is(err, kind) {
			t.Errorf("%v, want %s", err, kind)
		}
		cancel()
		<-freed
	}
}

// TestCloseFreesTheWorker closes an encoder that is in the middle.
func TestCloseFreesTheWorker(t *testing.T) {
	w := &worker{}
	e, err := start(t, w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(t.Context(), make([]byte, 960)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(10 * time.Second); w.active.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the worker still encodes")
		}
	}
}

func TestDialFails(t *testing.T) {
	c := remote.New(info, func(context.Context) (codecv1.EncoderClient, func(), error) {
		return nil, nil, fault.New(fault.Unavailable, "no encoder is ready")
	})
	if _, err := c.New(t.Context(), format, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

// TestNewHonoursItsContext gives New a context that has ended: nothing is held, nothing runs.
func TestNewHonoursItsContext(t *testing.T) {
	w := &worker{}
	dial, held := serve(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := remote.New(info, dial).New(ctx, format, nil); !fault.Is(err, fault.Canceled) {
		t.Errorf("%v", err)
	}
	if held.Load() != 0 {
		t.Error("the worker was not released")
	}
}

// BenchmarkEncode is one second of 24 kHz audio in frames of 20 ms through the lock-step stream, without sockets.
func BenchmarkEncode(b *testing.B) {
	dial, _ := serve(b, &worker{})
	e, err := remote.New(info, dial).New(b.Context(), format, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	pcm := make([]byte, 960)
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			if _, err := e.Encode(b.Context(), pcm); err != nil {
				b.Fatal(err)
			}
		}
	}
}
