package metadata

import (
	"bytes"
	"encoding/binary"
	"io"
)

// MPEG is the header of a frame of MPEG audio layer III (ISO/IEC 11172-3, 13818-3, and "MPEG-2.5" below 16 kHz).
type MPEG struct {
	SampleRate int // Hz
	BitRate    int // bit/s
	Channels   int // 1 or 2
	Samples    int // of one channel: 1152 in MPEG-1, else 576
	Size       int // bytes of the frame, this header included
	SideInfo   int // bytes between the header (and its CRC, if any) and the frame's data
	CRC        bool
}

// Bit rates of layer III in kbit/s by their index, which is 4 bits; 0 is "free", and 15 is forbidden.
var (
	mpeg1Rates = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
	mpeg2Rates = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
	mpegHz     = [4]int{44100, 48000, 32000, 0} // of MPEG-1
)

// MPEGHeaderSize is what ParseMPEG needs.
const MPEGHeaderSize = 4

// maxMPEG is the length of the longest frame: 320 kbit/s at 32 kHz, or 160 kbit/s at 8 kHz, and a byte of padding.
const maxMPEG = 1441

// ParseMPEG reads the header of a frame; false if b does not begin with one of layer III whose length can be known.
func ParseMPEG(b []byte) (MPEG, bool) {
	if len(b) < MPEGHeaderSize || b[0] != 0xFF || b[1]&0xE6 != 0xE2 {
		return MPEG{}, false
	}
	version := b[1] >> 3 & 3 // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
	h := MPEG{SampleRate: mpegHz[b[2]>>2&3], Channels: 2, Samples: 576, CRC: b[1]&1 == 0}
	rates, mono := mpeg2Rates, b[3]>>6 == 3
	switch version {
	case 3:
		rates, h.Samples = mpeg1Rates, 1152
	case 2:
		h.SampleRate /= 2
	case 0:
		h.SampleRate /= 4
	default:
		return MPEG{}, false
	}
	h.SideInfo = 17
	switch {
	case version == 3 && !mono:
		h.SideInfo = 32
	case version != 3 && mono:
		h.SideInfo = 9
	}
	if mono {
		h.Channels = 1
	}
	h.BitRate = 1000 * rates[b[2]>>4]
	if h.BitRate == 0 || h.SampleRate == 0 {
		return MPEG{}, false
	}
	h.Size = h.Samples/8*h.BitRate/h.SampleRate + int(b[2]>>1&1)
	return h, true
}

func isMPEG(b []byte) bool {
	_, ok := ParseMPEG(b)
	return ok
}

// MP3 is what the frames of an MP3 file tell.
type MP3 struct {
	First  MPEG   // the header of the first frame that holds audio
	Header []byte // its bytes, MPEGHeaderSize
	Start  int64  // offset of that frame
	End    int64  // offset of what follows the last frame
	Frames int64  // that hold audio
	Info   bool   // a Xing or Info frame stands before the first
	Delay  int    // samples that the encoder put before the first sample, by the Info frame's LAME tag; -1: it does not tell
	Pad    int    // samples after the last one
}

// Samples is how many samples of a channel there are: those that went into the encoder where the file tells, else all that come out.
func (m *MP3) Samples() int64 {
	n := m.Frames * int64(m.First.Samples)
	if m.Delay < 0 {
		return n
	}
	return max(0, n-int64(m.Delay)-int64(m.Pad))
}

// ScanMP3 counts the frames of an MP3 file of size bytes from the byte start. It reads all of it.
func ScanMP3(r io.ReaderAt, start, size int64) (MP3, error) {
	m, _, err := scanMP3(newSource(r, size), start, size)
	return m, err
}

// maxJunk is how many bytes between frames are passed over in search of the next. Broken files hold some; more is no MP3.
const maxJunk = 64 << 10

// scanMP3 also returns the offset of the first bytes that had to be passed over; -1: there were none.
func scanMP3(s *source, start, end int64) (MP3, int64, error) {
	m := MP3{Delay: -1}
	junk := int64(-1)
	for at := start; ; {
		h, from, err := nextMPEG(s, at, end, m.Frames == 0 && !m.Info)
		if err != nil {
			return m, junk, err
		}
		if h == nil {
			break
		}
		if from > at && junk < 0 {
			junk = at
		}
		at = from
		if m.Frames == 0 {
			b, err := s.bytes(at, MPEGHeaderSize, "a frame")
			if err != nil {
				return m, junk, err
			}
			m.First, m.Start, m.Header = *h, at, bytes.Clone(b)
		}
		if m.Frames == 0 && !m.Info && m.infoFrame(s, at, *h) {
			m.Info = true
		} else {
			m.Frames++
		}
		at += int64(h.Size)
		m.End = at
	}
	if m.Frames == 0 && !m.Info {
		return m, junk, problem(start, "no frame of MPEG audio layer III")
	}
	return m, junk, nil
}

// nextMPEG returns the header of the first whole frame from at on, and its offset; nil if there is none. Where it has to search it wants two
// frames in a row, or one that ends the file.
func nextMPEG(s *source, at, end int64, sure bool) (*MPEG, int64, error) {
	for from := at; from <= end-MPEGHeaderSize && from-at <= maxJunk; from++ {
		b, err := s.some(from, maxMPEG+MPEGHeaderSize)
		if err != nil {
			return nil, 0, err
		}
		h, ok := ParseMPEG(b)
		next := from + int64(h.Size)
		if !ok || next > end || h.Size > len(b) {
			continue
		}
		if from == at && !sure || next > end-MPEGHeaderSize {
			return &h, from, nil
		}
		if after, ok := ParseMPEG(b[h.Size:]); ok && after.SampleRate == h.SampleRate && after.Samples == h.Samples {
			return &h, from, nil
		}
	}
	return nil, 0, nil
}

// infoFrame tells whether the frame is one that holds no audio but says how much follows, and takes what its LAME tag says.
func (m *MP3) infoFrame(s *source, at int64, h MPEG) bool {
	head := MPEGHeaderSize + h.SideInfo
	if h.CRC {
		head += 2
	}
	b, err := s.some(at, min(h.Size, window))
	if err != nil || len(b) < head+8 {
		return false
	}
	b = b[head:]
	if tag := string(b[:4]); tag != "Xing" && tag != "Info" {
		return false
	}
	flags := binary.BigEndian.Uint32(b[4:])
	skip := 8 // what the flags announce: frames, bytes, 100 bytes of a table, quality
	for bit, n := range []int{4, 4, 100, 4} {
		if flags>>bit&1 != 0 {
			skip += n
		}
	}
	const delayAt = 21                            // in the LAME tag
	if len(b) < skip+delayAt+3 || b[skip] < 'A' { // no name of an encoder
		return true
	}
	d := b[skip+delayAt:]
	m.Delay, m.Pad = int(d[0])<<4|int(d[1])>>4, int(d[1]&15)<<8|int(d[2])
	return true
}

// mp3 reads bare MPEG audio.
func (f *File) mp3(s *source, start int64) error {
	end, err := f.id3v1(s, s.size)
	if err != nil {
		return err
	}
	m, junk, err := scanMP3(s, start, end)
	if err != nil {
		return err
	}
	if junk >= 0 {
		f.note(junk, "something that is no frame, passed over")
	}
	if m.End < end {
		f.note(m.End, "%d bytes after the last whole frame", end-m.End)
	}
	f.Container, f.Encoding = "mp3", "mp3"
	f.SampleRate, f.Channels, f.Samples = m.First.SampleRate, m.First.Channels, m.Samples()
	f.average(m.End-m.Start, m.Frames*int64(m.First.Samples))
	return nil
}
