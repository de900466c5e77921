// SPDX-License-Identifier: GPL-3.0-or-later

// Package engine serves orotund.engine.v1 with libespeak-ng: it names the voices, checks requests, lets one in at a time, and
// turns what the library reports into the stream that the contract asks for.
package engine

import (
	"context"
	"errors"
	"fmt"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"github.com/orotund/orotund/workers/espeak/libespeak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// modelID names the engine's only model, which is the library's data.
const modelID = "espeak-ng"

// maxCharacters bounds a segment: some five minutes of speech.
const maxCharacters = 5000

// Library is what the engine needs of *libespeak.Library.
type Library interface {
	// Version is the library's version.
	Version() string
	// SampleRate is the rate of all audio in Hz.
	SampleRate() int
	// Voices are the voices that it has.
	Voices() []libespeak.Voice
	// Speak speaks plain text at a rate in words a minute; voice is a libespeak.Voice's Identifier.
	Speak(ctx context.Context, voice string, rate int, text string, sink libespeak.Sink) error
}

var (
	_ Library               = (*libespeak.Library)(nil)
	_ enginev1.EngineServer = (*Engine)(nil)
)

// Engine is the service.
type Engine struct {
	enginev1.UnimplementedEngineServer
	library     Library
	gate        *child.Gate
	description *enginev1.DescribeResponse
	voices      map[string]libraryVoice // by voice id
}

// New returns the service over an open library.
func New(library Library) *Engine {
	voices, known := catalogue(library.Voices(), library.SampleRate())
	return &Engine{
		library: library,
		gate:    child.NewGate(1),
		voices:  known,
		description: &enginev1.DescribeResponse{
			Name:           "espeak-ng",
			Version:        library.Version(),
			MaxConcurrency: 1,
			Models:         []*enginev1.Model{{Id: modelID, Loaded: true, Voices: voices}},
			Capabilities: &enginev1.Capabilities{
				SpeedMin:      minSpeed,
				SpeedMax:      maxSpeed,
				MaxCharacters: maxCharacters,
				Timings: []enginev1.TimingKind{enginev1.TimingKind_TIMING_KIND_WORD, enginev1.TimingKind_TIMING_KIND_SENTENCE,
					enginev1.TimingKind_TIMING_KIND_PHONEME},
			},
		},
	}
}

// Describe implements orotund.engine.v1.
func (e *Engine) Describe(context.Context, *enginev1.DescribeRequest) (*enginev1.DescribeResponse, error) {
	return e.description, nil
}

// Load implements orotund.engine.v1: the only model is always loaded.
func (e *Engine) Load(_ context.Context, req *enginev1.LoadRequest) (*enginev1.LoadResponse, error) {
	if err := checkModel(req.GetModel()); err != nil {
		return nil, err
	}
	return &enginev1.LoadResponse{}, nil
}

// Unload implements orotund.engine.v1: the library cannot be initialised again, so it is not given back.
func (e *Engine) Unload(_ context.Context, req *enginev1.UnloadRequest) (*enginev1.UnloadResponse, error) {
	if err := checkModel(req.GetModel()); err != nil {
		return nil, err
	}
	return nil, status.Error(codes.Unimplemented, "espeak-ng cannot free its data; end the worker instead")
}

// Health implements orotund.engine.v1.
func (e *Engine) Health(context.Context, *enginev1.HealthRequest) (*enginev1.HealthResponse, error) {
	return &enginev1.HealthResponse{Active: int32(e.gate.Active())}, nil
}

// Synthesize implements orotund.engine.v1.
func (e *Engine) Synthesize(req *enginev1.SynthesizeRequest, stream child.SynthesizeStream) error {
	if err := child.CheckRequest(req, e.description.GetCapabilities()); err != nil {
		return err
	}
	voice, ok := e.voices[req.GetVoice()]
	if !ok {
		return status.Errorf(codes.NotFound, "voice %q is not one of this engine", req.GetVoice())
	}
	leave, err := e.gate.Enter(stream.Context())
	if err != nil {
		return err
	}
	defer leave()
	utterance, err := child.NewUtterance(stream, req, e.library.SampleRate())
	if err != nil {
		return err
	}
	if n := libespeak.Controls(req.GetText()); n > 0 {
		if err := utterance.Warning("%d control characters were skipped", n); err != nil {
			return err
		}
	}
	return speak(stream.Context(), e.library, voice, req, utterance)
}

// speak runs the library and finishes the stream.
func speak(ctx context.Context, library Library, voice libraryVoice, req *enginev1.SynthesizeRequest, utterance *child.Utterance) error {
	marks := newTracker(req.GetText(), utterance.Timing)
	rate := wordsPerMinute(child.SpeedOf(req), voice.pace)
	err := library.Speak(ctx, voice.identifier, rate, req.GetText(), &sink{utterance: utterance, marks: marks})
	switch {
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case err != nil:
		var st interface{ GRPCStatus() *status.Status }
		if errors.As(err, &st) { // the stream's own
			return err
		}
		return status.Error(codes.Internal, fmt.Sprintf("espeak-ng could not speak the segment: %v", err))
	}
	if err := marks.finish(utterance.Samples()); err != nil {
		return err
	}
	return utterance.End()
}

// sink passes on what the library makes.
type sink struct {
	utterance *child.Utterance
	marks     *tracker
}

// Audio implements libespeak.Sink.
func (s *sink) Audio(samples []int16) error {
	return s.utterance.Audio(child.SampleBytes(samples, nil))
}

// Event implements libespeak.Sink.
func (s *sink) Event(e libespeak.Event) error { return s.marks.take(e) }

func checkModel(id string) error {
	if id != modelID {
		return status.Errorf(codes.NotFound, "model %q is not one of this engine; it has %q", id, modelID)
	}
	return nil
}
