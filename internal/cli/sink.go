package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/speech"
)

// sink is where say writes. A file gets its name only when it is whole, and its true length where its format tells one.
type sink struct {
	w    io.Writer
	file *os.File // nil for standard output
	path string   // the name that file gets; empty for a device, which has its own
	enc  speech.Encoding
	n    int64
}

func newSink(path string, stdout io.Writer, enc speech.Encoding) (*sink, error) {
	if path == "-" {
		if isTerminal(stdout) {
			return nil, usageError{errors.New("audio is not written to a terminal; name a file with -o FILE or send it through a pipe")}
		}
		return &sink{w: stdout}, nil
	}
	fi, err := os.Stat(path)
	switch {
	case err == nil && fi.IsDir():
		return nil, usageError{fmt.Errorf("%s is a directory, not a file to write", path)}
	case err == nil && !fi.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("open output: %w", err)
		}
		return &sink{w: f, file: f}, nil
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays one
	}
	f, err := partFile(filepath.Dir(path), fi)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{fmt.Errorf("%s cannot be written: there is no folder %s", path, filepath.Dir(path))}
	}
	if err != nil {
		return nil, fmt.Errorf("create output: %w", err)
	}
	return &sink{w: f, file: f, path: path, enc: enc}, nil
}

// partFile makes a file that is to replace old, with old's permissions; nil: a new one, with those that the umask leaves.
func partFile(dir string, old fs.FileInfo) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".orotund-"+rand.Text()+".part"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil || old == nil {
		return f, err
	}
	if err := f.Chmod(old.Mode().Perm()); err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	if err != nil {
		return n, fmt.Errorf("write output: %w", err)
	}
	return n, nil
}

// close finishes the file, or removes what there is of it.
func (s *sink) close(whole bool) error {
	switch {
	case s.file == nil:
		return nil
	case s.path == "":
		return s.file.Close()
	case !whole:
		return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
	}
	sealed := codec.Seal(s.file, s.n, s.enc, 0)
	err := s.file.Close()
	if err == nil {
		err = os.Rename(s.file.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(s.file.Name())
		return fmt.Errorf("finish output: %w", err)
	}
	if sealed != nil {
		return fmt.Errorf("%s holds all that came, but: %w", s.path, sealed)
	}
	return nil
}
