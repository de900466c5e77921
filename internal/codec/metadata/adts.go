package metadata

// adtsHz is the sample rate by its index in an ADTS header (ISO/IEC 14496-3).
var adtsHz = [16]int64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// adtsHeader is the length of a header without a CRC.
const adtsHeader = 7

func isADTS(b []byte) bool { return len(b) >= 2 && b[0] == 0xFF && b[1]&0xF6 == 0xF0 }

// adts reads AAC in ADTS frames.
func (f *File) adts(s *source, start int64) error {
	f.Container, f.Encoding, f.Samples = "adts", "aac", 0
	at := start
	for at < s.size {
		b, err := s.some(at, adtsHeader)
		if err != nil {
			return err
		}
		if !isADTS(b) || len(b) < adtsHeader {
			break
		}
		size := int64(b[3]&3)<<11 | int64(b[4])<<3 | int64(b[5])>>5
		if size < adtsHeader || at+size > s.size {
			break
		}
		if at == start {
			channels := int64(b[2]&1)<<2 | int64(b[3]>>6)
			if channels == 7 {
				channels = 8
			}
			if err := f.setRates(at+2, adtsHz[b[2]>>2&15], max(channels, 1)); err != nil { // 0: the audio itself tells
				return err
			}
		}
		f.Samples += 1024 * (1 + int64(b[6]&3))
		at += size
	}
	if f.Samples == 0 {
		return problem(start, "no whole ADTS frame")
	}
	if at < s.size {
		f.note(at, "%d bytes after the last whole frame", s.size-at)
	}
	f.average(at-start, f.Samples)
	return nil
}
