package worker

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const socketDirPrefix = "orotund-worker-"

// SweepSockets removes socket directories whose owner was killed before it could. It is called once at start; what cannot be
// removed is not ours.
func SweepSockets() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), socketDirPrefix+"*"))
	for _, dir := range dirs {
		pid, _, ok := strings.Cut(strings.TrimPrefix(filepath.Base(dir), socketDirPrefix), "-")
		n, err := strconv.Atoi(pid)
		if !ok || err != nil || n <= 0 || syscall.Kill(n, 0) != syscall.ESRCH {
			continue
		}
		if fi, err := os.Lstat(dir); err == nil && fi.IsDir() {
			_ = os.RemoveAll(dir)
		}
	}
}
