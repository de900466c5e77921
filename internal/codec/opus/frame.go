package opus

import (
	"errors"
	"fmt"

	"github.com/thesyncim/gopus"

	"github.com/orotund/orotund/internal/speech"
)

const (
	// clock is the rate in Hz that Opus counts time in, and the one that gopus is fed with: at 24 kHz it adds noise above 8 kHz.
	clock = 48000
	// frameSamples is 20 ms at the clock's rate, the length of a packet.
	frameSamples = clock / 50
	// maxPacket is the length in bytes of the longest packet of one frame (RFC 6716, section 3.2.1).
	maxPacket = 1 + 1275
)

// transformFrom is the bit rate in bit/s from which frames are coded by MDCT (CELT), and below which by linear prediction (SILK) with MDCT for
// the highest frequencies. At 24 kHz, on espeak-ng and flite, the noise that is not masked and the error of the spectrum are about equal
// at 32 and 40 kbit/s; above, MDCT is the better, and at every bit rate it takes two thirds of the time.
const transformFrom = 40000

// Complexities of 0 to 10. Prediction takes half as long again at 8 as at 5, for what 2 kbit/s (flite) to 7 kbit/s (espeak-ng) more bring as well.
// MDCT takes a quarter longer at 8, where the signal is analysed to tell tones, for what 8 kbit/s more bring. 9 and 10 change nothing.
const (
	predictionComplexity = 5
	transformComplexity  = 8
)

// frameCoder makes packets of one stream.
type frameCoder struct {
	gopus  *gopus.Encoder
	packet [maxPacket]byte
}

// newFrameCoder returns one for the bit rate of f and for the frequencies that its sample rate holds.
//
// Opus's application is "audio" for speech too: "VoIP" puts a high-pass filter in front that follows the pitch and shifts the phase of what
// it lets through.
func newFrameCoder(f speech.Format) (*frameCoder, error) {
	e, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: clock, Channels: 1, Application: gopus.ApplicationAudio})
	if err != nil {
		return nil, fmt.Errorf("start Opus encoder: %w", err)
	}
	signal, complexity := gopus.SignalVoice, predictionComplexity
	if f.BitRate >= transformFrom {
		signal, complexity = gopus.SignalMusic, transformComplexity
	}
	if err := errors.Join(
		e.SetFrameSize(frameSamples), e.SetBitrateMode(gopus.BitrateModeCVBR), e.SetBitrate(f.BitRate), e.SetComplexity(complexity),
		e.SetSignal(signal), e.SetMaxBandwidth(bandwidth(f.SampleRate)), e.SetLSBDepth(16),
	); err != nil {
		return nil, fmt.Errorf("set up Opus encoder for %s: %w", f, err)
	}
	return &frameCoder{gopus: e}, nil
}

// bandwidth is the least that holds all frequencies of a sample rate in Hz.
func bandwidth(rate int) gopus.Bandwidth {
	switch {
	case rate <= 8000:
		return gopus.BandwidthNarrowband
	case rate <= 12000:
		return gopus.BandwidthMediumband
	case rate <= 16000:
		return gopus.BandwidthWideband
	case rate <= 24000:
		return gopus.BandwidthSuperwideband
	}
	return gopus.BandwidthFullband
}

// lookahead is how many samples come out of a decoder before the first that went in.
func (c *frameCoder) lookahead() int { return c.gopus.Lookahead() }

// encode returns the packet of frameSamples samples, which is borrowed until the next call.
func (c *frameCoder) encode(samples []float32) ([]byte, error) {
	n, err := c.gopus.Encode(samples, c.packet[:])
	if err != nil {
		return nil, fmt.Errorf("encode Opus frame: %w", err)
	}
	if n == 0 {
		return nil, errors.New("encode Opus frame: no packet")
	}
	return c.packet[:n], nil
}
