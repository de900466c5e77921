package test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"testing"

	"github.com/orotund/orotund/internal/speech"
)

// anyRate stands for all sample rates of an encoding that takes every one.
var anyRate = []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000}

// leads is how many samples a decoder gives back before the first that was encoded, as docs/formats.md has it; players trim Opus's.
var leads = map[speech.Encoding]int{speech.MP3: 1105, speech.AAC: 1024, speech.Opus: 0}

// TestSampleCounts is the gate: at every sample rate a decoder gives back as many samples as were spoken, in their place. What bare PCM
// holds is the truth; lossless encodings hold the same samples.
func TestSampleCounts(t *testing.T) {
	if !installed("ffmpeg") {
		t.Skip("ffmpeg is not installed")
	}
	s := newStage(t)
	for _, e := range encodings {
		t.Run(string(e), func(t *testing.T) {
			rates := anyRate
			if info, ok := known(e); ok && info.SampleRates != nil {
				rates = info.SampleRates
			}
			for _, rate := range rates {
				t.Run(strconv.Itoa(rate), func(t *testing.T) {
					r := s.streamed(t, e, rate)
					_, _, at := r.samples()
					r.checkSamples(t, samples(s.truth(t, rate)), samples(s.truth(t, at)))
				})
			}
		})
	}
}

// checkSamples compares a recording with what was spoken at its sample rate, and at the rate that it is decoded at.
func (r recording) checkSamples(t *testing.T, spoken, decodedAt []int16) {
	t.Helper()
	got := samples(r.decode(t))
	low, high, rate := r.samples()
	if len(got) < low || len(got) > high {
		t.Fatalf("%d samples, want %d to %d", len(got), low, high)
	}
	switch r.format.Encoding {
	case speech.PCM, speech.WAV, speech.FLAC, speech.MuLaw, speech.ALaw:
		for i, v := range got {
			want := 0 // what fills a stream up is silence
			if i < len(spoken) {
				want = int(spoken[i])
			}
			if off := abs(int(v) - want); off > r.allows(want) {
				t.Fatalf("sample %d of %d is %d, want %d", i, len(got), v, want)
			}
		}
	default:
		want, off := leads[r.format.Encoding], 0
		if r.format.Encoding == speech.Opus {
			off = 12 // a quarter of a millisecond: its filters move tones a little, at low rates most
		}
		if lead := place(got, decodedAt, rate, 3000); abs(lead-want) > off || r.info.Lead != want {
			t.Errorf("the speech begins at sample %d and is said to begin at %d, want %d", lead, r.info.Lead, want)
		}
	}
}

// decode gives the samples back: with sox, which is quickest, what it decodes to the sample, and else with ffmpeg.
func (r recording) decode(t *testing.T) []byte {
	t.Helper()
	if r.format.Encoding == speech.PCM {
		return r.data
	}
	by := "ffmpeg"
	if !slices.Contains([]speech.Encoding{speech.MP3, speech.AAC, speech.Opus}, r.format.Encoding) && installed("sox") {
		by = "sox"
	}
	all := players()
	return all[slices.IndexFunc(all, func(p player) bool { return p.program == by })].play(t, r)
}

// allows is how far a sample of an encoding without frames may be off. G.711 keeps four bits below the first one, of the sample and
// µ-law's bias of 132, and has a least step of 16 in A-law.
func (r recording) allows(sample int) int {
	if r.format.Encoding == speech.MuLaw || r.format.Encoding == speech.ALaw {
		return (abs(sample)+132)/32 + 8
	}
	return 0
}

// samples are those of 16-bit PCM.
func samples(pcm []byte) []int16 {
	out := make([]int16, len(pcm)/2)
	_ = binary.Read(bytes.NewReader(pcm), binary.LittleEndian, out)
	return out
}

func abs(v int) int { return max(v, -v) }

// place is where in got half a second of want lies best, at most limit samples later or 100 earlier than in want.
func place(got, want []int16, rate, limit int) int {
	from := len(want) / 4
	piece := want[from:min(from+rate/2, len(want))]
	best, where := 0.0, 0
	for lag := -100; lag <= limit; lag++ {
		if from+lag < 0 || from+lag+len(piece) > len(got) {
			continue
		}
		sum := 0.0
		for i, v := range got[from+lag:][:len(piece)] {
			sum += float64(v) * float64(piece[i])
		}
		if sum > best {
			best, where = sum, lag
		}
	}
	return where
}
