package remote

import (
	"strconv"
	"strings"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
)

func TestReadRefusesABadDescription(t *testing.T) {
	good := func() *enginev1.DescribeResponse {
		return &enginev1.DescribeResponse{Name: "x", Models: []*enginev1.Model{{Id: "m", Voices: []*enginev1.Voice{
			{Id: "a", Languages: []string{"en-US"}, SampleRate: 22050}}}}}
	}
	e := &Engine{id: "e"}
	if d, _, err := e.read(good()); err != nil || d.Voices[0].ID != "e.a" {
		t.Fatal(d, err)
	}
	for want, spoil := range map[string]func(*enginev1.DescribeResponse){
		"no voices":         func(r *enginev1.DescribeResponse) { r.Models = nil },
		"model id":          func(r *enginev1.DescribeResponse) { r.Models[0].Id = "A B" },
		"voice id \"../x\"": func(r *enginev1.DescribeResponse) { r.Models[0].Voices[0].Id = "../x" },
		"twice": func(r *enginev1.DescribeResponse) {
			r.Models[0].Voices = append(r.Models[0].Voices, r.Models[0].Voices[0])
		},
		"sample rate 5":       func(r *enginev1.DescribeResponse) { r.Models[0].Voices[0].SampleRate = 5 },
		"not a language tag":  func(r *enginev1.DescribeResponse) { r.Models[0].Voices[0].Languages = []string{"English!"} },
		"must hold 1":         func(r *enginev1.DescribeResponse) { r.Capabilities = &enginev1.Capabilities{SpeedMin: 2, SpeedMax: 3} },
		"max_characters":      func(r *enginev1.DescribeResponse) { r.Capabilities = &enginev1.Capabilities{MaxCharacters: -1} },
		"more than 10000 voi": func(r *enginev1.DescribeResponse) { r.Models[0].Voices = manyVoices() },
	} {
		r := good()
		spoil(r)
		if _, _, err := e.read(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func manyVoices() []*enginev1.Voice {
	v := make([]*enginev1.Voice, maxVoices+1)
	for i := range v {
		v[i] = &enginev1.Voice{Id: "v" + strconv.Itoa(i), SampleRate: 16000}
	}
	return v
}
