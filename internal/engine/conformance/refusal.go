package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// secret stands in texts that are refused; no message may hold it.
const secret = "Xylophonquark"

// wantCode checks the code of an error; nil is OK.
func wantCode(what string, err error, want ...codes.Code) error {
	got := status.Code(err)
	for _, c := range want {
		if got == c {
			return nil
		}
	}
	if err == nil {
		return fmt.Errorf("%s: succeeded, want %v", what, want)
	}
	return fmt.Errorf("%s: got %v (%w), want %v", what, got, err, want)
}

// checkBadRequests checks the codes of requests that cannot be spoken, that their messages do not repeat the text, and that the
// engine speaks afterwards.
func checkBadRequests(ctx context.Context, s *suite) error {
	caps := s.description.GetCapabilities()
	type bad struct {
		what string
		req  *enginev1.SynthesizeRequest
		want codes.Code
	}
	voice := s.voice.GetId()
	cases := []bad{
		{"unknown voice", &enginev1.SynthesizeRequest{Text: secret, Voice: "no-such-voice"}, codes.NotFound},
		{"no voice", &enginev1.SynthesizeRequest{Text: secret}, codes.NotFound},
		{"empty text", &enginev1.SynthesizeRequest{Voice: voice}, codes.InvalidArgument},
		{"negative speed", &enginev1.SynthesizeRequest{Text: secret, Voice: voice, Speed: -1}, codes.InvalidArgument},
		{"speed above the range", &enginev1.SynthesizeRequest{Text: secret, Voice: voice, Speed: max(caps.GetSpeedMax(), 1) * 1.01},
			codes.InvalidArgument},
		{"speed that is no number", &enginev1.SynthesizeRequest{Text: secret, Voice: voice, Speed: math.NaN()}, codes.InvalidArgument},
		{"infinite speed", &enginev1.SynthesizeRequest{Text: secret, Voice: voice, Speed: math.Inf(1)}, codes.InvalidArgument},
	}
	if most := int(caps.GetMaxCharacters()); most > 0 {
		long := strings.Repeat("é", most+1-len(secret)) + secret
		cases = append(cases, bad{"text too long", &enginev1.SynthesizeRequest{Text: long, Voice: voice}, codes.InvalidArgument})
	}
	var errs []error
	for _, c := range cases {
		_, err := s.speak(ctx, c.req)
		errs = append(errs, wantCode(c.what, err, c.want))
		if err != nil && strings.Contains(err.Error(), secret) {
			errs = append(errs, fmt.Errorf("%s: the message holds the text of the request", c.what))
		}
	}
	if _, err := s.speak(ctx, s.request(s.opts.Text)); err != nil {
		errs = append(errs, fmt.Errorf("after the refusals: %w", err))
	}
	return errors.Join(errs...)
}

// checkMalformed sends text that is not UTF-8, and bytes that are no message. Some gRPC libraries refuse them with INTERNAL before
// the engine sees them; what counts is that they are refused and the engine lives.
func checkMalformed(ctx context.Context, s *suite) error {
	if s.opts.Conn == nil {
		return nil
	}
	badText := protowire.AppendTag(nil, 1, protowire.BytesType)
	badText = protowire.AppendBytes(badText, []byte("abc \xff\xfe "+secret))
	badText = protowire.AppendTag(badText, 2, protowire.BytesType)
	badText = protowire.AppendString(badText, s.voice.GetId())
	var errs []error
	for _, message := range [][]byte{badText, []byte("\x0a\xff\xff\xff\xff\x0f"), {0xff}} {
		err := s.sendRaw(ctx, message)
		errs = append(errs, wantCode("malformed request", err, codes.InvalidArgument, codes.Internal))
		if err != nil && strings.Contains(err.Error(), secret) {
			errs = append(errs, errors.New("malformed request: the message holds the text of the request"))
		}
	}
	if _, err := s.speak(ctx, s.request(s.opts.Text)); err != nil {
		errs = append(errs, fmt.Errorf("after the malformed requests: %w", err))
	}
	return errors.Join(errs...)
}

// sendRaw calls Synthesize with these bytes as the request and returns how the call ended.
func (s *suite) sendRaw(ctx context.Context, message []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.opts.Conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, enginev1.Engine_Synthesize_FullMethodName,
		grpc.ForceCodec(rawCodec{}))
	if err != nil {
		return err
	}
	if err := stream.SendMsg(message); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var answer []byte
	return stream.RecvMsg(&answer)
}

// rawCodec passes bytes through.
type rawCodec struct{}

// Marshal implements encoding.Codec.
func (rawCodec) Marshal(v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("raw codec: %T is not bytes", v)
	}
	return b, nil
}

// Unmarshal implements encoding.Codec.
func (rawCodec) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("raw codec: %T is not bytes", v)
	}
	*b = append((*b)[:0], data...)
	return nil
}

// Name implements encoding.Codec. It is the usual one's name, which is what the server looks for.
func (rawCodec) Name() string { return "proto" }

// checkNothingToSay sends text without a word. An engine may refuse it or answer with little or no audio, but in a whole stream.
func checkNothingToSay(ctx context.Context, s *suite) error {
	var errs []error
	for _, text := range []string{" ", "\n\t ", "…", ".", "\u200b", "\u00a0", "-", "。"} {
		u, err := s.speak(ctx, s.request(text))
		errs = append(errs, wantCode(fmt.Sprintf("text %q", text), err, codes.OK, codes.InvalidArgument))
		if err == nil && len(u.pcm) > 5*u.rate {
			errs = append(errs, fmt.Errorf("text %q: %d s of audio", text, len(u.pcm)/u.rate))
		}
	}
	return errors.Join(errs...)
}
