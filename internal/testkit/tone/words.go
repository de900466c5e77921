package tone

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
)

// offset is added to every sample of Words.
const offset = 400

// samplesOf is a time at the engine's rate.
func samplesOf(d time.Duration) int { return int(d * Rate / time.Second) }

// speakWords speaks a text word by word, and tells when each begins if it was asked.
func speakWords(r *enginev1.SynthesizeRequest, out grpc.ServerStreamingServer[enginev1.SynthesizeResponse]) error {
	at := samplesOf(Lead)
	pcm := silence(samplesOf(Lead))
	timed := r.GetVoice() == Words && slices.Contains(r.GetTimings(), enginev1.TimingKind_TIMING_KIND_WORD)
	for i, c := range r.GetText() {
		word, _, _ := strings.Cut(r.GetText()[i:], " ")
		if timed && c != ' ' && (i == 0 || r.GetText()[i-1] == ' ') {
			if err := out.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_Timing{Timing: &enginev1.Timing{
				Kind: enginev1.TimingKind_TIMING_KIND_WORD, TextOffset: int32(i), TextLength: int32(len(word)), Sample: int64(at), Samples: int64(Samples(word))}}}); err != nil {
				return err
			}
		}
		at += Samples(string(c))
		pcm = append(pcm, character(c)...)
	}
	pcm = append(pcm, silence(samplesOf(Tail))...)
	for chunk := range slices.Chunk(pcm, 2*chunk) {
		if err := out.Send(audio(chunk)); err != nil {
			return err
		}
	}
	return out.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_End{End: &enginev1.End{Samples: int64(len(pcm) / 2)}}})
}

func silence(n int) []byte {
	pcm := make([]byte, 0, 2*n)
	for range n {
		pcm = binary.LittleEndian.AppendUint16(pcm, offset)
	}
	return pcm
}

// ramp is how long a character's tone takes to come and go.
const ramp = Rate / 250

// character is a tone that comes and goes softly, in whole periods, which leave no offset, or silence for a blank.
func character(c rune) []byte {
	n := Samples(string(c))
	if c == ' ' {
		return silence(n)
	}
	pcm := make([]byte, 0, 2*n)
	for i := range n {
		v := 8000 * math.Sin(2*math.Pi*(200+20*float64(c%20))*float64(i)/Rate)
		v *= 0.5 - 0.5*math.Cos(math.Pi*min(1, float64(i)/ramp, float64(n-i)/ramp))
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(v)+offset))
	}
	return pcm
}
