package codec_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/speech"
)

var update = flag.Bool("update", false, "write the tables of docs/formats.md anew")

// TestDocs: the tables of docs/formats.md are what the code says.
func TestDocs(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "formats.md")
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := have
	for name, table := range map[string]string{"formats": formatTable(t), "rates": rateTable(t), "blocks": blockTable()} {
		begin, end := "<!-- "+name+": written by go test ./internal/codec -run TestDocs -update -->\n", "<!-- end of "+name+" -->"
		from, to := bytes.Index(want, []byte(begin)), bytes.Index(want, []byte(end))
		if from < 0 || to < from {
			t.Fatalf("docs/formats.md has no place for %s", name)
		}
		want = slices.Concat(want[:from+len(begin)], []byte("\n"+table+"\n"), want[to:])
	}
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil { //nolint:gosec // a page for all to read
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(have, want) {
		t.Error("docs/formats.md is out of date: run go test ./internal/codec -run TestDocs -update")
	}
}

// formatTable tells one format a line, with the defaults of a server at 24 kHz.
func formatTable(t *testing.T) string {
	b := "| format | file | Content-Type | container | default at 24 kHz | lead | tail | label |\n|---|---|---|---|---|---|---|---|\n"
	for _, i := range codec.Infos() {
		f, err := i.Resolve(speech.Format{Encoding: i.Encoding}, 24000)
		if err != nil {
			t.Fatal(err)
		}
		usual := fmt.Sprintf("%d Hz", f.SampleRate)
		if f.BitRate > 0 {
			usual += ", " + kilo(f.BitRate) + " kbit/s"
		}
		lead, tail := "0", "0"
		if i.Frame > 0 {
			lead, tail = fmt.Sprint(i.Lead), "< 2 frames"
		}
		b += fmt.Sprintf("| `%s` | .%s | `%s` | %s | %s | %s | %s | %s |\n", i.Encoding, strings.Join(append([]string{i.Extension}, i.Aliases...), " ."),
			i.ContentType(f), orNone(i.Container), usual, lead, tail, orNone(i.LabelIn))
	}
	return b
}

// rateTable tells which sample rates and bit rates a format takes, and the default bit rate of each.
func rateTable(t *testing.T) string {
	b := "| format | sample rate, Hz | bit rate, kbit/s | default |\n|---|---|---|---|\n"
	for _, i := range codec.Infos() {
		rates, bits, usual := fmt.Sprintf("%d to %d", speech.MinSampleRate, speech.MaxSampleRate), "-", "-"
		if i.SampleRates != nil {
			rates = join(i.SampleRates, func(v int) string { return fmt.Sprint(v) })
		}
		if i.BitRates != nil {
			bits = join(i.BitRates, kilo)
			var defaults []int
			for _, rate := range i.SampleRates {
				f, err := i.Resolve(speech.Format{Encoding: i.Encoding, SampleRate: rate}, 0)
				if err != nil {
					t.Fatal(err)
				}
				defaults = append(defaults, f.BitRate)
			}
			if usual = join(defaults, kilo); len(slices.Compact(slices.Clone(defaults))) == 1 {
				usual = kilo(defaults[0])
			}
		}
		b += fmt.Sprintf("| `%s` | %s | %s | %s |\n", i.Encoding, rates, bits, usual)
	}
	return b
}

// blockTable tells of how many samples a WAV stream is a multiple.
func blockTable() string {
	b := "| sample rate, Hz | `wav` | `mulaw`, `alaw` |\n|---|---|---|\n"
	from := speech.MinSampleRate
	blocks := func(rate int) [2]int {
		f := speech.Format{SampleRate: rate}
		return [2]int{codec.WAV{}.Info().BlockSamples(f), codec.MuLaw().Info().BlockSamples(f)}
	}
	for rate := from; rate <= speech.MaxSampleRate; rate++ {
		if rate < speech.MaxSampleRate && blocks(rate+1) == blocks(from) {
			continue
		}
		n := blocks(rate)
		b += fmt.Sprintf("| %d to %d | %d (at most %d ms) | %d (at most %d ms) |\n", from, rate, n[0], n[0]*1000/from, n[1], n[1]*1000/from)
		from = rate + 1
	}
	return b
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func kilo(bits int) string { return fmt.Sprint(bits / 1000) }

func join(values []int, show func(int) string) string {
	s := make([]string, len(values))
	for n, v := range values {
		s[n] = show(v)
	}
	return strings.Join(s, " ")
}
