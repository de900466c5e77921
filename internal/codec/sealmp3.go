package codec

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/orotund/orotund/internal/codec/metadata"
	"github.com/orotund/orotund/internal/speech"
)

// The Info frame: a frame of silence to a decoder that does not know it, with lengths where its data would be. Xing invented it, LAME added how
// much there is to trim.
const (
	infoNumbers = 16  // "Info", flags, frames, bytes
	infoTable   = 100 // where in the file each percent of the time is; left out where the frame is too short
	infoLAME    = 36
	infoDelay   = 21 // of the delays in the LAME part
	lameVersion = "LAME3.100"
)

// SealRoom returns how many bytes of padding the tag before a stream of format f needs, so that Seal has room: those of an Info frame for MP3,
// else none.
func SealRoom(f speech.Format) int {
	if f.Encoding != speech.MP3 {
		return 0
	}
	for _, version := range []byte{0xFB, 0xF3, 0xE3} { // MPEG-1, 2 and 2.5, layer III without a CRC
		for rates := range 256 {
			b := []byte{0xFF, version, byte(rates), 3 << 6}
			if m, ok := metadata.ParseMPEG(b); ok && m.SampleRate == f.SampleRate && m.BitRate == f.BitRate {
				_, m = infoHeader(b)
				return m.Size
			}
		}
	}
	return 0
}

// infoHeader returns the header of an Info frame for a stream whose frames have the header first: the same bit rate, or the lowest above at
// which the frame has room. Players take it for the stream's.
func infoHeader(first []byte) ([]byte, metadata.MPEG) {
	h := []byte{first[0], first[1] | 1, first[2] &^ 2, first[3]} // no CRC, no padding
	for {
		m, ok := metadata.ParseMPEG(h)
		if !ok || m.Size >= metadata.MPEGHeaderSize+m.SideInfo+infoNumbers+infoLAME {
			return h, m
		}
		h[2] += 1 << 4
	}
}

func sealMP3(f Sealable, size, samples int64) error {
	tag, err := head(f, size)
	if err != nil {
		return err
	}
	padding, start := metadata.ID3Padding(tag)
	if padding == 0 {
		return nil // no label, or one of somebody else's
	}
	m, err := metadata.ScanMP3(f, int64(start), size)
	if err != nil || m.Info {
		return err
	}
	if m.Start != int64(start) || m.End != size {
		return fmt.Errorf("byte %d: something besides whole frames", min(m.End, m.Start))
	}
	h, first := infoHeader(m.Header)
	if first.Size > padding {
		return nil
	}
	frame, err := infoFrame(f, h, first, m, samples)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(frame, int64(start-len(frame))); err != nil {
		return err
	}
	metadata.ID3Shrink(tag, start-len(frame))
	_, err = f.WriteAt(tag[:10], 0)
	return err
}

// infoFrame returns the frame for the audio that m found in f.
func infoFrame(f io.ReaderAt, header []byte, first metadata.MPEG, m metadata.MP3, samples int64) ([]byte, error) {
	b := make([]byte, first.Size)
	copy(b, header)
	at := metadata.MPEGHeaderSize + first.SideInfo
	bytes := m.End - m.Start + int64(len(b))
	const hasFrames, hasBytes, hasTable = 1, 2, 4
	flags := uint32(hasFrames | hasBytes)
	if at+infoNumbers+infoTable+infoLAME <= len(b) {
		flags |= hasTable
	}
	copy(b[at:], "Info") // all frames have one bit rate; "Xing" is for the others
	binary.BigEndian.PutUint32(b[at+4:], flags)
	binary.BigEndian.PutUint32(b[at+8:], uint32(m.Frames))
	binary.BigEndian.PutUint32(b[at+12:], uint32(bytes))
	at += infoNumbers
	if flags&hasTable != 0 {
		for i := range infoTable {
			b[at+i] = byte(i * 256 / infoTable)
		}
		at += infoTable
	}
	if samples <= 0 {
		return b, nil
	}
	tail := m.Frames*int64(m.First.Samples) - samples - mp3EncoderDelay
	if tail < 0 || tail >= 1<<12 {
		return nil, fmt.Errorf("%d frames do not hold %d samples", m.Frames, samples)
	}
	sum, err := crcOf(io.NewSectionReader(f, m.Start, m.End-m.Start))
	if err != nil {
		return nil, err
	}
	lame := b[at : at+infoLAME]
	copy(lame, lameVersion)
	lame[9] = 1 // revision 0 of the tag; one bit rate
	lame[20] = byte(min(m.First.BitRate/1000, 255))
	lame[infoDelay] = byte(mp3EncoderDelay >> 4)
	lame[infoDelay+1] = byte(mp3EncoderDelay&15<<4 | int(tail>>8))
	lame[infoDelay+2] = byte(tail)
	binary.BigEndian.PutUint32(lame[28:], uint32(bytes))
	binary.BigEndian.PutUint16(lame[32:], sum)
	binary.BigEndian.PutUint16(lame[34:], crc16(0, b[:at+34]))
	return b, nil
}

// crcOf returns LAME's checksum of what r holds.
func crcOf(r io.Reader) (uint16, error) {
	buf := make([]byte, 32<<10)
	sum := uint16(0)
	for {
		n, err := r.Read(buf)
		sum = crc16(sum, buf[:n])
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// crc16 goes on with a checksum of polynomial x^16+x^15+x^2+1, lowest bit first.
func crc16(sum uint16, b []byte) uint16 {
	for _, c := range b {
		sum ^= uint16(c)
		for range 8 {
			sum = sum>>1 ^ sum&1*0xA001
		}
	}
	return sum
}
