package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ours is the prefix of this project's own modules.
const ours = "github.com/orotund/orotund"

// program is one of the executables that Orotund ships, with the modules linked into it.
type program struct {
	name    string // bin/orotund, bin/orotund-worker-codec
	dir     string // the module's folder
	pattern string // the packages of the program
	cgo     bool   // whether it is built with cgo
	allowed []string
	modules []module
}

// module is a dependency of a program.
type module struct {
	path     string
	version  string
	licences []string // SPDX identifiers, sorted; "unknown" for a text that is not recognised
	notice   bool     // whether it has a NOTICE file, whose text must travel with copies
}

// permissive are the licences that may be linked into the static main binary: all allow that with
// no condition on Orotund's own source. MPL-2.0 binds only its own files.
var permissive = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// discover finds the programs: the main one, and each worker, which is a separate process that
// may carry other licences, as long as they are known.
func discover(root string) ([]program, error) {
	programs := []program{{name: "bin/orotund", dir: root, pattern: "./cmd/...", allowed: permissive}}
	mods, err := filepath.Glob(filepath.Join(root, "workers", "*", "go.mod"))
	if err != nil {
		return nil, err
	}
	for _, mod := range mods {
		dir := filepath.Dir(mod)
		programs = append(programs, program{
			name: "bin/orotund-worker-" + filepath.Base(dir), dir: dir, pattern: "./...", cgo: true,
		})
	}
	return programs, nil
}

// listed is what is read of one package of "go list -json".
type listed struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path    string
		Version string
		Dir     string
		Replace *struct {
			Path    string
			Version string
			Dir     string
		}
	}
}

// collect fills in the modules: those with at least one package in the program's closure, as it is
// built for linux/amd64.
func (p *program) collect() error {
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module", p.pattern)
	cmd.Dir = p.dir
	cgo := "CGO_ENABLED=0"
	if p.cgo {
		cgo = "CGO_ENABLED=1"
	}
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", cgo)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list the packages of %s: %w\n%s", p.name, err, errs.Bytes())
	}
	if len(out) == 0 {
		return fmt.Errorf("list the packages of %s: %s matches none in %s", p.name, p.pattern, p.dir)
	}
	found := make(map[string]*module)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the packages of %s: %w", p.name, err)
		}
		if err := add(found, l); err != nil {
			return err
		}
	}
	for _, m := range found {
		p.modules = append(p.modules, *m)
	}
	slices.SortFunc(p.modules, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return nil
}

// add notes a package's module, with the licences that cover that package.
func add(found map[string]*module, l listed) error {
	if l.Standard || l.Module == nil || l.Module.Path == ours || strings.HasPrefix(l.Module.Path, ours+"/") {
		return nil
	}
	path, version, dir := l.Module.Path, l.Module.Version, l.Module.Dir
	if r := l.Module.Replace; r != nil {
		path, version, dir = r.Path, r.Version, r.Dir
	}
	m := found[path]
	if m == nil {
		m = &module{path: path, version: version}
		found[path] = m
	}
	licences, notice, err := covering(dir, l.Dir)
	if err != nil {
		return fmt.Errorf("licence of %s: %w", path, err)
	}
	m.notice = m.notice || notice
	m.licences = slices.Compact(slices.Sorted(slices.Values(append(m.licences, licences...))))
	return nil
}

// judge returns what is wrong with the program's modules.
func (p *program) judge() []error {
	var problems []error
	for _, m := range p.modules {
		if len(m.licences) == 0 {
			problems = append(problems, fmt.Errorf("%s: %s %s has no licence file", p.name, m.path, m.version))
		}
		for _, l := range m.licences {
			switch {
			case l == unknown:
				problems = append(problems, fmt.Errorf("%s: %s %s: the text of its licence is not recognised", p.name, m.path, m.version))
			case p.allowed != nil && !slices.Contains(p.allowed, l):
				problems = append(problems, fmt.Errorf("%s: %s %s is under %s, which may not be linked there", p.name, m.path, m.version, l))
			}
		}
	}
	return problems
}
