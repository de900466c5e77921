package config

import (
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// mask stands for a secret that is set.
const mask = "••••••"

// Secret is a string that prints as a mask: in fmt, slog, JSON and YAML. Reveal returns it.
type Secret string

// Reveal returns the secret itself. Give it only to what needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns the mask, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString is String, quoted: what %#v prints.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format prints the mask whatever the verb: without it %d would show the value inside its complaint.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = f.Write([]byte(s.GoString()))
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// MarshalYAML returns the mask.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// MarshalText returns the mask; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the secret, and refuses the mask: a printed configuration does not hold its secrets.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == mask {
		return fmt.Errorf("is the mask of a printed configuration; put the secret itself here")
	}
	*s = Secret(text)
	return nil
}

// LogValue returns the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Bytes is a size in bytes, at least 0. As text it has a unit, binary (KiB, MiB, GiB, TiB) or decimal (kB, MB, GB, TB), or none.
type Bytes int64

// unit is one suffix of Bytes.
type unit struct {
	name string
	size int64
}

// units in the order in which String prefers them when two texts are equally long.
var units = [...]unit{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// String returns the shortest exact text with a unit; a plain number where no unit fits, and "0".
func (b Bytes) String() string {
	best := strconv.FormatInt(int64(b), 10)
	if b <= 0 {
		return best
	}
	found := false
	for _, u := range units[:len(units)-1] {
		if int64(b)%u.size != 0 {
			continue
		}
		if s := strconv.FormatInt(int64(b)/u.size, 10) + u.name; !found || len(s) < len(best) {
			best, found = s, true
		}
	}
	return best
}

// MarshalText returns String.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a whole or decimal number with an optional unit, in either case of letters.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if len(s) > 64 {
		return fmt.Errorf("is too long for a size")
	}
	i := len(s)
	for i > 0 && (s[i-1] < '0' || s[i-1] > '9') && s[i-1] != '.' {
		i--
	}
	num, suffix := s[:i], strings.TrimSpace(s[i:])
	size := int64(0)
	if suffix == "" {
		size = 1
	}
	for _, u := range units {
		if strings.EqualFold(u.name, suffix) {
			size = u.size
		}
	}
	if size == 0 || num == "" || strings.Trim(num, "0123456789.") != "" {
		return fmt.Errorf("%q is not a size; write for example 64MiB, 10MB or 4096", clip(s))
	}
	r, ok := new(big.Rat).SetString(num)
	if !ok {
		return fmt.Errorf("%q is not a size; write for example 64MiB, 10MB or 4096", clip(s))
	}
	r.Mul(r, new(big.Rat).SetInt64(size))
	if !r.IsInt() {
		return fmt.Errorf("%q is not a whole number of bytes", clip(s))
	}
	if !r.Num().IsInt64() || r.Num().Int64() == math.MaxInt64 {
		return fmt.Errorf("%q is larger than any size can be", clip(s))
	}
	*b = Bytes(r.Num().Int64())
	return nil
}

// formatDuration is d.String() without the parts that are zero: 1m, not 1m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// clip bounds a value that is quoted in a message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
