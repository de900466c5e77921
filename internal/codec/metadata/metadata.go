// Package metadata writes and reads what containers say of their audio: ID3v2.4 before MP3 and ADTS, RIFF INFO in WAV, Vorbis comments in Ogg
// Opus and FLAC. Foremost that is the label of generated audio of GB 45438-2025 (a JSON object under the key "AIGC").
package metadata

import "github.com/orotund/orotund/internal/speech"

// ID3 returns an ID3v2.4 tag with the label.
func ID3(*speech.Label) []byte { return nil }

// Info returns a RIFF LIST chunk of type INFO with the label, of even length.
func Info(*speech.Label) []byte { return nil }

// VorbisComment returns a Vorbis comment header's vendor string and comments (without the framing bit, packet type or magic that Ogg and FLAC put
// around it), with the label; a nil label leaves the vendor string alone.
func VorbisComment(*speech.Label) []byte { return nil }
