package speech

import (
	"context"
	"fmt"
	"time"
)

// Encoding names a form of audio bytes.
type Encoding string

// Encodings. All are mono.
const (
	PCM   Encoding = "pcm"   // signed 16-bit little-endian samples, no header
	WAV   Encoding = "wav"   // RIFF with PCM inside
	MuLaw Encoding = "mulaw" // RIFF with G.711 µ-law inside, 8 bits a sample
	ALaw  Encoding = "alaw"  // RIFF with G.711 A-law inside, 8 bits a sample
	MP3   Encoding = "mp3"   // MPEG-1/2/2.5 layer III
	AAC   Encoding = "aac"   // AAC-LC in ADTS frames
	Opus  Encoding = "opus"  // Opus in Ogg (RFC 7845)
	FLAC  Encoding = "flac"  // native FLAC
)

// Format is the form of a stream's audio.
type Format struct {
	Encoding   Encoding
	SampleRate int // Hz
	BitRate    int // bit/s; 0 for uncompressed encodings
}

// String is for logs and errors, for example "mp3 24000 Hz 64000 bit/s".
func (f Format) String() string {
	if f.BitRate == 0 {
		return fmt.Sprintf("%s %d Hz", f.Encoding, f.SampleRate)
	}
	return fmt.Sprintf("%s %d Hz %d bit/s", f.Encoding, f.SampleRate, f.BitRate)
}

// EventKind says which field of an Event is set.
type EventKind int

// Kinds of event.
const (
	EventAudio      EventKind = iota // Audio
	EventTiming                      // Timing
	EventWarning                     // Warning
	EventSegmentEnd                  // SegmentEnd
)

// Event is one thing that a stream yields.
type Event struct {
	Kind       EventKind
	Audio      []byte // in the stream's Format, whole samples if that is PCM; borrowed: valid until the next call of Next or Close
	Timing     Timing
	Warning    string // never holds text of the request
	SegmentEnd SegmentEnd
}

// SegmentEnd tells that a segment is over: all of its audio, but perhaps the last of its decay, has been yielded.
type SegmentEnd struct {
	Index    int           // Segment.Index
	Offset   int           // Segment.Offset
	Length   int           // Segment.Length
	Start    time.Duration // of what can be heard of it, from the beginning of the stream
	Duration time.Duration // of what can be heard of it
}

// Stream is audio as it comes into being. It is pulled by one goroutine.
type Stream interface {
	// Format is the form of the audio; it does not change.
	Format() Format
	// Next returns the next event; io.EOF after the last one, and only if everything was spoken; any other error is final and is a
	// *fault.Error where it is meant for the caller. Next returns promptly when ctx is done.
	Next(ctx context.Context) (Event, error)
	// Close ends the stream at any point, releases what it holds, and waits for its goroutines. It may be called more than once.
	Close() error
}

// SegmentStream yields the segments of a text in order, lazily.
type SegmentStream interface {
	// Next returns the next segment; io.EOF after the last one, any other error is final. It returns promptly when ctx is done.
	Next(ctx context.Context) (Segment, error)
	// Close ends the stream at any point and releases what it holds. It may be called more than once.
	Close() error
}
