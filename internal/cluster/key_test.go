package cluster

import (
	"path"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/fault"
)

func TestValidateKey(t *testing.T) {
	long := strings.Repeat("k", MaxKeyBytes)
	for key, ok := range map[string]bool{
		"a": true, "a/b": true, "tasks/2026-11-21T05:00/01": true, "t/%E4%BD%A0/x": true, "A-._~:@+=%9": true, "...": true,
		"a/.b": true, long: true, "": false, "/": false, "/a": false, "a/": false, "a//b": false, ".": false, "..": false,
		"a/../b": false, "a/.": false, "a b": false, "a\x00": false, "你": false, "a\n": false, "a\\b": false, long + "k": false,
	} {
		err := ValidateKey(key)
		if ok != (err == nil) {
			t.Errorf("%q: %v", key, err)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: error %v is not of kind invalid", key, err)
		}
	}
	for prefix, ok := range map[string]bool{"": true, "a": true, "a/": true, "a/b": true, "/": false, "a//": false, "../": false, "/a": false} {
		if err := ValidatePrefix(prefix); ok != (err == nil) {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

// FuzzValidateKey holds what everybody relies on: a key that is taken is a clean relative path of plain bytes, it stays one below any
// valid prefix, and it and all its beginnings are valid prefixes.
func FuzzValidateKey(f *testing.F) {
	for _, s := range []string{"a", "a/b", "a/../b", "a//b", "/", "%2F", "a\xff", strings.Repeat("x/", 256)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := ValidateKey(s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("error %v is not of kind invalid", err)
			}
			if s != "" && len(s) > 20 && strings.Contains(err.Error(), s) {
				t.Fatal("the error repeats the key")
			}
			return
		}
		if len(s) == 0 || len(s) > MaxKeyBytes {
			t.Fatalf("%d bytes were taken", len(s))
		}
		if path.Clean("/root/"+s) != "/root/"+s {
			t.Fatalf("%q is no clean path", s)
		}
		for i := range len(s) {
			if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`\"'*?<>|`, s[i]) >= 0 {
				t.Fatalf("%q has the byte %q", s, s[i])
			}
		}
		if err := ValidatePrefix(s); err != nil {
			t.Fatalf("as a prefix: %v", err)
		}
		if len(s) < MaxKeyBytes {
			if err := ValidatePrefix(s + "/"); err != nil {
				t.Fatalf("as a directory: %v", err)
			}
		}
	})
}
