package metadata

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/speech"
)

// show is a file in one line.
func show(f File) string {
	s := fmt.Sprintf("%s %s %d/%d Hz %d ch %d bit %d bit/s %d samples %v", f.Container, f.Encoding, f.SampleRate, f.SourceRate, f.Channels, f.BitDepth, f.BitRate,
		f.Samples, f.Duration)
	for _, t := range f.Tags {
		s += fmt.Sprintf(" %s=%s", t.Key, t.Value)
	}
	if f.Label != nil {
		s += fmt.Sprintf(" label %q %q %s", f.Label.Producer, f.Label.ContentID, f.Label.Time.Format(time.RFC3339))
	}
	for _, n := range f.Notes {
		s += " [" + n + "]"
	}
	return s
}

const (
	flatJSON    = `{"Label":"1","ContentProducer":"P","ProduceID":"I"}`
	wrappedJSON = `{"aigc":{"Label":"1","ContentProducer":"P","ProduceID":"I"}}`
)

// foreign are files as others write them, and what is to be read in them.
var foreign = map[string]struct {
	data []byte
	want string
}{
	"wav": {riff(fmtChunk(1, 1, 24000, 16), chunk("data", zeros(4800))), "wav pcm 24000/0 Hz 1 ch 16 bit 384000 bit/s 2400 samples 100ms"},
	"wav with LIST at the end, odd data": {
		riff(chunk("bext", zeros(33)), fmtChunk(7, 1, 8000, 8), chunk("data", zeros(801)), chunk("LIST", "INFO", chunk("INAM", "caf\xE9\x00"), chunk("IART", "è\x00"))),
		"wav mulaw 8000/0 Hz 1 ch 8 bit 64000 bit/s 801 samples 100.125ms INAM=café IART=è",
	},
	"wav with a label": {
		riff(fmtChunk(6, 1, 8000, 8), chunk("LIST", "adtl", zeros(9)), chunk("LIST", "INFO", chunk("ICMT", wrappedJSON), chunk("ICRD", "2025-09-01")), chunk("data", zeros(80))),
		"wav alaw 8000/0 Hz 1 ch 8 bit 64000 bit/s 80 samples 10ms ICMT=" + wrappedJSON + ` ICRD=2025-09-01 label "P" "I" 2025-09-01T00:00:00Z`,
	},
	"wav extensible": {
		riff(chunk("fmt ", le16(0xFFFE), le16(6), le32(48000), le32(48000*24), le16(24), le16(32), le16(22), le16(24), le32(0x3F), le16(1), zeros(14)), chunk("data", zeros(2400))),
		"wav pcm 48000/0 Hz 6 ch 24 bit 9216000 bit/s 100 samples 2.083333ms",
	},
	"wav float":       {riff(fmtChunk(3, 2, 48000, 32), chunk("data", zeros(3840))), "wav float 48000/0 Hz 2 ch 32 bit 3072000 bit/s 480 samples 10ms"},
	"wav of ADPCM":    {riff(fmtChunk(2, 1, 8000, 4*8), chunk("fact", le32(8000)), chunk("data", zeros(100))), "wav 0x0002 8000/0 Hz 1 ch 0 bit 256000 bit/s 8000 samples 1s"},
	"wav with id3":    {riff(fmtChunk(1, 1, 8000, 16), chunk("data", zeros(160)), chunk("id3 ", id3(3, 0, id3Frame(3, "TIT2", 0, 0, "T")))), "wav pcm 8000/0 Hz 1 ch 16 bit 128000 bit/s 80 samples 10ms TIT2=T"},
	"wav cut off":     {riff(fmtChunk(1, 1, 8000, 16), chunk("data", zeros(1600)))[:844], "wav pcm 8000/0 Hz 1 ch 16 bit 128000 bit/s 400 samples 50ms [byte 40: 1600 bytes of data, of which only 800 are there]"},
	"wav, 0x7FFFF000": {cat("RIFF", le32(0x7FFFF024), "WAVE", fmtChunk(1, 1, 8000, 16), "data", le32(0x7FFFF000), zeros(160)), "wav pcm 8000/0 Hz 1 ch 16 bit 128000 bit/s 80 samples 10ms"},
	"wav, 0xFFFFFFFF": {cat("RIFF", le32(-1), "WAVE", fmtChunk(1, 1, 8000, 16), "data", le32(-1), zeros(160)), "wav pcm 8000/0 Hz 1 ch 16 bit 128000 bit/s 80 samples 10ms"},
	"wav, 0":          {cat("RIFF", le32(0), "WAVE", fmtChunk(1, 1, 8000, 16), "data", le32(0), zeros(160)), "wav pcm 8000/0 Hz 1 ch 16 bit 128000 bit/s 80 samples 10ms"},
	"wav, empty":      {riff(fmtChunk(1, 1, 8000, 16), chunk("data")), "wav pcm 8000/0 Hz 1 ch 16 bit 128000 bit/s 0 samples 0s"},
	"rf64": {
		cat("RF64", le32(-1), "WAVE", chunk("ds64", le64(0), le64(160), le64(80), le32(0)), fmtChunk(1, 1, 8000, 16), "data", le32(-1), zeros(160), chunk("LIST", "INFO", chunk("ISFT", "x"))),
		"rf64 pcm 8000/0 Hz 1 ch 16 bit 128000 bit/s 80 samples 10ms ISFT=x",
	},
	"mp3":                  {mpegFrames(5), "mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 2880 samples 120ms"},
	"mp3 with Info":        {cat(lameFrame(576, 704), mpegFrames(5)), "mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 1600 samples 66.666666ms"},
	"mp3 of Info alone":    {lameFrame(576, 704), "mp3 mp3 24000/0 Hz 1 ch 0 bit 0 bit/s 0 samples 0s"},
	"mp3 with junk inside": {cat(mpegFrames(5), "junk", mpegFrames(5), "tail"), "mp3 mp3 24000/0 Hz 1 ch 0 bit 64133 bit/s 5760 samples 240ms [byte 960: something that is no frame, passed over] [byte 1924: 4 bytes after the last whole frame]"},
	"mp3, ID3v1":           {cat(mpegFrames(5), "TAG", "a title", zeros(23), "caf\xE9  ", zeros(24), zeros(128-63)), "mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 2880 samples 120ms title=a title artist=café"},
	"mp3, ID3v2.2":         {cat("ID3\x02\x00\x00", 0, 0, 0, 26, "TT2\x00\x00\x05\x00abcd", "PIC\x00\x00\x04xxxx", zeros(5), mpegFrames(2)), "mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 1152 samples 48ms TT2=abcd PIC=(4 bytes)"},
	"mp3, ID3v2.3": {
		cat(id3(3, 0x40, be32(6), zeros(6), id3Frame(3, "TIT2", 0, 1, utf16le("Tïtel 題")), id3Frame(3, "TXXX", 0, 1, utf16le("AIGC\x00"), utf16le(flatJSON)),
			id3Frame(3, "COMM", 0, 0, "eng", "d\x00text"), id3Frame(3, "WXXX", 0, 0, "home\x00http://x/"), id3Frame(3, "APIC", 0, picture), id3Frame(3, "TALB", 0x80, "zip"), zeros(300)), mpegFrames(2)),
		"mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 1152 samples 48ms TIT2=Tïtel 題 TXXX:AIGC=" + flatJSON +
			` COMM:d=text WXXX:home=http://x/ APIC=(70000 bytes) TALB=(3 bytes) label "P" "I" 0001-01-01T00:00:00Z`,
	},
	"mp3, ID3v2.3 unsynchronised": {
		cat(id3(3, 0x80, unsync(cat(id3Frame(3, "TIT2", 0, 1, utf16le("ÿÿ 題")), id3Frame(3, "APIC", 0, "\xFF\xFF\xFF"), id3Frame(3, "TALB", 0, 0, "after")))), mpegFrames(2)),
		"mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 1152 samples 48ms TIT2=ÿÿ 題 APIC=(3 bytes) TALB=after",
	},
	"mp3, ID3v2.4": {
		cat(id3(4, 0, id3Frame(4, "TPE1", 0, 3, "a\x00b"), id3Frame(4, "TDRC", 0, 3, "2025-09-01T10:11:12"), id3Frame(4, "TALB", 0x43, "g", 0, 0, 0, 5, 1, unsync(utf16le("ÿx"))),
			id3Frame(4, "TIT2", 0, 2, utf16be("題\x00")), id3Frame(4, "TXXX", 0, 3, "aigc\x00"+wrappedJSON), cat("TCOM", be32(200), 0, 0, 3, strings.Repeat("c", 199))), mpegFrames(2)),
		"mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 1152 samples 48ms TPE1=a; b TDRC=2025-09-01T10:11:12 TALB=ÿx TIT2=題 TXXX:aigc=" + wrappedJSON + " TCOM=" + strings.Repeat("c", 199) +
			` label "P" "I" 2025-09-01T10:11:12Z`,
	},
	"mp3, broken tag":  {cat(id3(4, 0, id3Frame(4, "TPE1", 0, 3, "a"), cat("TIT2", be32(99), 0, 0, "x")), mpegFrames(2)), "mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 1152 samples 48ms TPE1=a [byte 0: the rest of the ID3 tag is left out: byte 26: frame TIT2 of 99 bytes, of which at most 1 are there]"},
	"mp3, ID3v2.9":     {cat(id3(9, 0, zeros(20)), mpegFrames(2)), "mp3 mp3 24000/0 Hz 1 ch 0 bit 64000 bit/s 1152 samples 48ms [byte 3: an ID3 tag of version 2.9, which is not known here]"},
	"adts":             {adtsFrames(10), "adts aac 44100/0 Hz 1 ch 0 bit 5512 bit/s 10240 samples 232.199546ms"},
	"adts, two tags":   {cat(id3(4, 0x10, id3Frame(4, "TSSE", 0, 3, "a")), zeros(10), id3(4, 0, id3Frame(4, "TIT2", 0, 3, "b")), adtsFrames(1), "tail"), "adts aac 44100/0 Hz 1 ch 0 bit 5512 bit/s 1024 samples 23.219954ms TSSE=a TIT2=b [byte 70: 4 bytes after the last whole frame]"},
	"flac":             {cat("fLaC", flacBlockOf(false, 0, streamInfoOf(24000, 2400)), flacBlockOf(false, 6, picture), flacBlockOf(false, 1, zeros(9)), flacBlockOf(true, 4, comments("ref", "TITLE=a=b", "bare", "DATE=2025-09-01", "AIGC="+flatJSON)), zeros(60)), "flac flac 24000/0 Hz 1 ch 16 bit 4800 bit/s 2400 samples 100ms PICTURE=(70000 bytes) vendor=ref TITLE=a=b comment=bare DATE=2025-09-01 AIGC=" + flatJSON + ` label "P" "I" 2025-09-01T00:00:00Z`},
	"flac, streamed":   {cat("fLaC", flacBlockOf(true, 0, streamInfoOf(24000, 0)), flacFrameOf(0, 4096), flacFrameOf(1, 4096), flacFrameOf(2, 100)), "flac flac 24000/0 Hz 1 ch 16 bit 903 bit/s 8292 samples 345.5ms"},
	"flac, empty":      {cat("fLaC", flacBlockOf(true, 0, streamInfoOf(24000, 0))), "flac flac 24000/0 Hz 1 ch 16 bit 0 bit/s 0 samples 0s"},
	"flac, cut off":    {cat("fLaC", flacBlockOf(true, 0, streamInfoOf(24000, 0)), flacFrameOf(0, 4096)[:9]), "flac flac 24000/0 Hz 1 ch 16 bit 0 bit/s -1 samples 0s [byte 21: the number of samples is not told, and the file does not end with a whole frame]"},
	"flac after ID3":   {cat(id3(4, 0, id3Frame(4, "TIT2", 0, 3, "b")), "fLaC", flacBlockOf(true, 0, streamInfoOf(8000, 800))), "flac flac 8000/0 Hz 1 ch 16 bit 0 bit/s 800 samples 100ms TIT2=b"},
	"opus":             {opusFile("ENCODER=e", "AIGC="+flatJSON), "ogg opus 48000/24000 Hz 1 ch 0 bit 7176 bit/s 48000 samples 1s vendor=lib ENCODER=e AIGC=" + flatJSON + ` label "P" "I" 0001-01-01T00:00:00Z`},
	"opus, picture":    {opusFile("METADATA_BLOCK_PICTURE="+picture, "TITLE=t"), "ogg opus 48000/24000 Hz 1 ch 0 bit 569304 bit/s 48000 samples 1s vendor=lib METADATA_BLOCK_PICTURE=(70000 bytes) TITLE=t"},
	"opus, chained":    {cat(opusFile(), oggPages(8, []int{0}, opusHead(24000, 312))), "ogg opus 48000/24000 Hz 1 ch 0 bit 0 bit/s -1 samples 0s vendor=lib [byte 824: the file ends with another stream than it begins with; how long they are is not known]"},
	"opus, tags only":  {oggPages(7, []int{0}, opusHead(24000, 312)), "ogg opus 48000/24000 Hz 1 ch 0 bit 0 bit/s -1 samples 0s [byte 47: the file ends with the first packet: byte 47: the file ends in the middle of an Ogg page]"},
	"opus, no end":     {opusFile()[:200], "ogg opus 48000/24000 Hz 1 ch 0 bit 0 bit/s 0 samples 0s vendor=lib"},
	"vorbis":           {oggPages(7, []int{0, 0, 24000}, cat("\x01vorbis", le32(0), 1, le32(24000), zeros(13)), cat("\x03vorbis", comments("v", "TITLE=t")), zeros(30)), "ogg vorbis 24000/0 Hz 1 ch 0 bit 1360 bit/s 24000 samples 1s vendor=v TITLE=t"},
	"flac in ogg":      {oggPages(7, []int{0, 0}, cat("\x7FFLAC\x01\x00\x00\x01fLaC", flacBlockOf(false, 0, streamInfoOf(24000, 2400))), flacBlockOf(true, 4, comments("v", "TITLE=t"))), "ogg flac 24000/0 Hz 1 ch 16 bit 10480 bit/s 2400 samples 100ms vendor=v TITLE=t"},
	"control bytes":    {opusFile("TITLE=\x1b[31mred\x07\x9f\xff\nline"), "ogg opus 48000/24000 Hz 1 ch 0 bit 6800 bit/s 48000 samples 1s vendor=lib TITLE=[31mred\nline"},
	"comments too big": {oggPages(7, []int{0, 0, 960}, opusHead(8000, 0), cat("OpusTags", le32(3), "lib", le32(9), le32(1<<31), "x"), zeros(9)), "ogg opus 48000/8000 Hz 1 ch 0 bit 54400 bit/s 960 samples 20ms vendor=lib [byte 83: the rest of the comments is left out: byte 94: a string of 2147483648 bytes, of which at most 38 are there]"},
}

func TestRead(t *testing.T) {
	for name, c := range foreign {
		f, err := Read(bytes.NewReader(c.data))
		if got := show(f); err != nil || got != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, c.want)
		}
		// The same through a reader that only seeks, as from a network.
		if f, err := Read(struct{ io.ReadSeeker }{bytes.NewReader(c.data)}); err != nil || show(f) != c.want {
			t.Errorf("%s, by seeking: %v", name, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for says, data := range map[string][]byte{
		"byte 0: the file is empty":                                                           nil,
		`byte 0: "hell" begins no format that is known here`:                                  []byte("hello, world"),
		"byte 44: the file has no data chunk":                                                 riff(fmtChunk(1, 1, 8000, 16), chunk("junk")),
		"byte 24: the file has no format chunk":                                               riff(chunk("data", zeros(4))),
		"byte 20: a format chunk of 4 bytes, of which 16 are needed":                          riff(chunk("fmt ", zeros(4))),
		"byte 22: 0 channels":                                                                 riff(chunk("fmt ", le16(1), le16(0), le32(8000), le32(0), le16(2), le16(16))),
		"byte 22: a sample rate of 0 Hz":                                                      riff(chunk("fmt ", le16(1), le16(1), le32(0), le32(0), le16(2), le16(16))),
		"byte 32: samples of 0 bytes":                                                         riff(fmtChunk(1, 0, 8000, 16)),
		"byte 20: an extensible format without its extension":                                 riff(fmtChunk(0xFFFE, 1, 8000, 16)),
		"byte 6: an ID3 tag of 99 bytes, of which only 3 are there":                           cat("ID3\x04\x00\x00\x00\x00\x00\x63abc"),
		"byte 14: no frame of MPEG audio layer III":                                           cat(id3(4, 0, zeros(4)), zeros(70_000)),
		"byte 0: no frame of MPEG audio layer III":                                            mpegFrames(1)[:100],
		"byte 0: no whole ADTS frame":                                                         adtsFrames(1)[:15],
		"byte 4: the first block of metadata is no STREAMINFO":                                cat("fLaC", flacBlockOf(true, 4, comments("x"))),
		"byte 4: the file ends in the middle of a block of metadata":                          []byte("fLaC"),
		"byte 43: a block of metadata of 66051 bytes, of which only 0 are there":              cat("fLaC", flacBlockOf(false, 0, streamInfoOf(8000, 1)), "\x04\x01\x02\x03"),
		"byte 0: the file ends in the middle of an Ogg page":                                  []byte("OggS\x00"),
		`byte 28: an Ogg stream that begins with "Speex  ", which is none that is known here`: oggPages(1, []int{0}, []byte("Speex   ")),
		"byte 31: the packet ends 4 bytes too early":                                          oggPages(1, []int{0}, []byte("Opu")),
		"byte 37: 0 channels":                                                                 oggPages(1, []int{0}, cat("OpusHead", 1, 0, zeros(9))),
	} {
		if f, err := Read(bytes.NewReader(data)); err == nil || err.Error() != "read audio file: "+says {
			t.Errorf("%v, want %s; read %s", err, says, show(f))
		}
	}
}

// TestManyTags: what does not end is bounded.
func TestManyTags(t *testing.T) {
	fields := slices.Repeat([]string{"K=" + strings.Repeat("v", maxValue-2)}, 600)
	f, err := Read(bytes.NewReader(opusFile(fields...)))
	if err != nil || len(f.Tags) != maxTags || len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "more than 512 tags") {
		t.Errorf("%v, %d tags, %q", err, len(f.Tags), f.Notes)
	}
	chunks := riff(slices.Repeat([][]byte{chunk("junk")}, maxParts+1)...)
	if _, err := Read(bytes.NewReader(chunks)); err == nil || !strings.Contains(err.Error(), "more than 20000 chunks") {
		t.Errorf("%v", err)
	}
}

// counting tells how often and how much is read.
type counting struct {
	*bytes.Reader
	calls int
	bytes int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.calls++
	c.bytes += int64(n)
	return n, err
}

// TestReadsInProportion: hostile files do not make Read go over them again and again.
func TestReadsInProportion(t *testing.T) {
	for name, data := range map[string][]byte{
		"pages that are none":   cat(opusFile(), bytes.Repeat([]byte("OggS"), 300_000)),
		"headers without frame": cat(mpegFrames(2), bytes.Repeat([]byte{0xFF, 0xF3, 0x84, 0xC1, 0xFF}, 200_000)),
		"junk between frames":   bytes.Repeat(cat(mpegFrames(2), zeros(30_000)), 30),
		"flac headers":          cat("fLaC", flacBlockOf(true, 0, streamInfoOf(24000, 0)), bytes.Repeat(flacFrameOf(0, 100)[:11], 90_000)),
		"unsynchronised tag":    cat(id3(3, 0x80, bytes.Repeat([]byte{0xFF, 0}, 500_000)), mpegFrames(2)),
		"empty chunks":          riff(slices.Repeat([][]byte{chunk("junk")}, maxParts-100)...),
		"tiny comments":         opusFile(slices.Repeat([]string{""}, 100_000)...),
	} {
		c := &counting{Reader: bytes.NewReader(data)}
		_, _ = Read(c)
		if most := 2*int64(len(data)) + 40<<20; c.bytes > most {
			t.Errorf("%s: %d bytes read of %d, in %d calls", name, c.bytes, len(data), c.calls)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range foreign {
		if len(c.data) < 5000 {
			f.Add(c.data)
		}
	}
	l := &speech.Label{Producer: "P", ContentID: "I", Time: time.Unix(0, 0)}
	f.Add(cat(ID3(l, 200), mpegFrames(3)))
	f.Add(riff(chunk("JUNK", zeros(28)), fmtChunk(1, 1, 8000, 16), Info(l), chunk("data", zeros(80))))
	f.Add(oggPages(1, []int{0, 0, 960}, opusHead(48000, 312), cat("OpusTags", VorbisComment(l)), zeros(99)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &counting{Reader: bytes.NewReader(data)}
		file, err := Read(c)
		if most := 64*int64(len(data)) + 64<<20; c.bytes > most {
			t.Fatalf("%d bytes read of %d", c.bytes, len(data))
		}
		if err != nil {
			return
		}
		if file.Samples < -1 || file.Duration < 0 || file.SampleRate < 1 || file.Channels < 1 || file.BitRate < 0 || file.BitDepth < 0 {
			t.Fatalf("%+v", file)
		}
		if len(file.Tags) > maxTags || len(file.Notes) > maxNotes {
			t.Fatalf("%d tags, %d notes", len(file.Tags), len(file.Notes))
		}
		for _, tag := range file.Tags {
			if len(tag.Key) > 2*maxKey || len(tag.Value) > 3*maxValue || text(tag.Value) != tag.Value || oneLine(tag.Key) != tag.Key {
				t.Fatalf("tag %q", tag)
			}
		}
		if l := file.Label; l != nil && (len(l.Producer) > maxText || len(l.ContentID) > maxText || clean(l.Producer) != l.Producer) {
			t.Fatalf("label %+v", *l)
		}
	})
}
