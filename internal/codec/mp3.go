package codec

import "github.com/orotund/orotund/internal/speech"

// MP3 describes what workers/codec makes with LAME. Bit rates are those of all MPEG versions; which go with a sample rate the worker
// says (MPEG-1 from 32 kHz: 32 to 320 kbit/s, MPEG-2 from 16 kHz: 8 to 160, MPEG-2.5 below: 8 to 64).
func MP3() Info {
	return Info{
		Encoding: speech.MP3, MediaType: "audio/mpeg", Extension: "mp3", Library: "LAME",
		SampleRates: []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000},
		BitRates: []int{8000, 16000, 24000, 32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000, 144000, 160000, 192000,
			224000, 256000, 320000},
	}
}

// Infos describes every encoding that a build of this version can be made to produce, whether or not its worker is installed.
func Infos() []Info { return []Info{MP3(), PCM{}.Info(), WAV{}.Info()} }

// ContentType is the Content-Type of a stream of format f.
func ContentType(f speech.Format) string {
	for _, i := range Infos() {
		if i.Encoding == f.Encoding {
			return i.ContentType(f)
		}
	}
	return "application/octet-stream"
}
