package main

import (
	"context"
	"errors"
	"fmt"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"github.com/orotund/orotund/workers/flite/internal/english"
	"github.com/orotund/orotund/workers/flite/internal/libflite"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What the engine takes.
const (
	// speedMin and speedMax bound where the length of the audio follows the speed: within 1 % from 0.25 to 1.75, 2 % at 2, then
	// less, because a state of the statistical voices lasts at least one frame of 5 ms (6 to 10 % at 4). Below 0.5 it drawls.
	speedMin = 0.5
	speedMax = 2.0
	// maxCharacters bounds the memory of a call; longer text is no use in one call anyway. Analysis does not grow with it, since
	// long text is spoken in pieces.
	maxCharacters = 5000
	// pieceCost bounds one piece, in speech sounds at speed 1, and so two times that no flag can shorten. Measured with rms, 320
	// characters in one piece of 240 sounds, an idle core: text analysis 2 ms, list of frames 8 ms, prediction of frames 50 ms (cut
	// short by libflite), smoothing 11 ms, then the first sample, at 75 to 80 ms. A call that was cancelled in the analysis was
	// gone after 15 to 24 ms, in the synthesis after 1 to 4 ms. So 300 sounds leave room for a busy core within the 50 ms that the
	// contract gives. Slower speech has more frames: the bound shrinks with the speed.
	pieceCost = 300
)

// engine implements orotund.engine.v1.Engine.
type engine struct {
	enginev1.UnimplementedEngineServer
	gate   *child.Gate
	most   int
	voices map[string]*voice
}

// newEngine returns an engine that speaks most utterances at once.
func newEngine(most int) *engine {
	e := &engine{gate: child.NewGate(most), most: most, voices: make(map[string]*voice, len(profiles))}
	for _, p := range profiles {
		e.voices[p.id] = &voice{profile: p}
	}
	return e
}

var capabilities = &enginev1.Capabilities{
	SpeedMin: speedMin, SpeedMax: speedMax, MaxCharacters: maxCharacters,
	Timings: []enginev1.TimingKind{enginev1.TimingKind_TIMING_KIND_WORD},
}

// Describe implements enginev1.EngineServer.
func (e *engine) Describe(context.Context, *enginev1.DescribeRequest) (*enginev1.DescribeResponse, error) {
	d := &enginev1.DescribeResponse{
		Name: "flite", Version: libflite.Version(), MaxConcurrency: int32(e.most), Capabilities: capabilities,
	}
	for _, p := range profiles {
		d.Models = append(d.Models, e.voices[p.id].describe())
	}
	return d, nil
}

// Load implements enginev1.EngineServer.
func (e *engine) Load(_ context.Context, req *enginev1.LoadRequest) (*enginev1.LoadResponse, error) {
	v, err := e.find("model", req.GetModel())
	if err != nil {
		return nil, err
	}
	if err := v.load(); err != nil {
		return nil, err
	}
	return &enginev1.LoadResponse{}, nil
}

// Unload implements enginev1.EngineServer.
func (e *engine) Unload(ctx context.Context, req *enginev1.UnloadRequest) (*enginev1.UnloadResponse, error) {
	v, err := e.find("model", req.GetModel())
	if err != nil {
		return nil, err
	}
	if err := v.unload(ctx); err != nil {
		return nil, err
	}
	return &enginev1.UnloadResponse{}, nil
}

// Health implements enginev1.EngineServer.
func (e *engine) Health(context.Context, *enginev1.HealthRequest) (*enginev1.HealthResponse, error) {
	return &enginev1.HealthResponse{Active: int32(e.gate.Active())}, nil
}

// Synthesize implements enginev1.EngineServer.
func (e *engine) Synthesize(req *enginev1.SynthesizeRequest, stream child.SynthesizeStream) error {
	if err := child.CheckRequest(req, capabilities); err != nil {
		return err
	}
	v, err := e.find("voice", req.GetVoice())
	if err != nil {
		return err
	}
	leave, err := e.gate.Enter(stream.Context())
	if err != nil {
		return err
	}
	defer leave()
	open, done, err := v.use()
	if err != nil {
		return err
	}
	defer done()
	u, err := child.NewUtterance(stream, req, v.rate)
	if err != nil {
		return err
	}
	return speak(stream.Context(), open, req, u)
}

// find returns the voice, or model, with an id.
func (e *engine) find(kind, id string) (*voice, error) {
	if v := e.voices[id]; v != nil {
		return v, nil
	}
	return nil, status.Errorf(codes.NotFound, "%s: flite has none with this id", kind)
}

// speak sends a request's audio to u, piece by piece.
func speak(ctx context.Context, v *libflite.Voice, req *enginev1.SynthesizeRequest, u *child.Utterance) error {
	folded := english.Fold(req.GetText())
	tokens := folded.Tokens()
	if err := warn(u, folded.Skipped, len(tokens)); err != nil {
		return err
	}
	speed := child.SpeedOf(req)
	to := &sender{utterance: u}
	for _, piece := range english.Utterances(tokens, int(pieceCost*min(speed, 1))) {
		to.begin(piece)
		switch err := v.Speak(ctx, to.words, speed, to); {
		case errors.Is(err, libflite.ErrSilent):
		case ctx.Err() != nil:
			return status.FromContextError(ctx.Err()).Err()
		case err != nil:
			return fmt.Errorf("speak a piece of %d tokens: %w", len(piece), err)
		}
	}
	return u.End()
}

// warn tells what will not be heard.
func warn(u *child.Utterance, skipped, tokens int) error {
	switch {
	case tokens == 0:
		return u.Warning("flite can say nothing of the text: %d characters were skipped", skipped)
	case skipped > 0:
		return u.Warning("flite skipped characters that it cannot say: %d", skipped)
	}
	return nil
}
