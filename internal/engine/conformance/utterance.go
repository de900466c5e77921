package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
)

// Bounds of what a stream may hold.
const (
	maxMessageMS = 100
	minRMS       = 50 // of full scale 32768: quieter speech is silence
)

// utterance is a stream that ended well.
type utterance struct {
	rate     int
	messages int // of audio
	pcm      []int16
	timings  []*enginev1.Timing
}

// speak runs one request to its end and checks everything that holds for every stream.
func (s *suite) speak(ctx context.Context, req *enginev1.SynthesizeRequest) (*utterance, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.Synthesize(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("open the stream: %w", err)
	}
	u, end := &utterance{}, (*enginev1.End)(nil)
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if end != nil {
			return nil, fmt.Errorf("%T after end", response.GetEvent())
		}
		if end, err = u.take(response); err != nil {
			return nil, err
		}
	}
	switch {
	case end == nil:
		return nil, errors.New("the stream closed without end")
	case end.GetSamples() != int64(len(u.pcm)):
		return nil, fmt.Errorf("end says %d samples; %d came", end.GetSamples(), len(u.pcm))
	case u.rate != int(s.voice.GetSampleRate()):
		return nil, fmt.Errorf("format says %d Hz; the voice has %d", u.rate, s.voice.GetSampleRate())
	}
	return u, s.checkTimings(u, req.GetText())
}

// take takes one message and returns end if it is that.
func (u *utterance) take(response *enginev1.SynthesizeResponse) (*enginev1.End, error) {
	if format := response.GetFormat(); (format == nil) == (u.rate == 0) {
		return nil, fmt.Errorf("%T: format must come first, and once", response.GetEvent())
	}
	switch event := response.GetEvent().(type) {
	case *enginev1.SynthesizeResponse_Format:
		if u.rate = int(event.Format.GetSampleRate()); u.rate < 8000 || u.rate > 48000 {
			return nil, fmt.Errorf("format says %d Hz", u.rate)
		}
	case *enginev1.SynthesizeResponse_Audio:
		n := len(event.Audio)
		switch {
		case n == 0 || n%2 != 0:
			return nil, fmt.Errorf("an audio message has %d bytes: not whole samples", n)
		case n/2 > u.rate*maxMessageMS/1000:
			return nil, fmt.Errorf("an audio message has %d ms; at most %d are allowed", n/2*1000/u.rate, maxMessageMS)
		}
		for i := 0; i < n; i += 2 {
			u.pcm = append(u.pcm, int16(binary.LittleEndian.Uint16(event.Audio[i:])))
		}
		u.messages++
	case *enginev1.SynthesizeResponse_Timing:
		u.timings = append(u.timings, event.Timing)
	case *enginev1.SynthesizeResponse_Warning:
	case *enginev1.SynthesizeResponse_End:
		return event.End, nil
	default:
		return nil, fmt.Errorf("a message without an event")
	}
	return nil, nil
}

// checkTimings checks each timing, and that words follow one another in text and time.
func (s *suite) checkTimings(u *utterance, text string) error {
	var wordEnd int32
	var wordSample int64
	for _, m := range u.timings {
		start, end := m.GetTextOffset(), m.GetTextOffset()+m.GetTextLength()
		switch {
		case !s.sends(m.GetKind()):
			return fmt.Errorf("timing of kind %v, which the capabilities do not list", m.GetKind())
		case start < 0 || m.GetTextLength() < 0 || int(end) > len(text):
			return fmt.Errorf("timing of bytes %d to %d; the text has %d", start, end, len(text))
		case !boundary(text, int(start)) || !boundary(text, int(end)):
			return fmt.Errorf("timing of bytes %d to %d, which are not whole UTF-8 characters", start, end)
		case m.GetSample() < 0 || m.GetSamples() < 0 || m.GetSample()+m.GetSamples() > int64(len(u.pcm)):
			return fmt.Errorf("timing of samples %d + %d; the audio has %d", m.GetSample(), m.GetSamples(), len(u.pcm))
		case m.GetKind() == enginev1.TimingKind_TIMING_KIND_PHONEME && m.GetPhoneme() == "":
			return errors.New("timing of a phoneme without its symbol")
		}
		if m.GetKind() == enginev1.TimingKind_TIMING_KIND_WORD {
			if start < wordEnd || m.GetSample() < wordSample || m.GetTextLength() == 0 {
				return fmt.Errorf("word at byte %d + %d, sample %d, after one that ended at byte %d and began at sample %d", start,
					m.GetTextLength(), m.GetSample(), wordEnd, wordSample)
			}
			wordEnd, wordSample = end, m.GetSample()
		}
	}
	return nil
}

// spans are the bytes that words and sentences cover, in the order in which they came.
func (u *utterance) spans() [][3]int32 {
	var out [][3]int32
	for _, m := range u.timings {
		if m.GetKind() != enginev1.TimingKind_TIMING_KIND_PHONEME {
			out = append(out, [3]int32{int32(m.GetKind()), m.GetTextOffset(), m.GetTextLength()})
		}
	}
	return out
}

func boundary(text string, i int) bool { return i == len(text) || utf8.RuneStart(text[i]) }

// rms is the root mean square of the samples.
func rms(pcm []int16) float64 {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}

// sameLength checks that two renderings differ in length by at most a part of the first.
func sameLength(want, got *utterance, tolerance float64) error {
	a, b := float64(len(want.pcm)), float64(len(got.pcm))
	if math.Abs(a-b) > tolerance*a {
		return fmt.Errorf("the audio has %d samples, not %d ± %.0f %%", len(got.pcm), len(want.pcm), tolerance*100)
	}
	return nil
}
