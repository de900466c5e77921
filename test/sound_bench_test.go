package test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/audio"
	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/codec/flac"
	"github.com/orotund/orotund/internal/codec/opus"
	"github.com/orotund/orotund/internal/codec/remote"
	"github.com/orotund/orotund/internal/speech"
	"github.com/orotund/orotund/internal/worker"
)

const (
	soundRate    = 24000                  // Hz of the speech that effects and codecs are measured with
	soundSeconds = 60                     // of it
	effectFrame  = soundRate / 10         // samples that effects get at a time
	codecFrame   = 400 * time.Millisecond // that encoders get at a time, as inference sends them after the first second
)

// soundTable compares what Orotund spends on a second of audio with what a program made for nothing else spends.
type soundTable struct {
	rows       []soundRow
	references map[string]time.Duration // by name
}

type soundRow struct {
	name, reference string
	ours, theirs    time.Duration // CPU time for soundSeconds; theirs 0: nothing to compare with
	allocs          float64       // a second of audio
}

// reference is a program that does the same.
type reference struct {
	name    string                   // for a person; empty: there is none
	command func(in string) []string // treats the samples of a file
}

// measure runs pass, which treats soundSeconds of audio, and the reference on the same. CPU time of this process counts, and of the
// process pid if it is not 0.
func (s *soundTable) measure(b *testing.B, pid int, ref reference, pcm []byte, pass func()) {
	b.Helper()
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		d := time.Duration(u.Utime.Nano() + u.Stime.Nano())
		if pid != 0 {
			d += cpuTime(b, pid)
		}
		return d
	}
	theirs, name := s.reference(b, ref, pcm)
	pass() // warm
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := cpu()
	for b.Loop() {
		pass()
	}
	ours := (cpu() - began) / time.Duration(b.N)
	runtime.ReadMemStats(&after)
	r := soundRow{name: b.Name(), reference: name, ours: ours, theirs: theirs, allocs: float64(after.Mallocs-before.Mallocs) / float64(b.N) / soundSeconds}
	_, r.name, _ = strings.Cut(strings.ReplaceAll(r.name, "_", " "), "/")
	s.rows = append(slices.DeleteFunc(s.rows, func(old soundRow) bool { return old.name == r.name }), r)
	b.ReportMetric(soundSeconds/ours.Seconds(), "x-realtime")
	b.ReportMetric(r.allocs, "allocs/audio-s")
	if theirs > 0 {
		b.ReportMetric(float64(ours)/float64(theirs), "cpu/ref")
	}
	b.ReportMetric(0, "ns/op") // wall time: it counts what else the machine does
}

// reference is the CPU time of a program for its work alone: the least of some runs, less that of runs on no audio.
func (s *soundTable) reference(b *testing.B, ref reference, pcm []byte) (d time.Duration, name string) {
	b.Helper()
	if ref.name == "" {
		return 0, "-"
	}
	if program := ref.command("")[0]; !installed(program) {
		return 0, program + " is not installed"
	}
	if d, ok := s.references[ref.name]; ok {
		return d, ref.name
	}
	least := func(data []byte) time.Duration {
		in := filepath.Join(b.TempDir(), "in.raw")
		if err := os.WriteFile(in, data, 0o600); err != nil {
			b.Fatal(err)
		}
		args := ref.command(in)
		d := time.Duration(math.MaxInt64)
		for range 4 {
			cmd := exec.Command(args[0], args[1:]...)
			if out, err := cmd.CombinedOutput(); err != nil && len(data) > 0 { // some call no audio an error
				b.Fatalf("%v: %v: %s", args, err, out)
			}
			d = min(d, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
		return d
	}
	d = max(least(pcm)-least(nil), time.Microsecond)
	if s.references == nil {
		s.references = map[string]time.Duration{}
	}
	s.references[ref.name] = d
	return d, ref.name
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// print writes the table for a person.
func (s *soundTable) print(title string) {
	if len(s.rows) == 0 {
		return
	}
	fmt.Printf("\n%s, %d s of speech; x: seconds of audio in a second of one core\n", title, soundSeconds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tours x\tallocs/s\treference x\tours/reference CPU\treference")
	for _, r := range s.rows {
		theirs, ratio := "-", "-"
		if r.theirs > 0 {
			theirs, ratio = fmt.Sprintf("%.0f", soundSeconds/r.theirs.Seconds()), fmt.Sprintf("%.2f", float64(r.ours)/float64(r.theirs))
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%s\t%s\t%s\n", r.name, soundSeconds/r.ours.Seconds(), r.allocs, theirs, ratio, r.reference)
	}
	_ = w.Flush()
	fmt.Println()
}

// soundSpeech is soundSeconds of speech at soundRate.
func soundSpeech(b *testing.B) []byte {
	b.Helper()
	voice := "flite.slt"
	if _, err := os.Stat(filepath.Join(os.Getenv("OROTUND_TEST_BIN"), "orotund-worker-flite")); err != nil {
		voice = "espeak.en-us"
		program(b, "orotund-worker-espeak")
	}
	pcm := single(b, "").speak(b, map[string]any{"voice": voice, "input": strings.Repeat(sentence+" ", 12), "response_format": "pcm", "sample_rate": soundRate})
	for len(pcm) < 2*soundRate*soundSeconds {
		pcm = append(pcm, pcm...)
	}
	return pcm[:2*soundRate*soundSeconds]
}

// soxEffect has sox apply effects to samples.
func soxEffect(effects string) reference {
	return reference{"sox " + effects, func(in string) []string {
		return slices.Concat([]string{"sox", "-D"}, soxInput(in), []string{"-t", "raw", "/dev/null"}, strings.Fields(effects))
	}}
}

// soxFile has sox write a WAV file.
func soxFile(options string) reference {
	return reference{"sox -t wav " + options, func(in string) []string {
		return slices.Concat([]string{"sox", "-D"}, soxInput(in), []string{"-t", "wav"}, strings.Fields(options), []string{"/dev/null"})
	}}
}

func soxInput(in string) []string {
	return []string{"-t", "raw", "-r", strconv.Itoa(soundRate), "-e", "signed", "-b", "16", "-c", "1", in}
}

// ffmpeg has ffmpeg treat samples, on one core.
func ffmpeg(rate int, options, output string) reference {
	return reference{"ffmpeg " + options, func(in string) []string {
		return slices.Concat([]string{"ffmpeg", "-v", "error", "-y", "-threads", "1", "-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", in, "-threads", "1"},
			strings.Fields(options), []string{"-f", output, "/dev/null"})
	}}
}

// BenchmarkSoundEffects shows what each effect costs between PCM and PCM, against sox and ffmpeg.
func BenchmarkSoundEffects(b *testing.B) {
	pcm := soundSpeech(b)
	table := &soundTable{}
	for _, e := range []struct {
		name      string
		effect    func(b *testing.B) effect
		reference reference
	}{
		{"resample 24000 to 48000", resampling(48000), soxEffect("rate -v 48000")},
		{"resample 24000 to 22050", resampling(22050), soxEffect("rate -v 22050")},
		{"resample 24000 to 8000", resampling(8000), soxEffect("rate -v 8000")},
		{"speed 1.5", stretching(1.5), soxEffect("tempo -s 1.5")},
		{"speed 0.5", stretching(0.5), soxEffect("tempo -s 0.5")},
		{"pitch +3", pitching(3), soxEffect("pitch 300")},
		{"join, a segment a second", joining, reference{}},
		{"loudness, meter alone", metering, ffmpeg(soundRate, "-af ebur128=framelog=verbose", "null")},
		{"loudness, meter and gain", levelling, reference{}},
		{"limiter, at work", limiting, ffmpeg(soundRate, "-af volume=12dB,alimiter=limit=0.89:level=0", "s16le")},
		{"DC blocker", blocking, soxEffect("highpass -1 20")},
	} {
		b.Run(e.name, func(b *testing.B) {
			f := e.effect(b)
			var in, out []float32
			var made []byte
			table.measure(b, 0, e.reference, pcm, func() {
				for at := 0; at < len(pcm); at += 2 * effectFrame {
					in = audio.DecodeS16(in[:0], pcm[at:min(at+2*effectFrame, len(pcm))])
					out = f.process(out[:0], in)
					made = audio.EncodeS16(made[:0], out)
				}
				if f.flush != nil {
					made = audio.EncodeS16(made[:0], f.flush(out[:0]))
				}
			})
		})
	}
	table.print("Effects")
}

// effect treats a stream, and is as new after flush.
type effect struct {
	process func(dst, src []float32) []float32
	flush   func(dst []float32) []float32 // nil: there is nothing left
}

// made returns what a constructor has made.
func made[T any](b *testing.B) func(v T, err error) T {
	return func(v T, err error) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
}

func resampling(to int) func(*testing.B) effect {
	return func(b *testing.B) effect {
		r := made[*audio.Resampler](b)(audio.NewResampler(soundRate, to))
		return effect{r.Process, r.Flush}
	}
}

func stretching(speed float64) func(*testing.B) effect {
	return func(b *testing.B) effect {
		s := made[*audio.Stretcher](b)(audio.NewStretcher(soundRate, speed))
		return effect{s.Process, s.Flush}
	}
}

// pitching raises the voice as inference does: longer by the factor of the pitch, then resampled from a rate that is higher by as much.
func pitching(semitones float64) func(*testing.B) effect {
	return func(b *testing.B) effect {
		factor := math.Pow(2, semitones/12)
		s := made[*audio.Stretcher](b)(audio.NewStretcher(soundRate, 1/factor))
		r := made[*audio.Resampler](b)(audio.NewResampler(int(soundRate*factor+0.5), soundRate))
		var mid []float32
		return effect{
			process: func(dst, src []float32) []float32 {
				mid = s.Process(mid[:0], src)
				return r.Process(dst, mid)
			},
			flush: func(dst []float32) []float32 {
				mid = s.Flush(mid[:0])
				return r.Flush(r.Process(dst, mid))
			},
		}
	}
}

// joining ends a segment each second.
func joining(b *testing.B) effect {
	j := made[*audio.Joiner](b)(audio.NewJoiner(soundRate))
	n := 0
	return effect{
		process: func(dst, src []float32) []float32 {
			if n%soundRate == 0 {
				j.Begin()
			}
			dst = j.Process(dst, src)
			if n += len(src); n%soundRate == 0 {
				dst = j.End(dst, 400*time.Millisecond)
			}
			return dst
		},
		flush: func(dst []float32) []float32 {
			dst = j.Flush(dst)
			j.Reset()
			return dst
		},
	}
}

func metering(b *testing.B) effect {
	m := made[*audio.Loudness](b)(audio.NewLoudness(soundRate))
	return effect{
		process: func(dst, src []float32) []float32 { m.Write(src); return dst },
		flush: func(dst []float32) []float32 {
			m.Integrated()
			m.Reset()
			return dst
		},
	}
}

func levelling(b *testing.B) effect {
	l := made[*audio.Leveller](b)(audio.NewLeveller(soundRate, -19))
	l.Begin(0, 0)
	return effect{process: func(dst, src []float32) []float32 {
		l.Process(src)
		return append(dst, src...)
	}}
}

func limiting(b *testing.B) effect {
	l := made[*audio.Limiter](b)(audio.NewLimiter(soundRate, -1))
	return effect{
		process: func(dst, src []float32) []float32 {
			audio.Gain(src, audio.Decibels(12))
			return l.Process(dst, src)
		},
		flush: l.Flush,
	}
}

func blocking(b *testing.B) effect {
	d := made[*audio.DCBlocker](b)(audio.NewDCBlocker(soundRate))
	return effect{process: func(dst, src []float32) []float32 {
		d.Process(src)
		return append(dst, src...)
	}}
}

// BenchmarkSoundCodecs shows what each encoder costs, those in the codec worker with the way there and back, against the programs of
// the libraries.
func BenchmarkSoundCodecs(b *testing.B) {
	pcm := soundSpeech(b)
	pid, dial := codecWorker(b)
	table := &soundTable{}
	for _, c := range []struct {
		codec     codec.Codec
		rate      int
		bits      int
		worker    bool
		reference reference
	}{
		{codec.WAV{}, soundRate, 0, false, soxFile("")},
		{codec.MuLaw(), soundRate, 0, false, soxFile("-e mu-law")},
		{codec.ALaw(), soundRate, 0, false, soxFile("-e a-law")},
		{flac.Codec{}, soundRate, 0, false, reference{"flac -5", func(in string) []string {
			return []string{"flac", "-5", "-s", "-f", "--no-seektable", "--force-raw-format", "--sign=signed", "--endian=little", "--channels=1", "--bps=16",
				"--sample-rate=" + strconv.Itoa(soundRate), "--no-preserve-modtime", "-o", "/dev/null", in} // else it gives /dev/null the mode of in
		}}},
		{opus.Codec{}, soundRate, 32000, false, reference{"opusenc --comp 5 --bitrate 32", func(in string) []string {
			return []string{"opusenc", "--quiet", "--raw", "--raw-rate", strconv.Itoa(soundRate), "--raw-chan", "1", "--comp", "5", "--bitrate", "32", in, "/dev/null"}
		}}},
		{remote.New(codec.MP3(), dial), soundRate, 64000, true, reference{"lame -b 64 -q 5 --nores", func(in string) []string {
			return []string{"lame", "--quiet", "-r", "-s", "24", "--bitwidth", "16", "-m", "m", "-b", "64", "-q", "5", "--nores", in, "/dev/null"}
		}}},
		{remote.New(codec.AAC(), dial), 48000, 96000, true, ffmpeg(48000, "-c:a aac -b:a 96k", "adts")},
	} {
		b.Run(string(c.codec.Info().Encoding), func(b *testing.B) {
			f := speech.Format{Encoding: c.codec.Info().Encoding, SampleRate: c.rate, BitRate: c.bits}
			in, of := pcm, 0
			if c.rate != soundRate {
				in = resampledPCM(b, pcm, c.rate)
			}
			if c.worker {
				of = pid
			}
			if of == 0 && c.worker {
				b.Skip("orotund-worker-codec was not built")
			}
			table.measure(b, of, c.reference, in, func() { encodeAll(b, c.codec, f, in) })
		})
	}
	table.print("Encoders")
}

// encodeAll encodes a stream frame by frame.
func encodeAll(b *testing.B, c codec.Codec, f speech.Format, pcm []byte) {
	ctx := b.Context()
	e, err := c.New(ctx, f, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	frame := 2 * int(codecFrame.Seconds()*float64(f.SampleRate))
	for at := 0; at < len(pcm); at += frame {
		if _, err := e.Encode(ctx, pcm[at:min(at+frame, len(pcm))]); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := e.Finish(ctx); err != nil {
		b.Fatal(err)
	}
}

func resampledPCM(b *testing.B, pcm []byte, to int) []byte {
	f := resampling(to)(b)
	return audio.EncodeS16(nil, f.flush(f.process(nil, audio.DecodeS16(nil, pcm))))
}

// codecWorker starts the codec worker; a pid of 0 tells that there is none.
func codecWorker(b *testing.B) (int, remote.Dial) {
	b.Helper()
	file := filepath.Join(os.Getenv("OROTUND_TEST_BIN"), "orotund-worker-codec")
	if _, err := os.Stat(file); err != nil {
		return 0, nil
	}
	p, err := worker.Start(b.Context(), worker.Spec{Name: "codec", Service: "orotund.codec.v1", Command: []string{file}}, worker.Limits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Stop(context.Background()) })
	client := codecv1.NewEncoderClient(p.Conn())
	return p.Pid(), func(context.Context) (codecv1.EncoderClient, func(), error) { return client, func() {}, nil }
}
