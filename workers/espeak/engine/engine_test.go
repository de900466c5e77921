// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/engine/conformance"
	"github.com/orotund/orotund/internal/worker/childtest"
	"github.com/orotund/orotund/workers/espeak/libespeak"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// library is opened once, as in a worker: the C library allows no more.
var library *libespeak.Library

func TestMain(m *testing.M) {
	var err error
	if library, err = libespeak.Open(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// dial serves an engine as a worker does, on a Unix socket, and returns a connection to it.
func dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	return childtest.Serve(t, func(s *grpc.Server) { enginev1.RegisterEngineServer(s, New(library)) }, conformance.DialOptions()...)
}

func TestConformance(t *testing.T) {
	for _, opts := range []conformance.Options{
		{Voice: "en-us"},
		{Voice: "en-gb"},
		{Voice: "cmn-latn-pinyin", Text: "今天天气很好，我们一起去公园里散步，然后回家吃晚饭，看一场有意思的电影吧。"},
		{Voice: "ru", Text: "Сегодня хорошая погода, поэтому мы идём гулять в парк."},
	} {
		t.Run(opts.Voice, func(t *testing.T) {
			conn := dial(t)
			opts.Conn = conn
			// The library reads past the end of a clause, where older texts have left something: what was spoken before
			// changes a pause or a vowel here and there.
			opts.LengthTolerance = 0.04
			conformance.Run(t, enginev1.NewEngineClient(conn), opts)
		})
	}
}

func TestDescribe(t *testing.T) {
	d, err := New(library).Describe(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	voices := d.GetModels()[0].GetVoices()
	if len(voices) < 100 {
		t.Errorf("%d voices; espeak-ng has more than a hundred", len(voices))
	}
	byID := map[string]*enginev1.Voice{}
	for _, v := range voices {
		byID[v.GetId()] = v
	}
	if v := byID["cmn-latn-pinyin"]; v == nil || !slices.Equal(v.GetLanguages()[:2], []string{"zh-CN", "zh"}) {
		t.Errorf("the Mandarin voice is %v", v)
	}
	if byID["cmn"] != nil {
		t.Error("the Mandarin voice that reads pinyin as English is offered")
	}
	for _, id := range []string{"en-us", "en-gb", "de", "fr-fr", "yue", "yue-latn-jyutping", "ja"} {
		if byID[id] == nil {
			t.Errorf("there is no voice %q", id)
		}
	}
	for id, v := range byID {
		if id != "cmn-latn-pinyin" && slices.Contains(v.GetLanguages(), "zh") {
			t.Errorf("%s says that it speaks zh", id)
		}
	}
}

// TestEveryVoiceSpeaks sets each voice and has it speak, so that none is offered that the library cannot load.
func TestEveryVoiceSpeaks(t *testing.T) {
	client := enginev1.NewEngineClient(dial(t))
	d, err := client.Describe(t.Context(), &enginev1.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range d.GetModels()[0].GetVoices() {
		samples, err := count(t.Context(), client, &enginev1.SynthesizeRequest{Text: "salam dunia, 1 2 3 4", Voice: v.GetId()})
		if err != nil || samples < int64(v.GetSampleRate())/2 {
			t.Errorf("%s: %d samples, %v", v.GetId(), samples, err)
		}
	}
}

// count speaks req to its end and returns how many samples end tells.
func count(ctx context.Context, client enginev1.EngineClient, req *enginev1.SynthesizeRequest) (samples int64, err error) {
	stream, err := client.Synthesize(ctx, req)
	if err != nil {
		return 0, err
	}
	for {
		r, err := stream.Recv()
		if err != nil {
			return 0, err
		}
		if end := r.GetEnd(); end != nil {
			samples = end.GetSamples()
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				return 0, err
			}
			return samples, nil
		}
	}
}

// TestMarkup checks the library's own markup: phonemes in brackets and commands after a control character.
func TestMarkup(t *testing.T) {
	client := enginev1.NewEngineClient(dial(t))
	say := func(text string) float64 {
		n, err := count(t.Context(), client, &enginev1.SynthesizeRequest{Text: text, Voice: "en-us"})
		if err != nil {
			t.Fatal(err)
		}
		return float64(n)
	}
	say("Warm up.")
	plain := say("Hello there, this is the text.")
	if obeyed, spelled := say("Hello h@l'oU world"), say("Hello [[h@l'oU]] world"); spelled < obeyed {
		t.Errorf("[[…]] made %v samples, less than its content's %v: it was read as phonemes", spelled, obeyed)
	}
	say("\x01+90S\x0150P\x01-20R fast and high \x011Y")
	if after := say("Hello there, this is the text."); after < plain*0.96 || after > plain*1.04 {
		t.Errorf("commands after the character 1 changed the next text: %v samples, not %v", after, plain)
	}
}

// TestWarning checks that what is left out is told, without the text.
func TestWarning(t *testing.T) {
	client := enginev1.NewEngineClient(dial(t))
	stream, err := client.Synthesize(t.Context(), &enginev1.SynthesizeRequest{Text: "a\x01b\x00c\x7f", Voice: "en-us"})
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	for {
		r, err := stream.Recv()
		if err != nil {
			break
		}
		if w := r.GetWarning(); w != "" {
			warnings = append(warnings, w)
		}
	}
	if want := []string{"3 control characters were skipped"}; !slices.Equal(warnings, want) {
		t.Errorf("warnings %q, want %q", warnings, want)
	}
}

// broken is a library that fails.
type broken struct{ *libespeak.Library }

// Speak fails.
func (broken) Speak(context.Context, string, int, string, libespeak.Sink) error {
	return fmt.Errorf("libespeak: error -1")
}

func TestLibraryFailure(t *testing.T) {
	stream := &recorder{ctx: t.Context()}
	err := New(broken{library}).Synthesize(&enginev1.SynthesizeRequest{Text: "secret words", Voice: "en-us"}, stream)
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
	for _, r := range stream.sent {
		if r.GetEnd() != nil {
			t.Error("a failed stream ended well")
		}
	}
}

func TestTagCase(t *testing.T) {
	for in, want := range map[string]string{
		"en-us": "en-US", "fa-latn": "fa-Latn", "en-gb-x-rp": "en-GB-x-rp", "es-419": "es-419", "vi-vn-x-south": "vi-VN-x-south",
		"en-gb-scotland": "en-GB-scotland", "de": "de", "cmn-latn-pinyin": "cmn-Latn-pinyin",
	} {
		if got := tagCase(in); got != want {
			t.Errorf("tagCase(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	voices := []libespeak.Voice{
		{Identifier: "x/One", Languages: []string{"xx"}},
		{Identifier: "x/Two+É", Languages: []string{"xx"}},
		{Identifier: "y/One", Languages: []string{"xx"}}, // both its names are taken
		{Identifier: "z/None"},
		{Identifier: "sit/cmn", Languages: []string{"cmn", "zh"}},
	}
	got, known := catalogue(voices, 22050)
	var ids []string
	for _, v := range got {
		ids = append(ids, v.GetId()+"="+known[v.GetId()].identifier)
	}
	want := []string{"cmn=sit/cmn", "one=y/One", "two--=x/Two+É", "xx=x/One"} // cmn, for its better is not there
	if !slices.Equal(ids, want) {
		t.Errorf("ids are %q, want %q", ids, want)
	}
	for id := range known {
		if !regexp.MustCompile(`^[a-z0-9._-]+$`).MatchString(id) {
			t.Errorf("malformed id %q", id)
		}
	}
}

func TestWordsPerMinute(t *testing.T) {
	for _, c := range []struct {
		speed, pace float64
		want        int
	}{{0.5, 1, 94}, {1, 1, 175}, {1, 1.16, 175}, {1.1, 1, 190}, {1.5, 1, 251}, {1.5, 1.16, 266}, {0.5, 1.16, 86}, {1.5, 0.89, 241}} {
		if got := wordsPerMinute(c.speed, c.pace); got != c.want {
			t.Errorf("wordsPerMinute(%g, %g) = %d, want %d", c.speed, c.pace, got, c.want)
		}
	}
	for language, want := range map[string]float64{"en-US": 1.03, "zh-CN": 0.89, "yue": 0.92, "art-x-pyash": 1} {
		if got := pace(language); got != want {
			t.Errorf("pace(%q) = %g, want %g", language, got, want)
		}
	}
}
