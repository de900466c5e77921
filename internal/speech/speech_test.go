package speech

import "testing"

func TestFormatString(t *testing.T) {
	for want, f := range map[string]Format{
		"mp3 24000 Hz 64000 bit/s": {Encoding: MP3, SampleRate: 24000, BitRate: 64000},
		"pcm 16000 Hz":             {Encoding: PCM, SampleRate: 16000},
	} {
		if got := f.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
