package child

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/fault"
	"google.golang.org/grpc"
)

// SynthesizeStream is the server's end of one orotund.engine.v1 Synthesize call.
type SynthesizeStream = grpc.ServerStreamingServer[enginev1.SynthesizeResponse]

// Utterance writes the answer to one Synthesize call: the format first, audio in growing frames, timings and warnings, the end
// with the count of samples. It is used by one goroutine.
//
// It reuses its messages: gRPC serialises a message before Send returns.
type Utterance struct {
	stream  SynthesizeStream
	timings []enginev1.TimingKind // wanted
	framer  *Framer
	samples int64
	message enginev1.SynthesizeResponse
	audio   enginev1.SynthesizeResponse_Audio
	timing  enginev1.SynthesizeResponse_Timing
}

// NewUtterance sends the format and returns an Utterance that answers req, with audio of sampleRate Hz.
func NewUtterance(stream SynthesizeStream, req *enginev1.SynthesizeRequest, sampleRate int) (*Utterance, error) {
	u := &Utterance{stream: stream, timings: req.GetTimings()}
	u.framer = NewFramer(sampleRate, u.frame)
	u.message.Event = &enginev1.SynthesizeResponse_Format{Format: &enginev1.AudioFormat{SampleRate: int32(sampleRate)}}
	if err := u.send(); err != nil {
		return nil, err
	}
	return u, nil
}

// Audio takes whole signed 16-bit little-endian mono samples, any number, and does not keep pcm. After an error, which is the
// stream's own, nothing more can be sent.
func (u *Utterance) Audio(pcm []byte) error {
	u.samples += int64(len(pcm) / pcmSample)
	return u.framer.Write(pcm)
}

// Samples returns how many samples Audio has taken.
func (u *Utterance) Samples() int64 { return u.samples }

// Timing sends a timing at once, if its kind is wanted, and does not keep it; it may concern audio that the next frame will bring.
func (u *Utterance) Timing(t *enginev1.Timing) error {
	if !slices.Contains(u.timings, t.GetKind()) {
		return nil
	}
	u.timing.Timing = t
	u.message.Event = &u.timing
	return u.send()
}

// Warning sends a remark for the operator or the user, which must not hold text of the request.
func (u *Utterance) Warning(format string, args ...any) error {
	u.message.Event = &enginev1.SynthesizeResponse_Warning{Warning: fmt.Sprintf(format, args...)}
	return u.send()
}

// End sends what is left of the audio, and the end.
func (u *Utterance) End() error {
	if err := u.framer.Flush(); err != nil {
		return err
	}
	u.message.Event = &enginev1.SynthesizeResponse_End{End: &enginev1.End{Samples: u.samples}}
	return u.send()
}

func (u *Utterance) frame(pcm []byte) error {
	u.audio.Audio = pcm
	u.message.Event = &u.audio
	return u.send()
}

func (u *Utterance) send() error { return u.stream.Send(&u.message) }

// CheckRequest returns the INVALID_ARGUMENT error, with the field named, for a request whose text or speed the engine does not
// take, else nil. Whether the voice exists is the engine's to say.
func CheckRequest(req *enginev1.SynthesizeRequest, caps *enginev1.Capabilities) error {
	switch n := utf8.RuneCountInString(req.GetText()); {
	case n == 0:
		return invalid("text", "text is empty")
	case !utf8.ValidString(req.GetText()):
		return invalid("text", "text is not valid UTF-8")
	case caps.GetMaxCharacters() > 0 && n > int(caps.GetMaxCharacters()):
		return invalid("text", "text has %d characters; at most %d are taken", n, caps.GetMaxCharacters())
	}
	return checkSpeed(req.GetSpeed(), caps.GetSpeedMin(), caps.GetSpeedMax())
}

func checkSpeed(speed, lowest, highest float64) error {
	if lowest == 0 && highest == 0 { // not natively
		lowest, highest = 1, 1
	}
	if speed == 0 {
		return nil
	}
	if math.IsNaN(speed) || speed < lowest || speed > highest {
		return invalid("speed", "speed is %g; it must be from %g to %g", speed, lowest, highest)
	}
	return nil
}

// invalid returns INVALID_ARGUMENT about a field, with the field in the details.
func invalid(field, format string, args ...any) error {
	return fault.ToGRPC(fault.InvalidField(field, format, args...))
}

// SpeedOf returns a request's speed: 0 stands for 1.
func SpeedOf(req *enginev1.SynthesizeRequest) float64 {
	if s := req.GetSpeed(); s != 0 {
		return s
	}
	return 1
}
