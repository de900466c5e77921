package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/orotund/orotund/internal/fault"
)

// lockFile is in the data directory. Etcd's own lock would make a second process wait for ever.
const lockFile = "orotund.lock"

// errLocked is what tryLock returns if another process holds the lock.
var errLocked = errors.New("locked by another process")

// lockDir makes the data directory this process's own until the file is closed, or the process ends in any way.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := tryLock(f); err != nil {
		_ = f.Close()
		if errors.Is(err, errLocked) {
			return nil, inUse(path, dir)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := f.Truncate(0); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("write lock: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("write lock: %w", err)
	}
	return f, nil
}

// inUse tells who holds the lock; the holder may be about to write its number.
func inUse(path, dir string) error {
	who := "pid unknown"
	if b, err := os.ReadFile(path); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			who = fmt.Sprintf("pid %d", pid)
		}
	}
	return fault.New(fault.Conflict, "another orotund uses this data directory (%s)", who).
		WithCode(CodeInUse).WithCause(fmt.Errorf("lock %s: %w", dir, errLocked))
}
