package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// freeWithin bounds how long an engine may be busy after a cancel. The contract says 50 ms; this allows for a loaded machine.
const freeWithin = 2 * time.Second

// leastLikeness is how much the loudness of a text spoken after a cancel must be like that of the text spoken before one.
const leastLikeness = 0.95

// running is a call that has sent its first audio and is not read any further.
type running struct {
	stream grpc.ServerStreamingClient[enginev1.SynthesizeResponse]
	cancel context.CancelFunc
}

// start begins to speak the long text and reads up to the given number of audio messages.
func (s *suite) start(ctx context.Context, messages int) (*running, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.client.Synthesize(ctx, s.request(s.long()))
	for n := 0; err == nil && n < messages; {
		var response *enginev1.SynthesizeResponse
		if response, err = stream.Recv(); err == nil && len(response.GetAudio()) > 0 {
			n++
		}
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("begin a long text: %w", err)
	}
	return &running{stream: stream, cancel: cancel}, nil
}

// again speaks the text as soon as the engine is free.
func (s *suite) again(ctx context.Context) (*utterance, error) {
	begin := time.Now()
	for {
		u, err := s.speak(ctx, s.request(s.opts.Text))
		if status.Code(err) == codes.ResourceExhausted {
			if time.Since(begin) < freeWithin {
				time.Sleep(time.Millisecond) // as a caller that tries again would
				continue
			}
			return nil, fmt.Errorf("the engine was not free %v after a cancel: %w", freeWithin, err)
		}
		return u, err
	}
}

// checkCancel checks that a cancelled call frees the engine, and that nothing of its text is heard in the next.
func checkCancel(ctx context.Context, s *suite) error {
	want, err := s.speak(ctx, s.request(s.opts.Text))
	if err != nil {
		return err
	}
	for messages := range 12 {
		r, err := s.start(ctx, messages)
		if err != nil {
			return err
		}
		r.cancel()
		got, err := s.again(ctx)
		if err != nil {
			return fmt.Errorf("after a call cancelled at message %d: %w", messages, err)
		}
		if err := sameLength(want, got, s.opts.LengthTolerance); err != nil {
			return fmt.Errorf("after a call cancelled at message %d: %w", messages, err)
		}
		if l := likeness(want, got); l < leastLikeness {
			return fmt.Errorf("after a call cancelled at message %d the text sounds otherwise (likeness %.2f)", messages, l)
		}
		if !slices.Equal(want.spans(), got.spans()) {
			return fmt.Errorf("after a call cancelled at message %d other words are marked", messages)
		}
	}
	return nil
}

// checkCancelUnread checks that a call whose client stopped to read, and then leaves, frees the engine too.
func checkCancelUnread(ctx context.Context, s *suite) error {
	for range 3 {
		r, err := s.start(ctx, 1)
		if err != nil {
			return err
		}
		err = s.waitActive(ctx, 1)
		r.cancel()
		if err != nil {
			return err
		}
		if _, err := s.again(ctx); err != nil {
			return err
		}
	}
	return s.waitActive(ctx, 0)
}

// checkHealth checks that Health answers while a text is spoken, and counts it.
func checkHealth(ctx context.Context, s *suite) error {
	if err := s.waitActive(ctx, 0); err != nil {
		return err
	}
	r, err := s.start(ctx, 1)
	if err != nil {
		return err
	}
	defer r.cancel()
	for range 5 {
		h, err := s.client.Health(ctx, &enginev1.HealthRequest{})
		if err != nil {
			return fmt.Errorf("Health: %w", err)
		}
		if h.GetActive() != 1 {
			return fmt.Errorf("Health says that %d calls are active; 1 is", h.GetActive())
		}
	}
	r.cancel()
	return s.waitActive(ctx, 0)
}

// waitActive waits until Health counts n calls.
func (s *suite) waitActive(ctx context.Context, n int32) error {
	for begin := time.Now(); ; {
		h, err := s.client.Health(ctx, &enginev1.HealthRequest{})
		switch {
		case err != nil:
			return fmt.Errorf("Health: %w", err)
		case h.GetActive() == n:
			return nil
		case time.Since(begin) > freeWithin:
			return fmt.Errorf("Health counts %d calls %v on; %d run", h.GetActive(), freeWithin, n)
		}
		time.Sleep(time.Millisecond) // between two questions to another process
	}
}

// mostTried is the greatest max_concurrency that is tried out.
const mostTried = 16

// checkConcurrency checks that as many texts as promised are spoken at once, and that one more is refused and does not hurt them.
func checkConcurrency(ctx context.Context, s *suite) error {
	most := int(s.description.GetMaxConcurrency())
	if most > mostTried {
		return nil
	}
	for range most {
		r, err := s.start(ctx, 1)
		if err != nil {
			return err
		}
		defer r.cancel()
		defer drainAfterCancel(r)
	}
	_, err := s.speak(ctx, s.request(s.opts.Text))
	return errors.Join(
		wantCode(fmt.Sprintf("call %d at once", most+1), err, codes.ResourceExhausted),
		s.waitActive(ctx, int32(most)))
}

// drainAfterCancel cancels a call and waits for its end at the client.
func drainAfterCancel(r *running) {
	r.cancel()
	for {
		if _, err := r.stream.Recv(); err != nil {
			return
		}
	}
}
