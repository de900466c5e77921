package conformance

import (
	"context"
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Facts of the speaker.
const (
	rate       = 8000
	letterTime = rate / 15 // samples of one character
	mostAtOnce = 2
)

// speaker is an engine that plays one tone for each letter and follows the contract, but for one fault. The suite is tested with it.
type speaker struct {
	enginev1.UnimplementedEngineServer
	fault string
	gate  *child.Gate
	done  chan struct{} // closed when the test ends

	mu       sync.Mutex
	loaded   bool
	calls    int     // Describe or Synthesize, for faults that come and go
	sticky   float64 // speed that a markup left behind
	leftover string  // text that was broken off
}

func newSpeaker(fault string) *speaker {
	return &speaker{fault: fault, gate: child.NewGate(mostAtOnce), done: make(chan struct{}), loaded: true}
}

// Describe implements orotund.engine.v1.
func (s *speaker) Describe(context.Context, *enginev1.DescribeRequest) (*enginev1.DescribeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	d := &enginev1.DescribeResponse{
		Name: "speaker", Version: "1", MaxConcurrency: mostAtOnce,
		Models: []*enginev1.Model{{Id: "tones", Loaded: s.loaded, Voices: []*enginev1.Voice{
			{Id: "sine", Name: "Sine", Languages: []string{"en"}, SampleRate: rate}}}},
		Capabilities: &enginev1.Capabilities{SpeedMin: 0.5, SpeedMax: 2, MaxCharacters: 3000,
			Timings: []enginev1.TimingKind{enginev1.TimingKind_TIMING_KIND_WORD}},
	}
	voice := d.Models[0].Voices[0]
	switch s.fault {
	case "description changes":
		d.Version = strings.Repeat("1", s.calls)
	case "no concurrency":
		d.MaxConcurrency = 0
	case "bad id":
		voice.Id = "Sine Wave"
	case "bad language":
		voice.Languages = append(voice.Languages, "english_us!")
	case "wrong rate":
		voice.SampleRate = 16000
	}
	return d, nil
}

// Load implements orotund.engine.v1.
func (s *speaker) Load(_ context.Context, req *enginev1.LoadRequest) (*enginev1.LoadResponse, error) {
	return &enginev1.LoadResponse{}, s.setLoaded(req.GetModel(), true)
}

// Unload implements orotund.engine.v1.
func (s *speaker) Unload(_ context.Context, req *enginev1.UnloadRequest) (*enginev1.UnloadResponse, error) {
	return &enginev1.UnloadResponse{}, s.setLoaded(req.GetModel(), s.fault == "unload does nothing")
}

func (s *speaker) setLoaded(model string, loaded bool) error {
	if model != "tones" && s.fault != "any model" {
		return status.Error(codes.NotFound, "no such model")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = loaded
	return nil
}

// Health implements orotund.engine.v1.
func (s *speaker) Health(context.Context, *enginev1.HealthRequest) (*enginev1.HealthResponse, error) {
	if s.fault == "health does not count" {
		return &enginev1.HealthResponse{}, nil
	}
	return &enginev1.HealthResponse{Active: int32(s.gate.Active())}, nil
}

// Synthesize implements orotund.engine.v1.
func (s *speaker) Synthesize(req *enginev1.SynthesizeRequest, stream child.SynthesizeStream) error {
	if err := s.refuse(req); err != nil {
		return err
	}
	if s.fault != "no limit" {
		leave, err := s.gate.Enter(stream.Context())
		if err != nil {
			return err
		}
		if s.fault != "never leaves" {
			defer leave()
		}
	}
	text, speed := s.begin(req)
	if s.fault == "format late" {
		if err := stream.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_Audio{Audio: []byte{1, 0}}}); err != nil {
			return err
		}
	}
	switch s.fault { // Utterance sends what is asked for, so the faults ask
	case "phoneme without need":
		req.Timings = append(req.Timings, enginev1.TimingKind_TIMING_KIND_PHONEME)
	case "timings unasked":
		req.Timings = []enginev1.TimingKind{enginev1.TimingKind_TIMING_KIND_WORD}
	}
	u, err := child.NewUtterance(stream, req, rate)
	if err != nil {
		return err
	}
	if err := s.play(u, stream, text, speed); err != nil {
		s.mu.Lock()
		s.leftover = req.GetText()
		s.mu.Unlock()
		return err
	}
	switch s.fault {
	case "no end":
		return nil
	case "wrong count":
		return stream.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_End{End: &enginev1.End{Samples: u.Samples() + 1}}})
	}
	return u.End()
}

// refuse checks the request as an engine should, less the fault.
func (s *speaker) refuse(req *enginev1.SynthesizeRequest) error {
	s.mu.Lock()
	loaded := s.loaded
	s.mu.Unlock()
	caps := &enginev1.Capabilities{SpeedMin: 0.5, SpeedMax: 2, MaxCharacters: 3000}
	err := child.CheckRequest(req, caps)
	switch {
	case s.fault == "speed is not checked" && req.GetText() != "":
		err = nil
	case s.fault == "text in the error" && err != nil:
		return status.Errorf(codes.InvalidArgument, "cannot speak %q", req.GetText())
	case s.fault == "wrong code" && err != nil:
		return status.Error(codes.Unknown, "no")
	case s.fault == "nothing to say is an error" && strings.TrimSpace(req.GetText()) == "" && req.GetText() != "":
		return status.Error(codes.Internal, "division by zero")
	}
	if err != nil {
		return err
	}
	if req.GetVoice() != "sine" && s.fault != "any voice" {
		return status.Error(codes.NotFound, "no such voice")
	}
	if !loaded {
		return status.Error(codes.FailedPrecondition, "not loaded")
	}
	return nil
}

// begin applies the faults that change what is spoken.
func (s *speaker) begin(req *enginev1.SynthesizeRequest) (text string, speed float64) {
	text, speed = req.GetText(), child.SpeedOf(req)
	if !(speed >= 0.1 && speed <= 4) { // where a fault let it through
		speed = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	switch {
	case s.fault == "speed is ignored":
		speed = 1
	case s.fault == "length varies" && s.calls%2 == 0:
		speed *= 1.1
	case s.fault == "comments are obeyed" && strings.HasPrefix(text, "<!--"):
		text = " "
	case s.fault == "breaks are obeyed" && strings.Contains(text, "<break"):
		text += strings.Repeat(" ", 60*rate/letterTime)
	case s.fault == "commands last":
		if strings.HasPrefix(text, "\x01") {
			s.sticky = 1.5
		} else if s.sticky > 0 {
			speed = s.sticky
		}
	case s.fault == "old text is heard" && s.leftover != "":
		text, s.leftover = s.leftover[:6]+text, ""
	case s.fault == "old text replaces" && s.leftover != "":
		text, s.leftover = strings.Repeat("zz a", len(text))[:len(text)], ""
	}
	return text, speed
}

// play plays text, a tone for each letter and silence for the rest, with a timing at each word.
func (s *speaker) play(u *child.Utterance, stream child.SynthesizeStream, text string, speed float64) error {
	samples := make([]int16, int(letterTime/speed))
	inWord, characters := false, 0
	for i, r := range text {
		if err := stream.Context().Err(); err != nil && s.fault != "deaf to cancel" {
			return status.FromContextError(err).Err()
		}
		if letter := unicode.IsLetter(r); letter && !inWord {
			offset := i
			if s.fault == "offsets in characters" {
				offset = characters
			}
			if err := s.mark(u, text, i, offset); err != nil && s.fault != "deaf to cancel" {
				return err
			}
		}
		inWord = unicode.IsLetter(r)
		tone(samples, r, inWord && s.fault != "silent")
		if err := s.audio(u, stream, child.SampleBytes(samples, nil)); err != nil && s.fault != "deaf to cancel" {
			return err
		}
		characters++
	}
	if s.fault == "deaf to cancel" && stream.Context().Err() != nil {
		<-s.done // as if it computed on
	}
	return nil
}

func (s *speaker) audio(u *child.Utterance, stream child.SynthesizeStream, pcm []byte) error {
	switch s.fault {
	case "odd bytes":
		return stream.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_Audio{Audio: pcm[:3]}})
	case "large messages":
		return stream.Send(&enginev1.SynthesizeResponse{Event: &enginev1.SynthesizeResponse_Audio{Audio: make([]byte, rate)}})
	}
	return u.Audio(pcm)
}

func (s *speaker) mark(u *child.Utterance, text string, start, offset int) error {
	end := start
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if !unicode.IsLetter(r) {
			break
		}
		end += n
	}
	m := &enginev1.Timing{Kind: enginev1.TimingKind_TIMING_KIND_WORD, TextOffset: int32(offset), TextLength: int32(end - start), Sample: u.Samples()}
	switch s.fault {
	case "words go missing":
		if start > 0 {
			return nil
		}
	case "timing past the end":
		m.Sample += 1 << 40
	case "phoneme without need":
		m.Kind = enginev1.TimingKind_TIMING_KIND_PHONEME
	}
	return u.Timing(m)
}

// tone fills samples with a tone whose loudness and pitch are the letter's.
func tone(samples []int16, r rune, sound bool) {
	for i := range samples {
		samples[i] = 0
		if sound {
			samples[i] = int16(float64(1000+(r*977)%15000) * math.Sin(float64(i)*float64(200+r%32*20)*2*math.Pi/rate))
		}
	}
}
