package opus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// page is one that was read.
type page struct {
	flags    byte
	granule  uint64
	serial   uint32
	sequence uint32
	packets  [][]byte
}

// slowChecksum divides by the polynomial bit by bit.
func slowChecksum(data []byte) uint32 {
	crc := uint32(0)
	for _, b := range data {
		for bit := 7; bit >= 0; bit-- {
			carry := crc>>31 ^ uint32(b>>bit&1)
			crc <<= 1
			if carry == 1 {
				crc ^= 0x04C11DB7
			}
		}
	}
	return crc
}

// parse reads a stream whose packets each lie whole in a page, and checks all that RFC 3533 says of it.
func parse(data []byte) (pages []page, err error) {
	for at := 0; len(data) > 0; at++ {
		if len(data) < 27 || string(data[:4]) != "OggS" || data[4] != 0 {
			return pages, fmt.Errorf("page %d: no header", at)
		}
		p := page{
			flags: data[5], granule: binary.LittleEndian.Uint64(data[6:]),
			serial: binary.LittleEndian.Uint32(data[14:]), sequence: binary.LittleEndian.Uint32(data[18:]),
		}
		lacing, size := data[27:27+int(data[26])], 0
		for _, l := range lacing {
			size += int(l)
		}
		whole := data[:27+len(lacing)+size]
		body := whole[27+len(lacing):]
		zeroed := bytes.Clone(whole)
		clear(zeroed[22:26])
		if sum := binary.LittleEndian.Uint32(whole[22:]); sum != slowChecksum(zeroed) {
			return pages, fmt.Errorf("page %d: checksum %08x, want %08x", at, sum, slowChecksum(zeroed))
		}
		size = 0
		for _, l := range lacing {
			if size += int(l); l < 255 {
				p.packets = append(p.packets, body[:size])
				body, size = body[size:], 0
			}
		}
		if size > 0 || len(body) > 0 {
			return pages, fmt.Errorf("page %d: a packet goes on to another", at)
		}
		if p.sequence != uint32(at) || len(pages) > 0 && p.serial != pages[0].serial {
			return pages, fmt.Errorf("page %d: number %d, serial number %d", at, p.sequence, p.serial)
		}
		pages = append(pages, p)
		data = data[len(whole):]
	}
	for n, p := range pages {
		if first := p.flags&flagFirst != 0; first != (n == 0) {
			err = errors.Join(err, fmt.Errorf("page %d: first: %v", n, first))
		}
		if last := p.flags&flagLast != 0; last != (n == len(pages)-1) {
			err = errors.Join(err, fmt.Errorf("page %d: last: %v", n, last))
		}
	}
	return pages, err
}

func TestChecksum(t *testing.T) {
	// The check value of CRC-32/POSIX, which is this one inverted.
	if got := ^checksum([]byte("123456789")); got != 0x765E7680 {
		t.Errorf("checksum %08x", got)
	}
	data := make([]byte, 1000)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	if got, want := checksum(data), slowChecksum(data); got != want {
		t.Errorf("checksum %08x, want %08x", got, want)
	}
}

// mux puts packets into pages of at most most packets.
func mux(packets [][]byte, serial uint32, most int) []byte {
	var m muxer
	m.reset(serial)
	var out []byte
	flags := byte(flagFirst)
	for n, packet := range packets {
		if m.packets == most || !m.fits(len(packet)) {
			out = m.flush(out, flags)
			flags = 0
		}
		m.add(packet, uint64(n+1)*960)
	}
	return m.flush(out, flags|flagLast)
}

func checkMux(t *testing.T, packets [][]byte, serial uint32, most int) {
	t.Helper()
	pages, err := parse(mux(packets, serial, most))
	if err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	for n, p := range pages {
		got = append(got, p.packets...)
		if p.serial != serial || p.granule != uint64(len(got))*960 || len(p.packets) > most {
			t.Errorf("page %d: serial number %d, granule %d after %d packets, %d in the page", n, p.serial, p.granule, len(got), len(p.packets))
		}
	}
	if !slices.EqualFunc(got, packets, bytes.Equal) {
		t.Errorf("%d packets became %d others", len(packets), len(got))
	}
}

func TestPacketsOfEveryLengthComeBack(t *testing.T) {
	var packets [][]byte
	for _, size := range []int{0, 1, 254, 255, 256, 509, 510, 511, 1275, 1276, 254*255 + 254, 3} {
		packets = append(packets, bytes.Repeat([]byte{byte(size)}, size))
	}
	for _, most := range []int{1, 2, 255} {
		checkMux(t, packets, 0xFFFFFFFF, most)
	}
}

func TestLongestPacket(t *testing.T) {
	var m muxer
	const longest = maxSegments*segmentSize - 1
	if !m.fits(longest) || m.fits(longest+1) {
		t.Errorf("a packet of %d bytes fits: %v, of one more: %v", longest, m.fits(longest), m.fits(longest+1))
	}
	m.add([]byte{1}, 0)
	if m.fits(longest) {
		t.Error("there is room for the longest packet after another")
	}
}

// FuzzMuxer cuts packets out of the input: two bytes of length, then the packet.
func FuzzMuxer(f *testing.F) {
	f.Add([]byte{}, uint32(1), uint8(1))
	f.Add([]byte{2, 0, 1, 2, 0, 0, 1, 0, 7}, uint32(1<<31), uint8(3))
	f.Add(append([]byte{0xFF, 0}, make([]byte, 700)...), uint32(0), uint8(255))
	f.Fuzz(func(t *testing.T, data []byte, serial uint32, most uint8) {
		packets := [][]byte{{1}}
		for len(data) >= 2 {
			n := int(binary.LittleEndian.Uint16(data)) % (maxSegments * segmentSize)
			packet := make([]byte, n) // zeros where the input is short
			data = data[2+copy(packet, data[2:]):]
			packets = append(packets, packet)
			if len(packets) > 600 {
				break
			}
		}
		checkMux(t, packets, serial, max(1, int(most)))
	})
}
