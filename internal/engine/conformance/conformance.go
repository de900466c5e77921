// Package conformance is the one test suite that every engine runs: it checks a server of orotund.engine.v1 against what the
// contract says, from outside, over a real connection. What it cannot see from outside (the handshake, the end of the process) is
// tested where workers are started.
package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// window is the flow-control window of the suite's connection: gRPC's least. Some checks need a call that waits for its reader.
const window = 64 << 10

// Options fit the suite to an engine. The zero value fits one that speaks English.
type Options struct {
	// Voice is the id of the voice that speaks; empty: the first that speaks English.
	Voice string
	// Text is a sentence of some 40 characters and several words in the voice's language; empty: an English one.
	Text string
	// Conn is the client's connection. If it is set, malformed messages are sent too.
	Conn grpc.ClientConnInterface
	// SpeedTolerance is how far the length may be from what a speed promises, as a part of it; 0 stands for 0.12.
	SpeedTolerance float64
	// LengthTolerance is how far two renderings of one text may differ in length; 0 stands for 0.02.
	LengthTolerance float64
	// Timeout bounds each check; 0 stands for a minute.
	Timeout time.Duration
}

// DialOptions are what the connection to the engine must be dialled with: without TLS, and with a small window that does not grow,
// so that an engine cannot send a long text whole to a client that does not read.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(window),
		grpc.WithInitialConnWindowSize(16 * window), // or a call that waits would hold up the others
	}
}

// Run checks the engine behind client and fails t where the engine breaks the contract. The checks run one after another and leave
// the engine idle, with the model of the voice loaded. client's connection was dialled with DialOptions.
func Run(t *testing.T, client enginev1.EngineClient, opts Options) {
	t.Helper()
	opts = opts.withDefaults()
	ctx, cancel := context.WithTimeout(t.Context(), opts.Timeout)
	s, err := newSuite(ctx, client, opts)
	cancel()
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), opts.Timeout)
			defer cancel()
			if err := c.run(ctx, s); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one demand of the contract. It returns what the engine got wrong, joined.
type check struct {
	name string
	run  func(ctx context.Context, s *suite) error
}

// checks are all checks, in order: those that show whether speech works at all come first.
func checks() []check {
	return []check{
		{"describe", checkDescribe},
		{"voices", checkVoices},
		{"load", checkLoad},
		{"stream", checkStream},
		{"word timings", checkWords},
		{"no timings unasked", checkUnasked},
		{"multi-byte text", checkMultiByte},
		{"repeatable", checkRepeatable},
		{"speed", checkSpeed},
		{"bad requests", checkBadRequests},
		{"malformed message", checkMalformed},
		{"nothing to say", checkNothingToSay},
		{"markup is text", checkMarkup},
		{"health while speaking", checkHealth},
		{"concurrency", checkConcurrency},
		{"cancel", checkCancel},
		{"cancel without reading", checkCancelUnread},
	}
}

// suite is what the checks share.
type suite struct {
	client      enginev1.EngineClient
	opts        Options
	description *enginev1.DescribeResponse
	model       string          // that brings the voice
	voice       *enginev1.Voice // that speaks
}

func (o Options) withDefaults() Options {
	if o.Text == "" {
		o.Text = "Seven small boats sailed home before the storm."
	}
	if o.SpeedTolerance == 0 {
		o.SpeedTolerance = 0.12
	}
	if o.LengthTolerance == 0 {
		o.LengthTolerance = 0.02
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	return o
}

// newSuite asks the engine what it has, picks the voice and loads its model.
func newSuite(ctx context.Context, client enginev1.EngineClient, opts Options) (*suite, error) {
	d, err := client.Describe(ctx, &enginev1.DescribeRequest{})
	if err != nil {
		return nil, fmt.Errorf("Describe: %w", err)
	}
	s := &suite{client: client, opts: opts, description: d}
	for _, m := range d.GetModels() {
		for _, v := range m.GetVoices() {
			if s.voice == nil && (v.GetId() == opts.Voice || opts.Voice == "" && speaksEnglish(v)) {
				s.model, s.voice = m.GetId(), v
			}
		}
	}
	if s.voice == nil {
		return nil, fmt.Errorf("no voice fits the options (Voice is %q)", opts.Voice)
	}
	if _, err := client.Load(ctx, &enginev1.LoadRequest{Model: s.model}); err != nil {
		return nil, fmt.Errorf("Load(%q): %w", s.model, err)
	}
	return s, nil
}

func speaksEnglish(v *enginev1.Voice) bool {
	for _, l := range v.GetLanguages() {
		if l == "en" || strings.HasPrefix(l, "en-") {
			return true
		}
	}
	return false
}

// long returns the text again and again: as much as the engine takes, at most about 4000 characters.
func (s *suite) long() string {
	most := 4000
	if m := int(s.description.GetCapabilities().GetMaxCharacters()); m > 0 {
		most = min(most, m)
	}
	return strings.TrimSpace(strings.Repeat(s.opts.Text+" ", max(most/(len([]rune(s.opts.Text))+1), 1)))
}

// request returns a request for text in the suite's voice.
func (s *suite) request(text string) *enginev1.SynthesizeRequest {
	return &enginev1.SynthesizeRequest{Text: text, Voice: s.voice.GetId(), Timings: s.description.GetCapabilities().GetTimings()}
}

func (s *suite) sends(kind enginev1.TimingKind) bool {
	for _, k := range s.description.GetCapabilities().GetTimings() {
		if k == kind {
			return true
		}
	}
	return false
}
