package opus

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/codec/conformance"
	"github.com/orotund/orotund/internal/speech"
)

var rates = []int{8000, 12000, 16000, 24000, 48000}

// fixed is a codec whose streams have all the same serial number, so that they can be compared.
func fixed() Codec { return Codec{serial: func() uint32 { return 7 }} }

// program returns the path of a program, or skips the test.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: streams are not read by it here", name)
	}
	return path
}

func TestConformance(t *testing.T) {
	conformance.Run(t, fixed(), conformance.Options{
		MaxLevelError: 0.5, FirstBytes: 30 * time.Millisecond, Rates: []int{8000, 24000, 48000},
		Decode: func(ctx context.Context, f speech.Format, data []byte) ([]int16, error) {
			samples, err := decode(ctx, data, f.SampleRate)
			return s16(samples), err
		},
	})
}

// decode returns what ffmpeg's own decoder makes of a stream, brought from 48 kHz to a rate. It may say nothing but that there was nothing.
func decode(ctx context.Context, data []byte, rate int) ([]float32, error) {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-nostats", "-v", "warning", "-c:a", "opus", "-i", "pipe:0", "-f", "f32le", "pipe:1")
	var problems bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w: %s", err, problems.String())
	}
	if problems.Len() > 0 && len(out) > 0 {
		return nil, fmt.Errorf("ffmpeg: %s", problems.String())
	}
	x := make([]float32, len(out)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:]))
	}
	r, err := audio.NewResampler(clock, rate)
	if err != nil {
		return nil, err
	}
	if len(x)%(clock/rate) != 0 {
		return nil, fmt.Errorf("%d samples of 48 kHz are no whole number of %d Hz", len(x), rate)
	}
	return r.Flush(r.Process(nil, x)), nil
}

func s16(x []float32) []int16 {
	pcm := audio.EncodeS16(nil, x)
	out := make([]int16, len(x))
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
	}
	return out
}

// voice returns PCM that is built like speech: harmonics of a pitch that moves, under three formants, in syllables, with hiss between.
func voice(rate, samples int) []byte {
	const harmonics = 30
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, samples)
	var gains [harmonics]float64
	phase, pitch, loud := 0.0, 0.0, 0.0
	for i := range x {
		if i%100 == 0 {
			at := float64(i) / float64(rate)
			pitch = 120 + 30*math.Sin(2*math.Pi*0.7*at)
			loud = math.Max(0, math.Sin(2*math.Pi*2.5*at))
			for h := range gains {
				f := pitch * float64(h+1)
				gains[h] = 0
				for _, formant := range []float64{600 + 200*math.Sin(5*at), 1400, 2600} {
					if off := (f - formant) / 150; f < 0.45*float64(rate) {
						gains[h] += 0.12 / (1 + off*off)
					}
				}
			}
		}
		phase = math.Mod(phase+2*math.Pi*pitch/float64(rate), 2*math.Pi)
		v := 0.02 * (1 - loud) * random.NormFloat64()
		// sin((h+1)·phase) from the two before.
		last, now, twice := 0.0, math.Sin(phase), 2*math.Cos(phase)
		for _, gain := range gains {
			v += loud * gain * now
			last, now = now, twice*now-last
		}
		x[i] = float32(max(-0.9, min(0.9, v)))
	}
	return audio.EncodeS16(nil, x)
}

func format(rate, bits int) speech.Format {
	return speech.Format{Encoding: speech.Opus, SampleRate: rate, BitRate: bits}
}

// encode encodes pcm in pieces of so many samples, each call's result apart.
func encodePieces(t testing.TB, f speech.Format, pcm []byte, samples int, label *speech.Label) [][]byte {
	t.Helper()
	e, err := fixed().New(t.Context(), f, label)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for piece := range slices.Chunk(pcm, 2*samples) {
		data, err := e.Encode(t.Context(), piece)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(data))
	}
	data, err := e.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, bytes.Clone(data))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func encode(t testing.TB, f speech.Format, pcm []byte) []byte {
	t.Helper()
	return slices.Concat(encodePieces(t, f, pcm, f.SampleRate/50, nil)...)
}

// TestStreamSaysItsLength reads what players trim by.
func TestStreamSaysItsLength(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, rate := range rates {
		frame := rate / 50
		lengths := []int{0, 1, 2, frame - 1, frame, frame + 1, 2 * frame, 5*frame - rate/150, 5*frame - rate/150 + 1, 5 * frame, 11 * frame}
		for range 8 {
			lengths = append(lengths, 1+random.IntN(5000))
		}
		pcm := voice(rate, max(5000, 11*frame))
		for _, n := range lengths {
			pages, err := parse(encode(t, format(rate, 24000), pcm[:2*n]))
			if err != nil {
				t.Fatalf("%d Hz, %d samples: %v", rate, n, err)
			}
			checkPages(t, fmt.Sprintf("%d Hz, %d samples", rate, n), pages, rate, uint64(n))
		}
	}
}

// checkPages checks a stream against RFC 7845.
func checkPages(t *testing.T, name string, pages []page, rate int, samples uint64) {
	t.Helper()
	if len(pages) < 3 || len(pages[0].packets) != 1 || len(pages[1].packets) != 1 || pages[0].granule != 0 || pages[1].granule != 0 {
		t.Fatalf("%s: headers do not have the first two pages", name)
	}
	head := pages[0].packets[0]
	skip := uint64(binary.LittleEndian.Uint16(head[10:]))
	if string(head[:8]) != "OpusHead" || head[8] != 1 || head[9] != 1 || skip != 312 || binary.LittleEndian.Uint32(head[12:]) != uint32(rate) ||
		len(head) != 19 || head[16]|head[17]|head[18] != 0 {
		t.Errorf("%s: identification % x", name, head)
	}
	packets := uint64(0)
	for n, p := range pages[2:] {
		packets += uint64(len(p.packets))
		for _, packet := range p.packets {
			if packet[0]&3 != 0 || packet[0]&4 != 0 { // frames in the packet, stereo
				t.Errorf("%s: page %d: a packet with the first byte %02x", name, n, packet[0])
			}
		}
		if n < len(pages)-3 && p.granule != packets*frameSamples {
			t.Errorf("%s: page %d: granule %d after %d packets", name, n, p.granule, packets)
		}
	}
	end := pages[len(pages)-1].granule
	if want := skip + samples*uint64(clock/rate); end != want {
		t.Errorf("%s: ends at %d, want %d", name, end, want)
	}
	if end > packets*frameSamples || end+frameSamples <= packets*frameSamples {
		t.Errorf("%s: ends at %d of %d", name, end, packets*frameSamples)
	}
}

// TestPagesGrow shows where the sound is cut into pages.
func TestPagesGrow(t *testing.T) {
	want := slices.Concat(slices.Repeat([]int{1}, 5), slices.Repeat([]int{5}, 19), slices.Repeat([]int{10}, 15), slices.Repeat([]int{25}, 10), []int{50, 50, 7})
	p, err := newPager(1, 312, 24000, nil)
	if err != nil {
		t.Fatal(err)
	}
	packets := 0
	for _, n := range want {
		packets += n
	}
	var data []byte
	for range packets - 1 {
		data = p.add(data, make([]byte, 100))
	}
	checkPacking(t, p.finish(data, make([]byte, 100), uint64(packets)*frameSamples-1), want)
}

// TestPageIsFull adds packets of which fewer fit into a page than it may hold.
func TestPageIsFull(t *testing.T) {
	p, err := newPager(1, 312, 24000, nil)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for range 500 {
		data = p.add(data, make([]byte, 10))
	}
	before, err := parse(data)
	if err == nil {
		t.Fatal("the stream is at its end")
	}
	for range 43 {
		data = p.add(data, make([]byte, maxPacket)) // 6 segments each
	}
	data = p.finish(data, make([]byte, maxPacket), p.position()+1)
	pages, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	pages = pages[len(before):]
	if len(pages) != 2 || len(pages[0].packets) != 42 || pages[0].granule != 542*frameSamples || pages[1].granule != 543*frameSamples+1 {
		t.Errorf("%d pages, the first with %d packets to %d, the last to %d", len(pages), len(pages[0].packets), pages[0].granule, pages[len(pages)-1].granule)
	}
}

// checkPacking compares how many packets each page of sound has.
func checkPacking(t *testing.T, data []byte, want []int) {
	t.Helper()
	pages, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, p := range pages[2:] {
		got = append(got, len(p.packets))
	}
	if !slices.Equal(got, want) {
		t.Errorf("packets in pages: %v, want %v", got, want)
	}
}

// TestPagesDoNotDependOnTheCut encodes the same in other pieces than conformance does, long ones.
func TestPagesDoNotDependOnTheCut(t *testing.T) {
	f := format(8000, 12000)
	pcm := voice(f.SampleRate, 3*f.SampleRate)
	want := encode(t, f, pcm)
	for _, samples := range []int{77, 12345, len(pcm)} {
		if !bytes.Equal(slices.Concat(encodePieces(t, f, pcm, samples, nil)...), want) {
			t.Errorf("another stream in pieces of %d samples", samples)
		}
	}
}

// TestFirstSoundLeavesAtOnce feeds a sample at a time.
func TestFirstSoundLeavesAtOnce(t *testing.T) {
	for _, rate := range rates {
		e, err := fixed().New(t.Context(), format(rate, 32000), &speech.Label{Producer: "p", ContentID: "c"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := audio.NewResampler(rate, clock)
		if err != nil {
			t.Fatal(err)
		}
		limit := rate/50 + r.Delay()
		for n := 1; ; n++ {
			data, err := e.Encode(t.Context(), []byte{1, 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > 0 {
				t.Logf("%d Hz: %d bytes after %d samples, %.1f ms", rate, len(data), n, 1000*float64(n)/float64(rate))
				if pages, _ := parse(data); len(pages) != 3 {
					t.Errorf("%d Hz: %d pages first, want the headers and one of sound", rate, len(pages))
				}
				break
			}
			if n > limit {
				t.Fatalf("%d Hz: nothing after %d samples", rate, n)
			}
		}
	}
}

func TestSerialNumbersDiffer(t *testing.T) {
	seen := map[uint32]bool{}
	for range 4 {
		e, err := Codec{}.New(t.Context(), format(24000, 32000), nil)
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[binary.LittleEndian.Uint32(data[14:])] = true
	}
	if len(seen) < 3 {
		t.Errorf("serial numbers %v", seen)
	}
}

func TestLabelGoesIntoTheStream(t *testing.T) {
	label := &speech.Label{Producer: "Example", ContentID: "42", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, l := range []*speech.Label{nil, label} {
		pages, err := parse(slices.Concat(encodePieces(t, format(24000, 32000), nil, 480, l)...))
		if err != nil {
			t.Fatal(err)
		}
		comments := pages[1].packets[0]
		if !bytes.HasPrefix(comments, []byte("OpusTags")) || bytes.Contains(comments, []byte("AIGC=")) != (l != nil) {
			t.Errorf("comments %q", comments)
		}
	}
}

func TestEveryBitRateIsKept(t *testing.T) {
	for n, bits := range (Codec{}).Info().BitRates {
		rate := rates[n%len(rates)]
		pcm := voice(rate, rate)
		pages, err := parse(encode(t, format(rate, bits), pcm))
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, p := range pages[2:] {
			for _, packet := range p.packets {
				size += len(packet)
			}
		}
		if got := float64(size*8) / 1.02; got < 0.5*float64(bits) || got > 1.25*float64(bits) {
			t.Errorf("%d Hz: %.0f bit/s, want about %d", rate, got, bits)
		}
	}
}

// TestHarshSignals encodes what breaks encoders. A failure is a panic, an error, or a level that is off.
func TestHarshSignals(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for name, sample := range map[string]func(i int) int16{
		"silence": func(int) int16 { return 0 },
		"least":   func(int) int16 { return math.MinInt16 },
		"square":  func(i int) int16 { return int16(math.MaxInt16 - i/37%2*math.MaxUint16) },
		"fastest": func(i int) int16 { return int16(math.MaxInt16 - i%2*math.MaxUint16) },
		"noise":   func(int) int16 { return int16(random.Uint32()) },
		"clicks":  func(i int) int16 { return int16(max(0, i%1777-1775) * math.MaxInt16) },
		"bursts":  func(i int) int16 { return int16(i/3000%2) * int16(random.Uint32()) },
		"faint":   func(i int) int16 { return int16(i % 3) },
	} {
		for n, bits := range []int{8000, 32000, 40000, 128000} {
			for _, rate := range []int{8000, 24000, 48000}[n%2:] {
				pcm := make([]byte, 0, rate/4)
				for i := range rate / 8 {
					pcm = binary.LittleEndian.AppendUint16(pcm, uint16(sample(i)))
				}
				if _, err := parse(encode(t, format(rate, bits), pcm)); err != nil {
					t.Errorf("%s at %d Hz, %d bit/s: %v", name, rate, bits, err)
				}
			}
		}
	}
}

func TestDoesNotAllocate(t *testing.T) {
	for _, bits := range []int{24000, 64000} {
		e, err := fixed().New(t.Context(), format(24000, bits), nil)
		if err != nil {
			t.Fatal(err)
		}
		pcm := voice(24000, 480*100)
		at := 0
		next := func() {
			if _, err := e.Encode(t.Context(), pcm[at:at+960]); err != nil {
				t.Fatal(err)
			}
			at = (at + 960) % len(pcm)
		}
		for range 60 { // what grows later grows seldom
			next()
		}
		if n := testing.AllocsPerRun(100, next); n > 0 {
			t.Errorf("%d bit/s: %v allocations a frame", bits, n)
		}
	}
}

// FuzzEncoder encodes any samples in any pieces, at any rate.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte{0, 0x80, 0xFF, 0x7F}, uint8(0), uint8(0), uint16(1), uint16(3000))
	f.Add(voice(24000, 700), uint8(3), uint8(5), uint16(500), uint16(4))
	f.Add([]byte{1, 0, 0, 0, 0xFE, 0xFF}, uint8(4), uint8(255), uint16(9), uint16(2000))
	bitRates := Codec{}.Info().BitRates
	f.Fuzz(func(t *testing.T, pcm []byte, rate, bits uint8, piece, repeat uint16) {
		pcm = pcm[:len(pcm)&^1]
		if len(pcm) > 0 {
			pcm = bytes.Repeat(pcm, min(1+int(repeat), 1+20000/len(pcm)))
		}
		to := format(rates[int(rate)%len(rates)], bitRates[int(bits)%len(bitRates)])
		data := slices.Concat(encodePieces(t, to, pcm, 1+int(piece), nil)...)
		pages, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		checkPages(t, to.String(), pages, to.SampleRate, uint64(len(pcm)/2))
	})
}
