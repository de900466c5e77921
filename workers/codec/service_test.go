package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
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
	return serveEncodings(tb, most, encodings())
}

// serveEncodings does the same with a service that has other encodings.
func serveEncodings(tb testing.TB, most int, encodings []encoding) codecv1.EncoderClient {
	tb.Helper()
	return codecv1.NewEncoderClient(childtest.Serve(tb, func(s *grpc.Server) {
		codecv1.RegisterEncoderServer(s, newService(encodings, most, 2, slog.New(slog.DiscardHandler)))
	}))
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

// TestEncode checks that the bytes come in whole frames, early, and neither too few nor too many. MP3 frames of 64 kbit/s at 24 kHz
// are 192 bytes for 24 ms; the second has LAME's delay of 1105 samples in front. AAC looks one frame ahead.
func TestEncode(t *testing.T) {
	client := serve(t, 4)
	for _, tc := range []struct {
		encoding    string
		rate        int
		first       int // ms of audio before the first bytes, at most
		least, most int // bytes
	}{
		{"mp3", 24000, 60, 43 * 192, 46 * 192},
		{"aac", 48000, 60, 9000, 14000},
		{"aac", 44100, 60, 9000, 14000},
	} {
		steps := []*codecv1.EncodeRequest{settings(tc.encoding, int32(tc.rate), 0)}
		for range 50 { // a second in steps of 20 ms
			steps = append(steps, pcm(hum(tc.rate/50)))
		}
		answers, err := run(t.Context(), client, append(steps, finish())...)
		if err != nil {
			t.Fatal(err)
		}
		total, first := 0, -1
		for i, a := range answers {
			if first < 0 && len(a) > 0 {
				first = i * 20
			}
			total += len(a)
		}
		t.Logf("%s, %d Hz: first bytes after %d ms, %d bytes in all", tc.encoding, tc.rate, first, total)
		if len(answers[0]) != 0 || first > tc.first {
			t.Errorf("%s: first bytes after %d ms, %d in answer to the settings", tc.encoding, first, len(answers[0]))
		}
		if total < tc.least || total > tc.most || tc.encoding == "mp3" && total%192 != 0 {
			t.Errorf("%s: %d bytes; want whole frames, %d to %d", tc.encoding, total, tc.least, tc.most)
		}
	}
}

func TestNoSamples(t *testing.T) {
	for _, first := range []*codecv1.EncodeRequest{settings("mp3", 24000, 64000), settings("aac", 48000, 64000)} {
		answers, err := run(t.Context(), serve(t, 1), first, pcm(nil), finish())
		if err != nil || len(answers) != 3 {
			t.Errorf("an empty stream: %d answers, %v", len(answers), err)
		}
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
		{"encoding", []*codecv1.EncodeRequest{settings("opus", 24000, 0)}, "settings.encoding"},
		{"no encoding", []*codecv1.EncodeRequest{settings("", 24000, 0)}, "aac, mp3"},
		{"sample rate", []*codecv1.EncodeRequest{settings("mp3", 96000, 0)}, "settings.sample_rate"},
		{"negative sample rate", []*codecv1.EncodeRequest{settings("mp3", -1, 0)}, "settings.sample_rate"},
		{"bit rate", []*codecv1.EncodeRequest{settings("mp3", 24000, 320000)}, "settings.bit_rate"},
		{"sample rate of mp3", []*codecv1.EncodeRequest{settings("aac", 24000, 0)}, "settings.sample_rate"},
		{"bit rate of aac", []*codecv1.EncodeRequest{settings("aac", 48000, 64001)}, "settings.bit_rate"},
		{"bit rate of mp3", []*codecv1.EncodeRequest{settings("aac", 48000, 320000)}, "settings.bit_rate"},
		{"negative bit rate", []*codecv1.EncodeRequest{settings("aac", 48000, -1)}, "settings.bit_rate"},
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
	for _, tc := range []struct {
		encoding string
		bitRate  int
	}{{"mp3", 320000}, {"aac", 32000}} {
		answers, err := run(t.Context(), serve(t, 1), settings(tc.encoding, 48000, int32(tc.bitRate)), pcm(hum(maxPCM/2)), finish())
		if err != nil {
			t.Fatal(err)
		}
		if want := maxPCM / 2 * tc.bitRate / 8 / 48000; len(answers[1]) < want*8/10 {
			t.Errorf("%s: %d bytes for the largest step, want about %d", tc.encoding, len(answers[1]), want)
		}
	}
}

// TestDescribe checks that what is listed is what is taken.
func TestDescribe(t *testing.T) {
	client := serve(t, 1)
	d, err := client.Describe(t.Context(), &codecv1.DescribeRequest{})
	if err != nil || len(d.GetEncodings()) != 2 {
		t.Fatalf("%v, %v", d, err)
	}
	for i, want := range []struct {
		name, library string
		bitRates      int // at each sample rate, at least, and the default one
	}{{"aac", "go-aac 0.", 10}, {"mp3", "LAME 3.", 9}} {
		e := d.GetEncodings()[i]
		if e.GetName() != want.name || !strings.HasPrefix(e.GetLibrary(), want.library) {
			t.Errorf("encoding %d is %s by %s, want %s by %s", i, e.GetName(), e.GetLibrary(), want.name, want.library)
		}
		for _, rate := range e.GetSampleRates() {
			taken := 0
			for _, bits := range append([]int32{0}, e.GetBitRates()...) {
				_, err := run(t.Context(), client, settings(e.GetName(), rate, bits), finish())
				switch {
				case err == nil:
					taken++
				case bits == 0 || status.Code(err) != codes.InvalidArgument:
					t.Errorf("%s, %d Hz, %d bit/s: %v", e.GetName(), rate, bits, err)
				}
			}
			if taken < want.bitRates {
				t.Errorf("%s, %d Hz takes only %d bit rates", e.GetName(), rate, taken)
			}
		}
	}
}

// TestConcurrency checks that streams do not disturb each other, and that one more than the bound is refused.
func TestConcurrency(t *testing.T) {
	for _, first := range []*codecv1.EncodeRequest{settings("mp3", 24000, 0), settings("aac", 48000, 0)} {
		t.Run(first.GetSettings().GetEncoding(), func(t *testing.T) { runTogether(t, first) })
	}
}

func runTogether(t *testing.T, first *codecv1.EncodeRequest) {
	const most = 64
	client := serve(t, most)
	sound := hum(6000)
	want, err := run(t.Context(), client, first, pcm(sound), finish())
	if err != nil {
		t.Fatal(err)
	}
	streams := make([]bidi, most)
	for i := range streams {
		streams[i] = begin(t, t.Context(), client, first)
	}
	if _, err := run(t.Context(), client, first); status.Code(err) != codes.ResourceExhausted {
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

type bidi = grpc.BidiStreamingClient[codecv1.EncodeRequest, codecv1.EncodeResponse]

// begin opens a stream and waits for the answer to its settings.
func begin(t *testing.T, ctx context.Context, client codecv1.EncoderClient, first *codecv1.EncodeRequest) bidi {
	t.Helper()
	stream, err := client.Encode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(first); err != nil {
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

// TestCancelFrees cancels many streams in the middle and checks that neither slots nor handles stay behind: a handle takes 0.4 MB or
// more.
func TestCancelFrees(t *testing.T) {
	client := serve(t, 8)
	sound := pcm(hum(2400))
	kinds := []*codecv1.EncodeRequest{settings("mp3", 24000, 0), settings("mp3", 24000, 0), settings("mp3", 24000, 0), settings("aac", 48000, 0)}
	round := func(n int) {
		for i := range n {
			ctx, cancel := context.WithCancel(t.Context())
			stream := begin(t, ctx, client, kinds[i%len(kinds)])
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
	round(100)
	before := residentKB(t)
	round(400)
	if grown := residentKB(t) - before; grown > 16<<10 {
		t.Errorf("400 cancelled streams left %d KB behind", grown)
	}
}

// residentKB is the memory of the process, without what Go's collector would free.
func residentKB(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
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
