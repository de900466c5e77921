package inference

import (
	"math"
	"time"

	"github.com/orotund/orotund/internal/audio"
)

// joinLoudness is the loudness in LUFS at which segments are joined, whatever it shall be in the end: what is silence and what is sound is
// told by the level (audio.EdgeLevel).
const joinLoudness = -19.0

// ceiling is the highest peak in dBFS of audio that was made louder.
const ceiling = -1.0

// mix puts the samples of segments one after another, sets their volume, and makes PCM of them.
type mix struct {
	rate    int
	joiner  *audio.Joiner  // nil: segments stand end to end, as they are
	volume  float32        // a factor
	limiter *audio.Limiter // nil: nothing was made louder

	taken int64 // samples of all segments, where there is no joiner …
	from  int64 // … and before the one at hand

	joined, limited []float32
}

// newMix returns a mix at rate Hz. limit is whether peaks may come too high.
func newMix(rate int, join bool, volume float64, limit bool) (*mix, error) {
	m := &mix{rate: rate, volume: audio.Decibels(volume)}
	var err error
	if join {
		if m.joiner, err = audio.NewJoiner(rate); err != nil {
			return nil, err
		}
	}
	if limit || volume > 0 {
		if m.limiter, err = audio.NewLimiter(rate, ceiling); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// begin tells that a segment begins.
func (m *mix) begin() {
	m.from = m.taken
	if m.joiner != nil {
		m.joiner.Begin()
	}
}

// add takes samples of the segment and appends to dst the PCM that is ready.
func (m *mix) add(dst []byte, x []float32) []byte {
	m.taken += int64(len(x))
	if m.joiner == nil {
		return m.out(dst, x)
	}
	m.joined = m.joiner.Process(m.joined[:0], x)
	return m.out(dst, m.joined)
}

// end tells that the segment is whole, and what silence belongs between it and the next.
func (m *mix) end(dst []byte, pause time.Duration) []byte {
	if m.joiner == nil {
		return dst
	}
	m.joined = m.joiner.End(m.joined[:0], pause)
	return m.out(dst, m.joined)
}

// finish appends what is left after the last segment.
func (m *mix) finish(dst []byte) []byte {
	if m.joiner != nil {
		m.joined = m.joiner.Flush(m.joined[:0])
		dst = m.out(dst, m.joined)
	}
	if m.limiter != nil {
		dst = audio.EncodeS16(dst, m.limiter.Flush(m.limited[:0]))
	}
	return dst
}

func (m *mix) out(dst []byte, x []float32) []byte {
	if m.volume != 1 {
		audio.Gain(x, m.volume)
	}
	if m.limiter != nil {
		m.limited = m.limiter.Process(m.limited[:0], x)
		x = m.limited
	}
	return audio.EncodeS16(dst, x)
}

// origin is the sample of the utterance at which the segment at hand began before its silence was trimmed; false as long as nothing of
// it was audible.
func (m *mix) origin() (int64, bool) {
	if m.joiner == nil {
		return m.from, m.taken > m.from
	}
	return m.joiner.Origin()
}

// span is the samples of the utterance in which the segment that ended last can be heard.
func (m *mix) span() (from, to int64, ok bool) {
	if m.joiner == nil {
		return m.from, m.taken, m.taken > m.from
	}
	return m.joiner.Span()
}

// duration is the time of samples at the mix's rate.
func (m *mix) duration(samples int64) time.Duration {
	return time.Duration(math.Round(float64(samples) * float64(time.Second) / float64(m.rate)))
}
