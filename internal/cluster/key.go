package cluster

import (
	"strings"

	"github.com/orotund/orotund/internal/fault"
)

// ValidateKey checks a key: 1 to MaxKeyBytes bytes; segments of A–Z a–z 0–9 and -._~:@+=%, joined by single slashes, without one at
// either end. "." and ".." are not segments, so a key made into a path stays below its root. A name from outside is escaped (with
// url.PathEscape, say) before it becomes a segment. The error is fault.Invalid.
func ValidateKey(key string) error {
	if key == "" {
		return fault.InvalidField("key", "must not be empty")
	}
	if key[len(key)-1] == '/' {
		return fault.InvalidField("key", "must not end with a slash")
	}
	return validatePath("key", key)
}

// ValidatePrefix checks a prefix of keys: empty, or what ValidateKey allows, with or without a slash at the end. The error is
// fault.Invalid.
func ValidatePrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return validatePath("prefix", strings.TrimSuffix(prefix, "/"))
}

// validatePath checks what keys and prefixes share. The message gives lengths and positions, never the key: it may hold a name from
// outside that was not escaped.
func validatePath(field, s string) error {
	if len(s) > MaxKeyBytes {
		return fault.InvalidField(field, "has %d bytes; at most %d are allowed", len(s), MaxKeyBytes)
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '/' {
			if !keyByte(s[i]) {
				return fault.InvalidField(field, "has a byte at %d that is not a letter, a digit, a slash or one of -._~:@+=%%", i)
			}
			continue
		}
		switch s[start:i] {
		case "":
			return fault.InvalidField(field, "has an empty segment at byte %d", start)
		case ".", "..":
			return fault.InvalidField(field, "has a segment of dots at byte %d", start)
		}
		start = i + 1
	}
	return nil
}

func keyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~:@+=%", c) >= 0
}
