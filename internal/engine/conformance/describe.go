package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"golang.org/x/text/language"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// idPattern returns what the ids of models and voices look like.
func idPattern() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9._-]+$`) }

// checkDescribe checks the engine's own fields, and that the description stays the same.
func checkDescribe(ctx context.Context, s *suite) error {
	d, c := s.description, s.description.GetCapabilities()
	var errs []error
	if d.GetName() == "" || d.GetVersion() == "" {
		errs = append(errs, fmt.Errorf("name is %q and version %q; neither may be empty", d.GetName(), d.GetVersion()))
	}
	if d.GetMaxConcurrency() < 1 {
		errs = append(errs, fmt.Errorf("max_concurrency is %d; it must be 1 or more", d.GetMaxConcurrency()))
	}
	if c.GetMaxCharacters() < 0 {
		errs = append(errs, fmt.Errorf("max_characters is %d", c.GetMaxCharacters()))
	}
	if lo, hi := c.GetSpeedMin(), c.GetSpeedMax(); (lo != 0 || hi != 0) && !(lo > 0 && lo <= 1 && hi >= 1) {
		errs = append(errs, fmt.Errorf("speed is from %g to %g; the range must hold 1, or both be 0", lo, hi))
	}
	seen := map[enginev1.TimingKind]bool{enginev1.TimingKind_TIMING_KIND_UNSPECIFIED: true}
	for _, k := range c.GetTimings() {
		if seen[k] {
			errs = append(errs, fmt.Errorf("timings lists %v twice or without need", k))
		}
		seen[k] = true
	}
	again, err := s.client.Describe(ctx, &enginev1.DescribeRequest{})
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("Describe again: %w", err))...)
	}
	if !proto.Equal(withoutLoaded(d), withoutLoaded(again)) {
		errs = append(errs, errors.New("a second Describe answers otherwise"))
	}
	return errors.Join(errs...)
}

// withoutLoaded is the part of a description that may not change.
func withoutLoaded(d *enginev1.DescribeResponse) *enginev1.DescribeResponse {
	out := proto.CloneOf(d)
	for _, m := range out.GetModels() {
		m.Loaded = false
	}
	return out
}

// checkVoices checks the ids, languages and rates of all models and voices.
func checkVoices(_ context.Context, s *suite) error {
	var errs []error
	id := idPattern()
	models, voices := map[string]bool{}, map[string]bool{}
	for _, m := range s.description.GetModels() {
		if !id.MatchString(m.GetId()) || models[m.GetId()] {
			errs = append(errs, fmt.Errorf("model id %q is empty, malformed or there twice", m.GetId()))
		}
		models[m.GetId()] = true
		for _, v := range m.GetVoices() {
			if !id.MatchString(v.GetId()) || voices[v.GetId()] {
				errs = append(errs, fmt.Errorf("voice id %q is empty, malformed or there twice", v.GetId()))
			}
			voices[v.GetId()] = true
			errs = append(errs, checkVoice(v))
		}
	}
	return errors.Join(errs...)
}

func checkVoice(v *enginev1.Voice) error {
	var errs []error
	if v.GetName() == "" || len(v.GetLanguages()) == 0 {
		errs = append(errs, fmt.Errorf("voice %s has no name or no language", v.GetId()))
	}
	if v.GetSampleRate() < 8000 || v.GetSampleRate() > 48000 {
		errs = append(errs, fmt.Errorf("voice %s has %d Hz; 8000 to 48000 are allowed", v.GetId(), v.GetSampleRate()))
	}
	seen := map[string]bool{}
	for _, l := range v.GetLanguages() {
		// A ValueError is about a part that is well formed and not registered, which other versions of the registry may have.
		var unregistered language.ValueError
		if _, err := language.Parse(l); err != nil && !errors.As(err, &unregistered) {
			errs = append(errs, fmt.Errorf("voice %s: language %q is not a BCP 47 tag: %w", v.GetId(), l, err))
		}
		if seen[l] {
			errs = append(errs, fmt.Errorf("voice %s: language %q is there twice", v.GetId(), l))
		}
		seen[l] = true
	}
	return errors.Join(errs...)
}

// checkLoad checks Load and Unload, known and unknown, and that an unloaded model refuses to speak.
func checkLoad(ctx context.Context, s *suite) error {
	var errs []error
	_, err := s.client.Load(ctx, &enginev1.LoadRequest{Model: "no-such-model"})
	errs = append(errs, wantCode("Load of an unknown model", err, codes.NotFound))
	_, err = s.client.Unload(ctx, &enginev1.UnloadRequest{Model: "no-such-model"})
	errs = append(errs, wantCode("Unload of an unknown model", err, codes.NotFound))
	_, err = s.client.Load(ctx, &enginev1.LoadRequest{Model: s.model})
	errs = append(errs, wantCode("Load of a loaded model", err, codes.OK))

	_, err = s.client.Unload(ctx, &enginev1.UnloadRequest{Model: s.model})
	errs = append(errs, wantCode("Unload", err, codes.OK, codes.Unimplemented))
	if err == nil {
		_, err = s.client.Unload(ctx, &enginev1.UnloadRequest{Model: s.model})
		errs = append(errs, wantCode("Unload of an unloaded model", err, codes.OK))
		_, err = s.speak(ctx, s.request(s.opts.Text))
		errs = append(errs, wantCode("Synthesize with an unloaded model", err, codes.FailedPrecondition))
		_, err = s.client.Load(ctx, &enginev1.LoadRequest{Model: s.model})
		errs = append(errs, wantCode("Load after Unload", err, codes.OK))
	}
	_, err = s.speak(ctx, s.request(s.opts.Text))
	return errors.Join(append(errs, wantCode("Synthesize after Load", err, codes.OK))...)
}
