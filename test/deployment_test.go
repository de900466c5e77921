package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/orotund/orotund/internal/testkit/logs"
	"github.com/orotund/orotund/internal/testkit/tone"
)

// program returns a program that ./dev build has made.
func program(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("OROTUND_TEST_BIN")
	if dir == "" {
		t.Skip("OROTUND_TEST_BIN is not set: run ./dev test, which builds the binaries")
	}
	p := filepath.Join(dir, name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("%s was not built: %v", name, err)
	}
	return p
}

// deployment is a running Orotund.
type deployment struct {
	url       string // of the gateway
	admin     string // base URL of the process with the workers
	processes []*process
	gateway   *process
	inference *process
}

type process struct {
	cmd    *exec.Cmd
	log    *logs.Buffer
	waited chan struct{}
	err    error
}

// config is what every deployment of the tests has: the real engines, and the tone engine, which fails on demand.
func config() string {
	cmd := tone.Command()
	return fmt.Sprintf("engines:\n  tone:\n    command: [%q, %q]\n    instances: 2\n", cmd[0], cmd[1])
}

// each runs a scenario against both deployments.
func each(t *testing.T, extra string, scenario func(t *testing.T, d *deployment)) {
	t.Run("one process", func(t *testing.T) { scenario(t, single(t, extra)) })
	t.Run("roles apart", func(t *testing.T) { scenario(t, apart(t, extra)) })
}

// single starts everything in one process. Extra is added to the configuration file.
func single(t testing.TB, extra string) *deployment {
	t.Helper()
	gw, admin := freeAddr(t), freeAddr(t)
	p := serve(t, extra, "--gateway.listen", gw, "--admin.listen", admin)
	d := &deployment{url: "http://" + gw, admin: "http://" + admin, processes: []*process{p}, gateway: p, inference: p}
	d.await(t, admin)
	return d
}

// apart starts each role in a process of its own.
func apart(t testing.TB, extra string) *deployment {
	t.Helper()
	gw, inf, style := freeAddr(t), freeAddr(t), freeAddr(t)
	admins := []string{freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t)}
	d := &deployment{url: "http://" + gw, admin: "http://" + admins[1]}
	d.processes = []*process{
		serve(t, extra, "--roles", "style", "--rpc.listen", style, "--admin.listen", admins[0]),
		serve(t, extra, "--roles", "inference", "--rpc.listen", inf, "--rpc.style", style, "--admin.listen", admins[1]),
		serve(t, extra, "--roles", "gateway", "--rpc.listen", freeAddr(t), "--rpc.inference", inf, "--gateway.listen", gw, "--admin.listen", admins[2]),
		serve(t, extra, "--roles", "state", "--rpc.listen", freeAddr(t), "--admin.listen", admins[3]),
	}
	d.inference, d.gateway = d.processes[1], d.processes[2]
	d.await(t, admins...)
	return d
}

// serve starts one process; it is killed at the end of the test if it still runs.
func serve(t testing.TB, extra string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "orotund.yaml")
	if err := os.WriteFile(file, []byte(config()+extra), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{log: &logs.Buffer{}, waited: make(chan struct{})}
	p.cmd = exec.Command(program(t, "orotund"), append([]string{"serve", "--config", file, "--data_dir", filepath.Join(dir, "data")}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.waited) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.waited
		if t.Failed() {
			t.Logf("log of %v:\n%s", args, p.log)
		}
	})
	return p
}

// await waits until every process says that it is ready.
func (d *deployment) await(t testing.TB, admins ...string) {
	t.Helper()
	for _, a := range admins {
		eventually(t, "ready: "+a, func() bool {
			resp, err := http.Get("http://" + a + "/readyz")
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
}

// workers lists the process ids of a kind of worker ("espeak", "flite", "codec", or the test binary for "tone").
func (d *deployment) workers(t testing.TB, kind string) []int {
	t.Helper()
	want := "orotund-worker-" + kind
	if kind == "tone" {
		want = filepath.Base(os.Args[0])
	}
	var pids []int
	for _, p := range d.processes {
		for _, pid := range children(t, p.cmd.Process.Pid) {
			exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
			if err == nil && filepath.Base(exe) == want {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// children lists the child processes of pid, zombies too.
func children(t testing.TB, pid int) []int {
	t.Helper()
	var pids []int
	dirs, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, stat := range dirs {
		data, err := os.ReadFile(stat)
		if err != nil {
			continue // it has gone
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		f := strings.Fields(rest)
		if len(f) > 1 && f[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(strings.Split(stat, "/")[2])
			pids = append(pids, n)
		}
	}
	return pids
}

// stop sends SIGTERM and returns the exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.waited:
	case <-time.After(30 * time.Second):
		t.Fatal("the process did not end in 30 s after SIGTERM")
	}
	return p.cmd.ProcessState.ExitCode()
}

// gauge reads one sample from /metrics of the process with the workers; -1 if it is not there.
func (d *deployment) gauge(t testing.TB, sample string) float64 {
	t.Helper()
	resp, err := http.Get(d.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, sample+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	return -1
}

// nextPort is the port that freeAddr looks at next. Ports are below those that the kernel gives to clients, and each is handed out once.
var nextPort atomic.Int32

func freeAddr(t testing.TB) string {
	t.Helper()
	const low, high = 20_000, 32_000
	nextPort.CompareAndSwap(0, int32(low+os.Getpid()%(high-low)))
	for range high - low {
		port := low + (int(nextPort.Add(1))-low)%(high-low)
		addr := "127.0.0.1:" + strconv.Itoa(port)
		if ln, err := net.Listen("tcp", addr); err == nil {
			_ = ln.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// eventually waits for a condition, for as long as a slow machine may need.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("did not come about: %s", what)
		}
	}
}
