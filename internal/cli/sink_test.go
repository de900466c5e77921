package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/speech"
)

// TestSinkSeals: a file of any WAV gets its true length, a device and a broken run nothing.
func TestSinkSeals(t *testing.T) {
	f := speech.Format{Encoding: speech.ALaw, SampleRate: 8000}
	path := filepath.Join(t.TempDir(), "x.wav")
	s, err := newSink(path, nil, f.Encoding)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(append(codec.WAVHeader(f, nil, -1), 1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	if err := s.close(true); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, append(codec.WAVHeader(f, nil, 3), 1, 2, 3, 0)) {
		t.Errorf("%q, %v", data, err)
	}
}

// TestSinkKeepsWhatCame: audio that is not what it should be is not lost, and told of.
func TestSinkKeepsWhatCame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	s, err := newSink(path, nil, speech.WAV)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("no header of WAV")); err != nil {
		t.Fatal(err)
	}
	if err := s.close(true); err == nil || !strings.Contains(err.Error(), "holds all that came, but: tell wav its length: byte 0") {
		t.Errorf("%v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "no header of WAV" {
		t.Errorf("%q, %v", data, err)
	}
	alone(t, filepath.Dir(path), "x.wav")
}
