// Package metadata writes and reads what containers say of their audio: ID3v2.4 before MP3 and ADTS, RIFF INFO in WAV, Vorbis comments in Ogg
// Opus and FLAC. Foremost that is the label of generated audio of GB 45438-2025 (a JSON object under the key "AIGC").
//
// Read takes files by anybody, so it trusts no length: it holds one window of the file at a time, keeps a bounded number of tags of bounded
// length, and each of its loops passes over bytes or is counted.
package metadata
