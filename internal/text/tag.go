package text

// maxTag is the longest tag in bytes; a longer one is text.
const maxTag = 512

// tagEnd returns the byte after the markup tag that begins at byte i of s, such as <break time="1.5s"/>, </p> or <!-- … -->, and 0 if none
// does. A tag has no other < inside.
func tagEnd(s string, i int) int {
	if i+2 >= len(s) || s[i] != '<' {
		return 0
	}
	at := i + 1
	if s[at] == '/' {
		at++
	}
	if c := s[at] | 0x20; (c < 'a' || c > 'z') && s[i+1] != '!' && s[i+1] != '?' {
		return 0
	}
	var quote byte // that is open
	for end := min(len(s), i+maxTag); at < end; at++ {
		switch c := s[at]; {
		case c == '<':
			return 0
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '>':
			return at + 1
		case (c == '"' || c == '\'') && s[at-1] == '=':
			quote = c
		}
	}
	return 0
}
