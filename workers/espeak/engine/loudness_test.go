// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"math"
	"testing"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/worker/child"
	"github.com/orotund/orotund/workers/espeak/libespeak"
)

// meter is a Sink that measures.
type meter struct{ *audio.Loudness }

// Audio implements libespeak.Sink.
func (m meter) Audio(samples []int16) error {
	m.Write(audio.DecodeS16(nil, child.SampleBytes(samples, nil)))
	return nil
}

// Event implements libespeak.Sink.
func (meter) Event(libespeak.Event) error { return nil }

// TestLoudness has some voices of each group speak and compares their loudness with the one that they declare.
func TestLoudness(t *testing.T) {
	texts := map[string]string{
		"cmn-latn-pinyin": "老人穿上外套，出门去找他的儿子们留在河边的那条小船。",
		"de":              "Der alte Mann zog seinen Mantel an und suchte das Boot, das seine Söhne am Fluss gelassen hatten.",
		"en-gb":           "The old man put on his coat, and went out to look for the boat that his sons had left by the river.",
		"en-us":           "The old man put on his coat, and went out to look for the boat that his sons had left by the river.",
		"es":              "El viejo se puso el abrigo y salió a buscar la barca que sus hijos habían dejado junto al río.",
		"fr-fr":           "Le vieil homme mit son manteau et sortit chercher la barque que ses fils avaient laissée près du fleuve.",
		"he":              "האיש הזקן לבש את מעילו ויצא לחפש את הסירה שבניו השאירו על שפת הנהר.",
		"hi":              "बूढ़े आदमी ने अपना कोट पहना और उस नाव को ढूँढने निकला जो उसके बेटे नदी के किनारे छोड़ गए थे।",
		"ja":              "おじいさんは うわぎを きて、かわの そばに むすこたちが おいていった ふねを さがしに いきました。",
		"mi":              "Ka mau te koroua i tona koti, ka haere ki te rapu i te waka i mahue i ana tama i te taha o te awa.",
		"mt":              "Ir-raġel ix-xiħ libes il-kowt u ħareġ ifittex id-dgħajsa li wliedu kienu ħallew ħdejn ix-xmara.",
		"pl":              "Stary człowiek włożył płaszcz i wyszedł szukać łodzi, którą jego synowie zostawili nad rzeką.",
		"ru":              "Старик надел пальто и пошёл искать лодку, которую его сыновья оставили у реки.",
	}
	e := New(library)
	for _, v := range e.description.GetModels()[0].GetVoices() {
		text, is := texts[v.GetId()]
		if !is {
			continue
		}
		delete(texts, v.GetId())
		measured, err := audio.NewLoudness(library.SampleRate())
		if err != nil {
			t.Fatal(err)
		}
		known := e.voices[v.GetId()]
		if err := library.Speak(context.Background(), known.identifier, wordsPerMinute(1, known.pace), text, meter{measured}); err != nil {
			t.Fatal(err)
		}
		lufs, ok := measured.Integrated()
		t.Logf("%s: %.1f LUFS, declared %.1f", v.GetId(), lufs, v.GetLoudness())
		if !ok || math.Abs(lufs-v.GetLoudness()) > 2 {
			t.Errorf("%s: %.1f LUFS, declared %.1f", v.GetId(), lufs, v.GetLoudness())
		}
	}
	for id := range texts {
		t.Errorf("there is no voice %s", id)
	}
}
