package codec

import "github.com/orotund/orotund/internal/speech"

// MP3 describes what workers/codec makes with LAME. Bit rates are those of all MPEG versions; which go with a sample rate the worker
// says (MPEG-1 from 32 kHz: 32 to 320 kbit/s, MPEG-2 from 16 kHz: 8 to 160, MPEG-2.5 below: 8 to 64).
func MP3() Info {
	return Info{
		Encoding: speech.MP3, MediaType: "audio/mpeg", Extension: "mp3", Library: "LAME",
		Container: "MPEG frames", LabelIn: labelInID3,
		SampleRates: []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000},
		BitRates: []int{8000, 16000, 24000, 32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000, 144000, 160000, 192000,
			224000, 256000, 320000},
		Lead: mp3Lead, Frame: 1152,
	}
}

// mp3Lead is how many samples come out of a decoder before the first that went into LAME, at every rate: LAME's own delay and that of every
// MP3 decoder.
const (
	mp3Lead         = mp3EncoderDelay + mp3DecoderDelay
	mp3EncoderDelay = 576
	mp3DecoderDelay = 529
)

// labelInID3 is where a tag before bare frames has the label.
const labelInID3 = "ID3v2.4, `TXXX:AIGC`"

// AAC describes what workers/codec makes: AAC-LC in ADTS frames.
func AAC() Info {
	return Info{
		Encoding: speech.AAC, MediaType: "audio/aac", Extension: "aac", DefaultRate: 48000,
		Container: "ADTS frames", LabelIn: labelInID3,
		SampleRates: []int{44100, 48000},
		BitRates:    []int{32000, 48000, 64000, 80000, 96000, 112000, 128000, 160000, 192000},
		ClearBits:   2,
		Lead:        1024, Frame: 1024,
	}
}

// Opus describes what the sub-package opus makes: Opus in Ogg (RFC 7845). Players trim its lead and its tail.
func Opus() Info {
	return Info{
		Encoding: speech.Opus, MediaType: "audio/ogg; codecs=opus", Extension: "opus", Aliases: []string{"ogg"},
		Container: "Ogg", LabelIn: "Vorbis comment `AIGC`",
		SampleRates: []int{8000, 12000, 16000, 24000, 48000},
		BitRates:    []int{8000, 12000, 16000, 20000, 24000, 32000, 40000, 48000, 64000, 80000, 96000, 128000},
		ClearBits:   5.0 / 3,
	}
}

// FLAC describes what the sub-package flac makes: native FLAC of 16 bits.
func FLAC() Info {
	return Info{Encoding: speech.FLAC, MediaType: "audio/flac", Extension: "flac", Container: "FLAC", LabelIn: "Vorbis comment `AIGC`"}
}

// Infos describes every encoding that a build of this version can be made to produce, whether or not its worker is installed. They are sorted
// by encoding.
func Infos() []Info {
	return []Info{AAC(), ALaw().Info(), FLAC(), MP3(), MuLaw().Info(), Opus(), PCM{}.Info(), WAV{}.Info()}
}

// ContentType is the Content-Type of a stream of format f.
func ContentType(f speech.Format) string {
	for _, i := range Infos() {
		if i.Encoding == f.Encoding {
			return i.ContentType(f)
		}
	}
	return "application/octet-stream"
}
