package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/orotund/orotund/internal/app"
	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/fault"
)

// finding is one line of the doctor's report.
type finding struct {
	name string
	ok   bool
	says string // what was found
	cost string // what its lack costs
	mend string // the command that mends it
}

func newDoctor(stdio IO) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine",
		Long:  "Check what is installed, what is missing, what each lack costs, and the command that mends it. Exits with 4 if no engine can speak.",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, file, err := load(c)
			if err != nil {
				return err
			}
			findings := []finding{{name: "configuration", ok: true, says: cmp.Or(file, "defaults (no file)")}}
			engines, speaks := examineEngines(c, cfg)
			findings = append(findings, engines...)
			findings = append(findings, examineData(cfg), examinePort(cfg), examineLimits())
			report(stdio, findings)
			if !speaks {
				return fault.New(fault.Unavailable, "no speech engine is available")
			}
			return nil
		},
	}
}

func report(stdio IO, findings []finding) {
	bad := 0
	for _, f := range findings {
		mark := "ok     "
		if !f.ok {
			mark = "MISSING"
			bad++
		}
		fmt.Fprintf(stdio.Out, "%s  %-14s %s\n", mark, f.name, strings.ReplaceAll(f.says, "\n", "\n"+strings.Repeat(" ", 24)))
		if !f.ok {
			fmt.Fprintf(stdio.Out, "%24s costs: %s\n%24s mend:  %s\n", "", f.cost, "", f.mend)
		}
	}
	if bad == 0 {
		fmt.Fprintln(stdio.Out, "\nAll is well.")
		return
	}
	fmt.Fprintf(stdio.Out, "\n%d to mend.\n", bad)
}

// remedies of the workers that Orotund brings, by engine.
var remedies = map[string][2]string{
	"espeak": {"Mandarin and 100 other languages, and the fastest voices", "apt-get install espeak-ng libespeak-ng-dev gcc libc6-dev pkg-config && ./dev build"},
	"flite":  {"the natural English voices (espeak speaks English instead)", "apt-get install flite flite1-dev gcc libc6-dev && ./dev build"},
	"codec":  {"MP3, the default format of OpenAI's clients, and AAC (all other formats work)", "apt-get install libmp3lame-dev gcc libc6-dev && ./dev build"},
}

// examineEngines starts each engine for a moment.
func examineEngines(c *cobra.Command, cfg app.Config) (out []finding, speaks bool) {
	count := map[string]int{}
	var health map[string]error
	var codecErr error
	err := speakHere(c, io.Discard, false, func(ctx context.Context, a *app.App, s app.Speaker) error {
		health = a.Engines()
		cat, err := s.Catalogue(ctx)
		for _, v := range cat.Voices {
			count[v.Engine]++
		}
		if !cfg.Codec.Disabled {
			codecErr = a.CheckCodec(ctx)
		}
		return err
	})
	for _, id := range slices.Sorted(maps.Keys(health)) {
		problem := health[id]
		if problem == nil && err != nil {
			problem = err
		}
		f := judge(id, cfg.Engines[id].Command[0], problem)
		if f.ok {
			f.says = fmt.Sprintf("%d voices", count[id])
			speaks = speaks || count[id] > 0
		}
		out = append(out, f)
	}
	mp3 := judge("codec", cfg.Codec.Command[0], cmp.Or(codecErr, err))
	mp3.says = cmp.Or(mp3.says, "mp3, aac")
	if cfg.Codec.Disabled {
		mp3.says = "disabled: no mp3, no aac"
	}
	return append(out, mp3), speaks
}

// judge makes a finding of what went wrong with a worker.
func judge(id, program string, problem error) finding {
	f := finding{name: id, ok: problem == nil}
	if f.ok {
		return f
	}
	f.says = problem.Error()
	r, known := remedies[id]
	if !known {
		r = [2]string{"the voices of " + id, "see docs/engines.md; the command is " + program}
	}
	f.cost, f.mend = r[0], r[1]
	return f
}

func examineData(cfg app.Config) finding {
	dir := cmp.Or(cfg.DataDir, config.DataDir())
	f := finding{name: "data", says: dir, cost: "tasks, voices and settings are lost at a restart; serve does not start", mend: "mkdir -p " + dir + " && chown $USER " + dir}
	probe := dir
	for { // the nearest folder that exists is the one that must be writable
		if _, err := os.Stat(probe); err == nil || probe == filepath.Dir(probe) {
			break
		}
		probe = filepath.Dir(probe)
	}
	tmp, err := os.CreateTemp(probe, ".orotund-doctor-*")
	if err != nil {
		f.says += ": " + err.Error()
		return f
	}
	_ = tmp.Close()
	_ = os.Remove(tmp.Name())
	var fs syscall.Statfs_t
	if err := syscall.Statfs(probe, &fs); err == nil {
		free := fs.Bavail * uint64(fs.Bsize) >> 20
		f.says += fmt.Sprintf(" (%d MiB free)", free)
		if free < 256 {
			f.mend = "free some space on the disk of " + dir
			return f
		}
	}
	f.ok = true
	return f
}

func examinePort(cfg app.Config) finding {
	f := finding{name: "port", ok: true, says: cfg.Gateway.Listen + " is free",
		cost: "serve cannot start on this address", mend: "end the other program, or: orotund serve --gateway.listen 127.0.0.1:8800"}
	ln, err := net.Listen("tcp", cfg.Gateway.Listen)
	switch {
	case err == nil:
		_ = ln.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		f.says = cfg.Gateway.Listen + " is in use (by a running orotund serve, perhaps)"
	default:
		f.ok, f.says = false, err.Error()
	}
	return f
}

func examineLimits() finding {
	f := finding{name: "limits", ok: true, cost: "at most a few hundred connections", mend: "ulimit -n 65536"}
	var files syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	f.says = fmt.Sprintf("%d cores, %d open files", runtime.GOMAXPROCS(0), files.Cur)
	f.ok = files.Cur >= 1024
	return f
}
