package codec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// resolver is a codec of which only the description counts.
type resolver struct {
	codec.PCM
	info codec.Info
}

func (r resolver) Info() codec.Info { return r.info }

func TestSetResolve(t *testing.T) {
	set := codec.NewSet(codec.PCM{}, codec.WAV{}, resolver{info: codec.Info{
		Encoding: "x", MediaType: "audio/x", Extension: "x", SampleRates: []int{16000, 24000, 44100}, BitRates: []int{32000, 64000, 128000},
	}})
	for _, c := range []struct {
		in    speech.Format
		rate  int
		want  speech.Format
		field string
		says  string
	}{
		{speech.Format{Encoding: speech.PCM}, 24000, speech.Format{Encoding: speech.PCM, SampleRate: 24000}, "", ""},
		{speech.Format{Encoding: speech.PCM, SampleRate: 8000}, 24000, speech.Format{Encoding: speech.PCM, SampleRate: 8000}, "", ""},
		{speech.Format{Encoding: speech.WAV, SampleRate: 11111}, 24000, speech.Format{Encoding: speech.WAV, SampleRate: 11111}, "", ""},
		{speech.Format{Encoding: "x"}, 24000, speech.Format{Encoding: "x", SampleRate: 24000, BitRate: 64000}, "", ""},
		{speech.Format{Encoding: "x"}, 22050, speech.Format{Encoding: "x", SampleRate: 24000, BitRate: 64000}, "", ""},
		{speech.Format{Encoding: "x"}, 48000, speech.Format{Encoding: "x", SampleRate: 44100, BitRate: 128000}, "", ""},
		{speech.Format{Encoding: "x", SampleRate: 16000}, 24000, speech.Format{Encoding: "x", SampleRate: 16000, BitRate: 64000}, "", ""},
		{speech.Format{Encoding: "x", BitRate: 32000}, 24000, speech.Format{Encoding: "x", SampleRate: 24000, BitRate: 32000}, "", ""},
		{speech.Format{}, 24000, speech.Format{}, "encoding", "pcm, wav, x"},
		{speech.Format{Encoding: "ogg"}, 24000, speech.Format{}, "encoding", "pcm, wav, x"},
		{speech.Format{Encoding: speech.PCM, SampleRate: 7999}, 24000, speech.Format{}, "sample_rate", "8000 to 48000"},
		{speech.Format{Encoding: speech.PCM, BitRate: 64000}, 24000, speech.Format{}, "bit_rate", "pcm"},
		{speech.Format{Encoding: "x", SampleRate: 22050}, 24000, speech.Format{}, "sample_rate", "16000, 24000, 44100"},
		{speech.Format{Encoding: "x", BitRate: 1}, 24000, speech.Format{}, "bit_rate", "32000, 64000, 128000"},
	} {
		got, err := set.Resolve(c.in, c.rate)
		if c.field == "" {
			if err != nil || got != c.want {
				t.Errorf("%s: %s, %v; want %s", c.in, got, err, c.want)
			}
			continue
		}
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != c.field || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %v, want an invalid %s that says %q", c.in, err, c.field, c.says)
		}
	}
}

func TestSetList(t *testing.T) {
	set := codec.NewSet(codec.WAV{}, codec.PCM{}, resolver{info: codec.Info{Encoding: speech.WAV, MediaType: "later"}})
	list := set.List()
	if len(list) != 2 || list[0].Encoding != speech.PCM || list[1].MediaType != "later" {
		t.Errorf("%+v", list)
	}
	list[0].Encoding = "changed"
	if set.List()[0].Encoding != speech.PCM {
		t.Error("the caller changed the set")
	}
	if _, ok := set.Lookup(speech.MP3); ok {
		t.Error("found what is not there")
	}
	if c, ok := set.Lookup(speech.PCM); !ok || c.Info().Encoding != speech.PCM {
		t.Error("did not find pcm")
	}
}

func TestContentType(t *testing.T) {
	for want, f := range map[string]speech.Format{
		"audio/pcm;rate=24000;channels=1;encoding=signed-int;bits=16": {Encoding: speech.PCM, SampleRate: 24000},
		"audio/wav": {Encoding: speech.WAV, SampleRate: 24000},
	} {
		c, _ := codec.NewSet(codec.PCM{}, codec.WAV{}).Lookup(f.Encoding)
		if got := c.Info().ContentType(f); got != want {
			t.Errorf("%s: %q", f, got)
		}
	}
}

func TestPassThroughDoesNotAllocate(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCM{}, codec.WAV{}, codec.MuLaw(), codec.ALaw()} {
		e, err := c.New(t.Context(), speech.Format{Encoding: c.Info().Encoding, SampleRate: 24000}, nil)
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]byte, 960)
		if _, err := e.Encode(t.Context(), pcm); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = e.Encode(t.Context(), pcm) }); n != 0 {
			t.Errorf("%s: %v allocations a frame", c.Info().Encoding, n)
		}
	}
}

// TestBitRateWhereThereIsNone: FLAC and G.711 are compressed, and have no bit rate to choose all the same.
func TestBitRateWhereThereIsNone(t *testing.T) {
	for _, i := range []codec.Info{codec.FLAC(), codec.MuLaw().Info(), codec.PCM{}.Info()} {
		_, err := i.Resolve(speech.Format{Encoding: i.Encoding, BitRate: 64000}, 24000)
		want := "must be absent for " + string(i.Encoding) + ", which has no choice of bit rates"
		if f := fault.From(err); f == nil || f.Field != codec.FieldBitRate || f.Message != want {
			t.Errorf("%s: %v", i.Encoding, err)
		}
	}
}
