package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func TestSecretNeverPrints(t *testing.T) {
	const value = "hunter2"
	s := Secret(value)
	type holder struct {
		S Secret
		P *Secret
	}
	h := holder{s, &s}
	var outs []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%10s"} {
		outs = append(outs, fmt.Sprintf(verb, s), fmt.Sprintf(verb, h), fmt.Sprintf(verb, []Secret{s}), fmt.Sprintf(verb, map[string]Secret{"k": s}))
	}
	var logs bytes.Buffer
	slog.New(slog.NewJSONHandler(&logs, nil)).Info("x", "s", s, "h", h)
	slog.New(slog.NewTextHandler(&logs, nil)).Info("x", "s", s, "h", h)
	j, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	outs = append(outs, logs.String(), string(j), string(y))
	for _, o := range outs {
		if strings.Contains(o, value) || strings.Contains(o, fmt.Sprintf("%x", value)) || strings.Contains(o, fmt.Sprintf("%X", value)) {
			t.Errorf("leaks: %s", o)
		}
	}
	if s.Reveal() != value || s.String() != mask || Secret("").String() != "" || fmt.Sprintf("%v", s) != mask {
		t.Errorf("%q %q %q", s.Reveal(), s.String(), fmt.Sprintf("%v", s))
	}
	if got := fmt.Sprintf("%#v", s); got != `"`+mask+`"` {
		t.Errorf("%%#v: %s", got)
	}
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]struct {
		n    Bytes
		text string
	}{
		"0": {0, "0"}, "1": {1, "1"}, "1023": {1023, "1023"}, "64MiB": {64 << 20, "64MiB"}, "10MB": {1e7, "10MB"},
		"10 mb": {1e7, "10MB"}, "1.5GiB": {3 << 29, "1536MiB"}, "4096": {4096, "4KiB"}, "2tib": {2 << 40, "2TiB"},
		"5B": {5, "5"}, "1000": {1000, "1kB"}, "1024000": {1024000, "1024kB"}, "2048000": {2048000, "2048kB"}, "7TB": {7e12, "7TB"}, "0.5kB": {500, "500"},
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(in)); err != nil || b != want.n || b.String() != want.text {
			t.Errorf("%s: %d %s %v, want %d %s", in, b, b, err, want.n, want.text)
		}
	}
	for _, in := range []string{"", "MB", "-1", "1.5", "1,5kB", "1e3", "10 M", "10MiBs", "1.2.3kB", ".", "9223372036854775807", "99999999TiB", "0x10", "1/2kB", strings.Repeat("1", 65)} {
		var b Bytes
		if err := b.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q accepted as %d", in, b)
		}
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 5 * time.Second: "5s", time.Minute: "1m", 90 * time.Second: "1m30s", 24 * time.Hour: "24h",
		10 * time.Minute: "10m", 90 * time.Minute: "1h30m", time.Hour + 5*time.Second: "1h0m5s", 20 * time.Millisecond: "20ms", -time.Minute: "-1m",
		10 * time.Hour: "10h", 100 * time.Second: "1m40s",
	} {
		got := formatDuration(d)
		if back, err := time.ParseDuration(got); got != want || err != nil || back != d {
			t.Errorf("%d: %s, want %s (%v %v)", d, got, want, back, err)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"listen", "timeout", "max_body"}
	for in, want := range map[string]string{
		"lisen": "listen", "listne": "listen", "tiemout": "timeout", "maxbody": "max_body", "zebra": "", "": "", strings.Repeat("x", 1000): "",
	} {
		got := didYouMean(in, names)
		if want != "" {
			want = fmt.Sprintf("; did you mean %q?", want)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzBytes(f *testing.F) {
	for _, s := range []string{"64MiB", "10MB", "4096", "1.5GiB", "0", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b Bytes
		if b.UnmarshalText([]byte(s)) != nil {
			return
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b || b < 0 {
			t.Errorf("%q: %d → %s → %d, %v", s, int64(b), b, int64(again), err)
		}
	})
}
