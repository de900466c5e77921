// Package plot draws speech for a person's eyes: the waveform, a spectrogram, and the steps from sample to sample, where clicks stand out, over
// one axis of time. It sums the samples up as they come: memory depends on the size of the picture, not on the length of the audio.
package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/orotund/orotund/internal/audio"
)

// Sizes of a picture in pixels.
const (
	DefaultWidth, DefaultHeight = 1400, 900
	MinWidth, MinHeight         = 480, 480
	MaxWidth, MaxHeight         = 8192, 4096
)

// MaxSampleRate is in Hz.
const MaxSampleRate = 768000

const (
	maxChunk = 4096 // samples that are looked at together
	maxStep  = 16   // samples beyond this amplitude, which no sound has, are cut to it
)

// Options of a picture.
type Options struct {
	Title         string // first line, in the large font; a name of a file, say
	Subtitle      string // begins the second line, before length, loudness and peak
	SampleRate    int    // Hz, from 1 to MaxSampleRate
	Width, Height int    // pixels; 0: the default
	Seams         []Seam // where segments join, in any order; those outside the audio are left out
}

// Seam is where two segments join. End and Start are the same where nothing is between them.
type Seam struct {
	End   time.Duration // of the segment before, from the beginning of the audio
	Start time.Duration // of the segment after
}

// Summary is what was measured. Levels are in decibels, -Inf where there is only silence.
type Summary struct {
	Samples  int64
	Duration time.Duration
	Peak     float64 // the largest sample, relative to full scale
	Speech   float64 // mean level of what is not pause, relative to full scale
	Step     float64 // the largest step from one sample to the next (the ends: from and to silence), relative to Speech
	StepAt   time.Duration
	Loudness float64 // integrated, of BS.1770, in LUFS; -Inf where the audio is too short or too quiet for one
	SeamStep float64 // the largest step within 2 ms of an edge of a seam, relative to Speech; -Inf without seams
	SeamAt   time.Duration
	Clicks   []Click // likely ones, in the order of time, at most 1000
	More     bool    // there are more clicks than these
}

// Click is a step that is far above those around it.
type Click struct {
	At   time.Duration
	Step float64 // dB relative to Summary.Speech
	Over float64 // dB above the mean power of the steps within 10 ms
}

// Plot takes samples and makes a picture of them. It is used by one goroutine.
type Plot struct {
	o       Options
	rows    int // of the spectrogram
	trace   *trace
	spectra *spectra
	level   *level
	seams   *seamSteps
	clicks  *clicks
	loud    *audio.Loudness // nil: no meter for this rate
	clean   []float32
	done    bool
}

// New begins a picture. An error tells what is wrong with the options.
func New(o Options) (*Plot, error) {
	o.Width, o.Height = cmp.Or(o.Width, DefaultWidth), cmp.Or(o.Height, DefaultHeight)
	switch {
	case o.SampleRate < 1 || o.SampleRate > MaxSampleRate:
		return nil, fmt.Errorf("the sample rate must be from 1 to %d Hz", MaxSampleRate)
	case o.Width < MinWidth || o.Width > MaxWidth || o.Height < MinHeight || o.Height > MaxHeight:
		return nil, fmt.Errorf("the picture must be from %d × %d to %d × %d pixels", MinWidth, MinHeight, MaxWidth, MaxHeight)
	}
	o.Seams = slices.Clone(o.Seams)
	slices.SortFunc(o.Seams, func(a, b Seam) int { return cmp.Compare(a.Start, b.Start) })
	l := newLayout(o.Width, o.Height)
	columns := 2 * l.wave.Dx()
	loud, err := audio.NewLoudness(o.SampleRate)
	if err != nil {
		loud = nil // a rate that speech does not have: the picture is drawn without a loudness
	}
	return &Plot{o: o, rows: l.spectra.Dy(),
		trace:   newTrace(columns, int64(max(o.SampleRate/4000, 1))),
		spectra: newSpectra(o.SampleRate, l.spectra.Dy(), columns),
		level:   newLevel(o.SampleRate),
		seams:   newSeamSteps(o.Seams, o.SampleRate),
		clicks:  newClicks(o.SampleRate),
		loud:    loud,
		clean:   make([]float32, 0, maxChunk)}, nil
}

// Write takes the next samples, with full scale from -1 to 1. It keeps no reference to them. What is not a number becomes 0. After
// Summary or Encode nothing more is taken.
func (p *Plot) Write(samples []float32) {
	for !p.done && len(samples) > 0 {
		n := min(len(samples), maxChunk)
		p.clean = p.clean[:0]
		for _, x := range samples[:n] {
			if x != x {
				x = 0
			}
			p.clean = append(p.clean, min(max(x, -maxStep), maxStep))
		}
		p.seams.write(p.clean)
		p.trace.write(p.clean)
		p.spectra.write(p.clean)
		p.level.write(p.clean)
		p.clicks.write(p.clean)
		if p.loud != nil {
			p.loud.Write(p.clean)
		}
		samples = samples[n:]
	}
}

func (p *Plot) finish() {
	if p.done {
		return
	}
	p.done = true
	p.trace.finish()
	p.spectra.finish()
	p.level.count()
	p.clicks.finish()
}

// Summary ends the audio and tells what was measured.
func (p *Plot) Summary() Summary {
	p.finish()
	speech, ok := p.level.decibels()
	s := Summary{Samples: p.trace.n, Duration: p.duration(p.trace.n), Speech: speech, Loudness: math.Inf(-1),
		Peak: amplitude(float64(p.trace.peak)), StepAt: p.duration(p.trace.stepAt), SeamAt: p.duration(p.seams.at)}
	if !ok {
		speech = 0 // of full scale, then
	}
	s.Step = amplitude(float64(p.trace.step)) - speech
	s.SeamStep = amplitude(float64(p.seams.step)) - speech
	if p.loud != nil {
		if lufs, ok := p.loud.Integrated(); ok {
			s.Loudness = lufs
		}
	}
	s.More = p.clicks.more
	for _, c := range p.clicks.found {
		if size := amplitude(float64(c.size)) - speech; size >= clickQuiet {
			s.Clicks = append(s.Clicks, Click{At: p.duration(c.at), Step: size, Over: decibel(c.over)})
		}
	}
	return s
}

// duration is how long n samples last.
func (p *Plot) duration(n int64) time.Duration {
	rate := int64(p.o.SampleRate)
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}

// sample is the sample at a time.
func sample(t time.Duration, rate int) int64 {
	return int64(math.Round(t.Seconds() * float64(rate)))
}
