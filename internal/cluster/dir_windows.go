package cluster

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks f for this process, or returns errLocked at once. The locked byte lies beyond the text, which others may read.
func tryLock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}

// syncDir does nothing: Windows keeps the names in a directory in its own log.
func syncDir(string) error { return nil }
