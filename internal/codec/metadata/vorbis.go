package metadata

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/orotund/orotund/internal/speech"
)

// VorbisComment returns a Vorbis comment header's vendor string and comments (without the framing bit, packet type or magic that Ogg and FLAC put
// around it), with the label; a nil label leaves the vendor string alone.
func VorbisComment(l *speech.Label) []byte {
	var comments []string
	if l != nil {
		if !l.Time.IsZero() {
			comments = append(comments, "DATE="+l.Time.UTC().Format(time.RFC3339))
		}
		comments = append(comments, Key+"="+labelJSON(l))
	}
	b := appendVorbisString(nil, Encoder)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(comments)))
	for _, c := range comments {
		b = appendVorbisString(b, c)
	}
	return b
}

func appendVorbisString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// vorbisComment reads a vendor string and comments. What is wrong with them is noted: the audio does not depend on them.
func (f *File) vorbisComment(in part) {
	at := in.at()
	if err := f.vorbisComments(in); err != nil {
		f.note(at, "the rest of the comments is left out: %v", err)
	}
}

func (f *File) vorbisComments(in part) error {
	vendor, n, err := vorbisString(in)
	if err != nil {
		return err
	}
	if n > 0 {
		f.tag(in.at(), "vendor", string(vendor))
	}
	b, err := in.take(4)
	if err != nil {
		return err
	}
	count := binary.LittleEndian.Uint32(b)
	for i := range count {
		if i == maxParts {
			return problem(in.at(), "more than %d comments", maxParts)
		}
		at := in.at()
		b, n, err := vorbisString(in)
		if err != nil {
			return err
		}
		key, value, ok := strings.Cut(string(b), "=")
		switch {
		case !ok:
			f.tag(at, "comment", string(b))
		case n > int64(len(b)):
			f.tagBytes(at, key, n-int64(len(key))-1)
		default:
			f.tag(at, key, value)
		}
	}
	return nil
}

// vorbisString returns the next string and its length; of one that is too long only the beginning.
func vorbisString(in part) ([]byte, int64, error) {
	b, err := in.take(4)
	if err != nil {
		return nil, 0, err
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n > in.left() {
		return nil, 0, problem(in.at()-4, "a string of %d bytes, of which at most %d are there", n, in.left())
	}
	kept := min(n, maxValue)
	if b, err = in.take(int(kept)); err != nil {
		return nil, 0, err
	}
	return b, n, in.skip(n - kept)
}
