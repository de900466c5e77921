package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/worker/childtest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a service behind gRPC on a Unix socket and returns a client.
func serve(tb testing.TB, most int) codecv1.EncoderClient {
	tb.Helper()
	return codecv1.NewEncoderClient(childtest.Serve(tb, func(s *grpc.Server) { codecv1.RegisterEncoderServer(s, newService(most, 2)) }))
}

// Requests of one step each.
func settings(encoding string, sampleRate, bitRate int32) *codecv1.EncodeRequest {
	return &codecv1.EncodeRequest{Step: &codecv1.EncodeRequest_Settings{
		Settings: &codecv1.EncodeSettings{Encoding: encoding, SampleRate: sampleRate, BitRate: bitRate}}}
}

func pcm(data []byte) *codecv1.EncodeRequest {
	return &codecv1.EncodeRequest{Step: &codecv1.EncodeRequest_Pcm{Pcm: data}}
}

func finish() *codecv1.EncodeRequest {
	return &codecv1.EncodeRequest{Step: &codecv1.EncodeRequest_Finish{Finish: &codecv1.Finish{}}}
}

// run sends steps in lock-step and returns the answers' data. After the last one it expects the end of the stream.
func run(ctx context.Context, client codecv1.EncoderClient, steps ...*codecv1.EncodeRequest) ([][]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Encode(ctx)
	if err != nil {
		return nil, err
	}
	var answers [][]byte
	for _, step := range steps {
		if err := stream.Send(step); err != nil && !errors.Is(err, io.EOF) {
			return answers, err
		}
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) { // after finish
			return answers, nil
		}
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer.GetData())
	}
	if err := stream.CloseSend(); err != nil {
		return answers, err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return answers, err
	}
	return answers, nil
}

// hum returns samples of a tone at 24 kHz.
func hum(samples int) []byte {
	var out []byte
	for i := range samples {
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(8000*math.Sin(float64(i)*0.05))))
	}
	return out
}

func TestEncode(t *testing.T) {
	client := serve(t, 4)
	steps := []*codecv1.EncodeRequest{settings("mp3", 24000, 0)}
	for range 50 { // a second in steps of 20 ms
		steps = append(steps, pcm(hum(480)))
	}
	answers, err := run(t.Context(), client, append(steps, finish())...)
	if err != nil {
		t.Fatal(err)
	}
	total, first := 0, -1
	for i, a := range answers {
		if first < 0 && len(a) > 0 {
			first = i
		}
		total += len(a)
	}
	if len(answers[0]) != 0 || first > 3 { // 60 ms at most
		t.Errorf("first data in answer %d, %d bytes in answer to the settings", first, len(answers[0]))
	}
	// 64 kbit/s is 192 bytes a frame of 24 ms. The frames hold the second, the encoder's delay of 1105 samples, and less than two more.
	if frames := total / 192; total%192 != 0 || frames < 43 || frames > 46 {
		t.Errorf("%d bytes; want 43 to 46 frames of 192", total)
	}
}

func TestNoSamples(t *testing.T) {
	answers, err := run(t.Context(), serve(t, 1), settings("mp3", 24000, 64000), pcm(nil), finish())
	if err != nil || len(answers) != 3 {
		t.Errorf("an empty stream: %d answers, %v", len(answers), err)
	}
}

func TestRefusals(t *testing.T) {
	client := serve(t, 4)
	good := settings("mp3", 24000, 64000)
	for _, tc := range []struct {
		name  string
		steps []*codecv1.EncodeRequest
		word  string // in the message
	}{
		{"pcm before settings", []*codecv1.EncodeRequest{pcm(hum(10))}, "settings"},
		{"finish before settings", []*codecv1.EncodeRequest{finish()}, "settings"},
		{"settings twice", []*codecv1.EncodeRequest{good, good}, "settings"},
		{"no step", []*codecv1.EncodeRequest{{}}, "settings"},
		{"no step later", []*codecv1.EncodeRequest{good, {}}, "step"},
		{"odd bytes", []*codecv1.EncodeRequest{good, pcm([]byte{1, 2, 3})}, "pcm"},
		{"too many bytes", []*codecv1.EncodeRequest{good, pcm(make([]byte, maxPCM+2))}, "pcm"},
		{"no finish", []*codecv1.EncodeRequest{good, pcm(hum(10))}, "finish"},
		{"encoding", []*codecv1.EncodeRequest{settings("aac", 24000, 0)}, "settings.encoding"},
		{"sample rate", []*codecv1.EncodeRequest{settings("mp3", 96000, 0)}, "settings.sample_rate"},
		{"negative sample rate", []*codecv1.EncodeRequest{settings("mp3", -1, 0)}, "settings.sample_rate"},
		{"bit rate", []*codecv1.EncodeRequest{settings("mp3", 24000, 320000)}, "settings.bit_rate"},
		{"bit rate of another sample rate", []*codecv1.EncodeRequest{settings("mp3", 48000, 8000)}, "settings.bit_rate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := run(t.Context(), client, tc.steps...)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(fmt.Sprint(err), tc.word) {
				t.Errorf("got %v; want INVALID_ARGUMENT about %s", err, tc.word)
			}
		})
	}
	waitIdle(t, client)
}

func TestLargestStep(t *testing.T) {
	answers, err := run(t.Context(), serve(t, 1), settings("mp3", 48000, 320000), pcm(make([]byte, maxPCM)), finish())
	if err != nil {
		t.Fatal(err)
	}
	if want := maxPCM / 2 / 48000 * 320000 / 8; len(answers[1]) < want*9/10 {
		t.Errorf("%d bytes for the largest step, want about %d", len(answers[1]), want)
	}
}

// TestDescribe checks that what is listed is what is taken.
func TestDescribe(t *testing.T) {
	client := serve(t, 1)
	d, err := client.Describe(t.Context(), &codecv1.DescribeRequest{})
	if err != nil || len(d.GetEncodings()) != 1 {
		t.Fatalf("%v, %v", d, err)
	}
	mp3 := d.GetEncodings()[0]
	for _, rate := range mp3.GetSampleRates() {
		taken := 0
		for _, bits := range append([]int32{0}, mp3.GetBitRates()...) {
			_, err := run(t.Context(), client, settings(mp3.GetName(), rate, bits), finish())
			switch {
			case err == nil:
				taken++
			case bits == 0 || status.Code(err) != codes.InvalidArgument:
				t.Errorf("%d Hz, %d bit/s: %v", rate, bits, err)
			}
		}
		if taken < 9 {
			t.Errorf("%d Hz takes only %d bit rates", rate, taken)
		}
	}
}

// TestConcurrency checks that streams do not disturb each other, and that one more than the bound is refused.
func TestConcurrency(t *testing.T) {
	const most = 64
	client := serve(t, most)
	sound := hum(12000)
	want, err := run(t.Context(), client, settings("mp3", 24000, 0), pcm(sound), finish())
	if err != nil {
		t.Fatal(err)
	}
	streams := make([]grpc.BidiStreamingClient[codecv1.EncodeRequest, codecv1.EncodeResponse], most)
	for i := range streams {
		streams[i] = begin(t, t.Context(), client)
	}
	if _, err := run(t.Context(), client, settings("mp3", 24000, 0)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("stream %d: %v, want RESOURCE_EXHAUSTED", most+1, err)
	}
	var all sync.WaitGroup
	for i, stream := range streams {
		all.Go(func() {
			for k, step := range []*codecv1.EncodeRequest{pcm(sound), finish()} {
				if err := stream.Send(step); err != nil {
					t.Errorf("stream %d: %v", i, err)
				}
				answer, err := stream.Recv()
				if err != nil || string(answer.GetData()) != string(want[k+1]) {
					t.Errorf("stream %d differs at step %d: %v", i, k, err)
				}
			}
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("stream %d does not end: %v", i, err)
			}
		})
	}
	all.Wait()
	waitIdle(t, client)
}

// begin opens a stream and waits for the answer to its settings.
func begin(t *testing.T, ctx context.Context, client codecv1.EncoderClient) grpc.BidiStreamingClient[codecv1.EncodeRequest, codecv1.EncodeResponse] {
	t.Helper()
	stream, err := client.Encode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(settings("mp3", 24000, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	return stream
}

// waitIdle waits until no stream is active.
func waitIdle(t *testing.T, client codecv1.EncoderClient) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		h, err := client.Health(t.Context(), &codecv1.HealthRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if h.GetActive() == 0 {
			return
		}
		if time.Since(start) > 5*time.Second {
			t.Fatalf("%d streams are still active", h.GetActive())
		}
	}
}

// TestCancelFrees cancels thousands of streams in the middle and checks that neither slots nor handles stay behind: a handle
// takes about 0.4 MB.
func TestCancelFrees(t *testing.T) {
	client := serve(t, 8)
	sound := pcm(hum(2400))
	round := func(n int) {
		for range n {
			ctx, cancel := context.WithCancel(t.Context())
			stream := begin(t, ctx, client)
			if err := stream.Send(sound); err != nil {
				t.Fatal(err)
			}
			cancel()
			for err := error(nil); err == nil; {
				_, err = stream.Recv()
			}
			waitIdle(t, client)
		}
	}
	round(300)
	before := residentKB(t)
	round(2000)
	if grown := residentKB(t) - before; grown > 16<<10 {
		t.Errorf("2000 cancelled streams left %d KB behind", grown)
	}
}

func residentKB(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() / 1024
}
