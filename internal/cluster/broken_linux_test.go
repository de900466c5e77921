package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/cluster"
)

const nobody = 65534

// becomeNobody gives up root's rights, which no directory refuses.
func becomeNobody() error {
	if os.Getuid() != 0 {
		return nil
	}
	if err := syscall.Setgid(nobody); err != nil {
		return err
	}
	return syscall.Setuid(nobody)
}

func TestUnwritable(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
	}{
		{"directory of another", func(t *testing.T, dir string) {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}},
		{"nothing can be made", func(*testing.T, string) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Not t.TempDir, whose parent the unprivileged child may not enter.
			root, err := os.MkdirTemp("", "orotund-test-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(root) })
			dir := filepath.Join(root, "state")
			c.make(t, dir)
			for _, d := range []string{dir, root} {
				if err := os.Chmod(d, 0o555); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			p := spawn(t, command(t, "open", dir, "nobody"))
			t.Log(p.want(t, "error "+cluster.CodeUnwritable))
		})
	}
}

// fillSize is the size of the disk that is filled: etcd keeps two logs of 64 MB ready.
const fillSize = "160m"

// childFill mounts a small disk that goes away with the process, and writes until the store breaks down. Then it makes the disk
// larger and becomes childCount, as a restart by an operator would.
func childFill(dir string, args []string) error {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+args[0]); err != nil {
		say("no mount: %v", err)
		return nil
	}
	say("mounted")
	c, err := childStart(dir)
	if err != nil {
		return err
	}
	value := bytes.Repeat([]byte("v"), cluster.MaxValueBytes)
	n := 0
	for ; n < 1000; n++ {
		_, err := c.Store().Commit(context.Background(), cluster.Txn{Puts: []cluster.Put{{Key: strconv.Itoa(n), Value: value}}})
		if err != nil {
			say("refused %d %v %v", n, cluster.OutcomeUnknown(err), err)
			break
		}
	}
	select {
	case err := <-c.Failed():
		sayError(err)
	case <-time.After(patience):
		say("no failure was told")
	}
	sayError(c.Ready(context.Background()))
	began := time.Now()
	err = childStop(c)
	say("stopped after %s: %v", time.Since(began), err)
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=400m"); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(exe, []string{exe, "child", "count", dir, strconv.Itoa(n)}, nil)
}

// childCount says "kept N" if the store has the first N values, that childFill wrote.
func childCount(dir string, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	c, err := childStart(dir)
	if err != nil {
		return err
	}
	for i := range n {
		if e, err := c.Store().Get(context.Background(), strconv.Itoa(i)); err != nil || len(e.Value) != cluster.MaxValueBytes {
			return fmt.Errorf("value %d of %d: %d bytes, %w", i, n, len(e.Value), err)
		}
	}
	say("kept %d", n)
	return childStop(c)
}

// small starts a child that may mount; the test is skipped where that is not allowed.
func small(t *testing.T, size string) *process {
	t.Helper()
	cmd := command(t, "fill", t.TempDir(), size)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	p, err := trySpawn(t, cmd)
	if err != nil {
		t.Skipf("a mount namespace is not allowed here: %v", err)
	}
	if line := p.line(); line != "mounted" {
		t.Skipf("a small disk cannot be mounted here: %s", line)
	}
	return p
}

func TestDiskFullAtStart(t *testing.T) {
	p := small(t, "1m")
	t.Log(p.want(t, "error "+cluster.CodeDiskFull))
}

// TestDiskFullWhileRunning wants the process to live on when etcd would end it, and everybody to be told.
func TestDiskFullWhileRunning(t *testing.T) {
	p := small(t, fillSize)
	line := p.want(t, "refused ")
	t.Log(line)
	written, _, _ := strings.Cut(line, " ")
	if written == "0" {
		t.Fatal("not even the first write was taken")
	}
	t.Log(p.want(t, "error "+cluster.CodeDiskFull))
	t.Log(p.want(t, "error "+cluster.CodeFailed))
	t.Log(p.want(t, "stopped "))
	if kept := p.want(t, "kept "); kept != written {
		t.Fatalf("%s of %s acknowledged values are there after a restart with room", kept, written)
	}
}
