package main

import (
	"math"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/audio"
)

// TestLoudness has each voice speak a sentence and compares its loudness with the one that the voice declares.
func TestLoudness(t *testing.T) {
	client := serve(t, 1)
	d, err := client.Describe(t.Context(), &enginev1.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range d.GetModels() {
		v := m.GetVoices()[0]
		s := must(t, client, &enginev1.SynthesizeRequest{Voice: v.GetId(), Text: "The old man put on his coat, and went out to look for the boat that his sons had left by the river."})
		meter, err := audio.NewLoudness(s.rate)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, len(s.samples))
		for i, sample := range s.samples {
			x[i] = float32(sample) / -math.MinInt16
		}
		meter.Write(x)
		lufs, ok := meter.Integrated()
		t.Logf("%s: %.1f LUFS, declared %.1f", v.GetId(), lufs, v.GetLoudness())
		if !ok || math.Abs(lufs-v.GetLoudness()) > 2 {
			t.Errorf("%s: %.1f LUFS, declared %.1f", v.GetId(), lufs, v.GetLoudness())
		}
	}
}
