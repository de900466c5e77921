package main

import (
	"context"
	"fmt"
	"sync"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/workers/flite/internal/libflite"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// profile is what is known of a voice without loading it.
type profile struct {
	id, name  string
	languages []string
	gender    enginev1.Gender
	rate      int     // Hz
	loudness  float64 // LUFS of usual speech
}

// profiles lists the voices of Debian's libflite1, the best for English first: rms is understood best (FACTS: 20 % word errors
// by pocketsphinx; kal16 26 %), kal16 costs least.
//
// All speak through the same American lexicon. awb is the voice of a Scot, so he is the nearest to en-GB that there is.
//
// The loudness is the mean of three texts of 5 to 10 s at speed 1 through libflite 2.2 at its own level, by ffmpeg's ebur128 (BS.1770,
// integrated). Each text is within 1.2 LU of it; single words of kal and kal16 are 3 LU louder.
var profiles = []profile{
	{"rms", "RMS", []string{"en-US"}, enginev1.Gender_GENDER_MALE, 16000, -21.6},
	{"slt", "SLT", []string{"en-US"}, enginev1.Gender_GENDER_FEMALE, 16000, -16.0},
	{"awb", "AWB (Scottish)", []string{"en-GB", "en-US"}, enginev1.Gender_GENDER_MALE, 16000, -20.2},
	{"kal16", "Kal", []string{"en-US"}, enginev1.Gender_GENDER_MALE, 16000, -28.2},
	{"kal", "Kal (8 kHz)", []string{"en-US"}, enginev1.Gender_GENDER_MALE, 8000, -20.2},
}

// voice is a model with one voice. Its data are pages of a shared library, so loading costs microseconds and no memory to speak
// of; unloading gives back what flite keeps about it.
type voice struct {
	profile

	mu     sync.Mutex
	open   *libflite.Voice // nil: not registered
	wanted bool            // loaded, as the caller sees it; open may outlive it until the last user has gone
	users  int
	closed chan struct{} // while open: closed when open becomes nil
}

// load registers the voice unless it is.
func (v *voice) load() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wanted = true
	if v.open != nil {
		return nil
	}
	open, err := libflite.Open(v.id)
	if err == nil && open.SampleRate != v.rate {
		open.Close()
		err = fmt.Errorf("flite's voice %s has %d Hz instead of %d", v.id, open.SampleRate, v.rate)
	}
	if err != nil {
		v.wanted = false
		return status.Error(codes.FailedPrecondition, err.Error())
	}
	v.open, v.closed = open, make(chan struct{})
	return nil
}

// unload refuses new users at once and returns when the last has gone, or when ctx is done; the voice is then freed later.
func (v *voice) unload(ctx context.Context) error {
	v.mu.Lock()
	v.wanted = false
	closed := v.closed
	v.freeIfIdle()
	gone := v.open == nil
	v.mu.Unlock()
	if gone {
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// use returns the voice for one utterance; the caller must call done once.
func (v *voice) use() (open *libflite.Voice, done func(), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.wanted {
		return nil, nil, status.Errorf(codes.FailedPrecondition, "the model %s is not loaded", v.id)
	}
	v.users++
	return v.open, v.done, nil
}

func (v *voice) done() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users--
	v.freeIfIdle()
}

// freeIfIdle needs mu.
func (v *voice) freeIfIdle() {
	if v.wanted || v.users > 0 || v.open == nil {
		return
	}
	v.open.Close()
	v.open = nil
	close(v.closed)
}

// describe returns the voice as a model.
func (v *voice) describe() *enginev1.Model {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &enginev1.Model{Id: v.id, Loaded: v.wanted, Voices: []*enginev1.Voice{{
		Id: v.id, Name: v.name, Languages: v.languages, Gender: v.gender, SampleRate: int32(v.rate), Loudness: v.loudness,
	}}}
}
