// Package tone is a speech engine for tests: it serves orotund.engine.v1 as a real worker program does, and speaks each character as
// 50 ms of a tone whose pitch is the character's. Its voices misbehave, each in one way, so that a test asks for a failure by
// naming a voice. A test binary becomes the program by calling Main from TestMain when Asked.
package tone

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
)

// Rate is the engine's sample rate in Hz, and PerCharacter the audio of one character.
const (
	Rate         = 16000
	PerCharacter = 50 * time.Millisecond
	chunk        = Rate / 50 // samples in a message: 20 ms
)

// Loudness is how loud voices are, in LUFS. Untimed does not tell.
const Loudness = -16.8

// MaxCharacters is the longest segment that the engine takes.
const MaxCharacters = 1000

// Silence around what Words says.
const (
	Lead = 130 * time.Millisecond
	Tail = 210 * time.Millisecond
)

// Voices.
const (
	Plain    = "plain"    // as fast as it can
	Words    = "words"    // with Lead and Tail of silence around it, silence for blanks, a constant offset, and the times of words
	Untimed  = "untimed"  // as Words, but without times, nor telling how loud it is
	Paced    = "paced"    // at real time
	Crash    = "crash"    // kills itself before any audio
	CrashOne = "crashone" // kills itself before any audio, the first time in a test's process, and is plain from then on
	CrashMid = "crashmid" // kills itself after 100 ms of audio
	Hang     = "hang"     // never sends anything after the format, and obeys cancel
	Deaf     = "deaf"     // paced, and goes on when it is cancelled
	Babble   = "babble"   // never ends
	Half     = "half"     // sends half a sample
	NoEnd    = "noend"    // ends without the end event
	Miscount = "miscount" // counts wrong
	NoFormat = "noformat" // audio first
	Silent   = "silent"   // ends at once, without audio
	Failing  = "failing"  // answers with an error
)

var voices = []string{Plain, Words, Untimed, Paced, Crash, CrashOne, CrashMid, Hang, Deaf, Babble, Half, NoEnd, Miscount, NoFormat, Silent, Failing}

const argument = "tone-engine"

// Command is the command line that makes this test binary the engine.
func Command() []string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{exe, argument}
}

// Asked tells whether this process was started with Command.
func Asked() bool { return len(os.Args) > 1 && os.Args[1] == argument }

// Main serves until the parent is gone, and returns the exit code.
func Main() int {
	os.Args = os.Args[:1]
	return child.Main("orotund.engine.v1", func(s *grpc.Server) { enginev1.RegisterEngineServer(s, &engine{}) })
}

// Samples is the length of what the engine says for a text.
func Samples(text string) int {
	return utf8.RuneCountInString(text) * int(PerCharacter*Rate/time.Second)
}

type engine struct {
	enginev1.UnimplementedEngineServer
	active atomic.Int32
}

// Describe implements enginev1.EngineServer.
func (e *engine) Describe(context.Context, *enginev1.DescribeRequest) (*enginev1.DescribeResponse, error) {
	m := &enginev1.Model{Id: "tone", Loaded: true}
	for _, v := range voices {
		voice := &enginev1.Voice{Id: v, Name: v, Languages: []string{"en", "zh"}, SampleRate: Rate, Loudness: Loudness}
		if v == Untimed {
			voice.Loudness = 0
		}
		m.Voices = append(m.Voices, voice)
	}
	return &enginev1.DescribeResponse{Name: "tone", Version: "1", MaxConcurrency: 1, Models: []*enginev1.Model{m},
		Capabilities: &enginev1.Capabilities{MaxCharacters: MaxCharacters, Timings: []enginev1.TimingKind{enginev1.TimingKind_TIMING_KIND_WORD}}}, nil
}

// Load implements enginev1.EngineServer.
func (e *engine) Load(_ context.Context, r *enginev1.LoadRequest) (*enginev1.LoadResponse, error) {
	if r.GetModel() != "tone" {
		return nil, status.Error(codes.NotFound, "no such model")
	}
	return &enginev1.LoadResponse{}, nil
}

// Unload implements enginev1.EngineServer.
func (e *engine) Unload(context.Context, *enginev1.UnloadRequest) (*enginev1.UnloadResponse, error) {
	return nil, status.Error(codes.Unimplemented, "it is code, not a model")
}

// Health implements enginev1.EngineServer.
func (e *engine) Health(context.Context, *enginev1.HealthRequest) (*enginev1.HealthResponse, error) {
	return &enginev1.HealthResponse{Active: e.active.Load()}, nil
}

// Synthesize implements enginev1.EngineServer.
func (e *engine) Synthesize(r *enginev1.SynthesizeRequest, out grpc.ServerStreamingServer[enginev1.SynthesizeResponse]) error {
	if n := e.active.Add(1); n > 1 {
		e.active.Add(-1)
		return status.Error(codes.ResourceExhausted, "one at a time")
	}
	defer e.active.Add(-1)
	ctx := out.Context()
	switch r.GetVoice() {
	case Failing:
		return status.Error(codes.Internal, "as asked")
	case NoFormat:
		return out.Send(audio(make([]byte, 2)))
	}
	if err := out.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_Format{Format: &enginev1.AudioFormat{SampleRate: Rate}}}); err != nil {
		return err
	}
	total := Samples(r.GetText())
	switch r.GetVoice() {
	case Words, Untimed:
		return speakWords(r, out)
	case Crash:
		kill()
	case CrashOne:
		if firstTime() {
			kill()
		}
	case Hang:
		<-ctx.Done()
		return ctx.Err()
	case Half:
		return out.Send(audio(make([]byte, 3)))
	case Silent:
		total = 0
	case Babble:
		total = math.MaxInt32
	}
	if err := e.speak(r, out, total); err != nil {
		return err
	}
	switch r.GetVoice() {
	case NoEnd:
		return nil
	case Miscount:
		total++
	}
	return out.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_End{End: &enginev1.End{Samples: int64(total)}}})
}

func (e *engine) speak(r *enginev1.SynthesizeRequest, out grpc.ServerStreamingServer[enginev1.SynthesizeResponse], total int) error {
	began := time.Now()
	var phase float64
	runes := []rune(r.GetText())
	for sent := 0; sent < total; {
		n := min(chunk, total-sent)
		pcm := make([]byte, 0, 2*n)
		for i := range n {
			c := runes[min((sent+i)/(total/max(len(runes), 1)+1), len(runes)-1)]
			phase += 2 * math.Pi * (200 + 10*float64(c%40)) / Rate
			pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(8000*math.Sin(phase))))
		}
		if r.GetVoice() == Paced || r.GetVoice() == Deaf {
			// Real time: a chunk is there when its last sample would have been spoken.
			wait := time.NewTimer(time.Until(began.Add(time.Duration(sent+n) * time.Second / Rate)))
			select {
			case <-wait.C:
			case <-cancelled(out.Context(), r.GetVoice()):
				wait.Stop()
				return out.Context().Err()
			}
		}
		err := out.Send(audio(pcm))
		if err != nil && r.GetVoice() != Deaf {
			return err
		}
		sent += n
		if r.GetVoice() == CrashMid && sent >= Rate/10 {
			time.Sleep(20 * time.Millisecond) // what was sent arrives first
			kill()
		}
	}
	return nil
}

func cancelled(ctx context.Context, voice string) <-chan struct{} {
	if voice == Deaf {
		return nil
	}
	return ctx.Done()
}

func audio(pcm []byte) *enginev1.SynthesizeResponse {
	return &enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_Audio{Audio: pcm}}
}

// firstTime tells whether no worker of the same parent has been here before.
func firstTime() bool {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "orotund-tone-"+strconv.Itoa(os.Getppid())), os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// Forget removes what CrashOne remembers.
func Forget() { _ = os.Remove(filepath.Join(os.TempDir(), "orotund-tone-"+strconv.Itoa(os.Getpid()))) }

// kill ends the process as kill -9 does, with last words.
func kill() {
	_, _ = os.Stderr.WriteString("tone engine " + strconv.Itoa(os.Getpid()) + ": dying as asked\n")
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
