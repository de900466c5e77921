package lifecycle

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"
)

// Manager holds a checked table of modules.
type Manager struct {
	log     *slog.Logger
	modules map[string]Module
	order   []string // every module, after all that it needs; else as in the table

	mu      sync.Mutex
	running bool
	started map[string]time.Duration
}

// NewManager checks the table: names are unique and not empty, needs exist, nothing needs itself by any way. It reports all that
// is wrong at once.
func NewManager(log *slog.Logger, modules []Module) (*Manager, error) {
	m := &Manager{log: log, modules: make(map[string]Module, len(modules)), started: map[string]time.Duration{}}
	var errs []error
	names := make([]string, 0, len(modules))
	for _, mod := range modules {
		switch _, twice := m.modules[mod.Name]; {
		case mod.Name == "":
			errs = append(errs, errors.New("a module has no name"))
		case twice:
			errs = append(errs, fmt.Errorf("module %s is there twice", mod.Name))
		default:
			m.modules[mod.Name] = mod
			names = append(names, mod.Name)
		}
	}
	for _, name := range names {
		seen := map[string]bool{}
		for _, need := range m.modules[name].Needs {
			if _, ok := m.modules[need]; !ok {
				errs = append(errs, fmt.Errorf("module %s needs %q, which does not exist", name, need))
			}
			if seen[need] {
				errs = append(errs, fmt.Errorf("module %s needs %s twice", name, need))
			}
			seen[need] = true
		}
	}
	if len(errs) == 0 {
		var err error
		if m.order, err = m.sort(names); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("modules: %w", errors.Join(errs...))
	}
	return m, nil
}

// sort lists the modules so that each comes after what it needs, or tells a cycle.
func (m *Manager) sort(names []string) ([]string, error) {
	const (
		open = 1 + iota
		done
	)
	state := make(map[string]int, len(names))
	order := make([]string, 0, len(names))
	var path []string
	var visit func(name string) error
	visit = func(name string) error {
		switch state[name] {
		case done:
			return nil
		case open:
			for path[0] != name {
				path = path[1:]
			}
			return fmt.Errorf("a cycle: %s", strings.Join(append(path, name), " needs "))
		}
		state[name] = open
		path = append(path, name)
		for _, need := range m.modules[name].Needs {
			if err := visit(need); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		state[name] = done
		order = append(order, name)
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// Closure returns the targets and everything that they need, in an order in which they can be started. No targets: every module.
func (m *Manager) Closure(targets ...string) ([]string, error) {
	if len(targets) == 0 {
		return append([]string(nil), m.order...), nil
	}
	in := map[string]bool{}
	var errs []error
	for _, t := range targets {
		if _, ok := m.modules[t]; !ok {
			errs = append(errs, fmt.Errorf("unknown module %q; there are %s", t, strings.Join(m.order, ", ")))
			continue
		}
		in[t] = true
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for i := len(m.order) - 1; i >= 0; i-- { // whoever needs a module stands behind it
		if in[m.order[i]] {
			for _, need := range m.modules[m.order[i]].Needs {
				in[need] = true
			}
		}
	}
	var out []string
	for _, name := range m.order {
		if in[name] {
			out = append(out, name)
		}
	}
	return out, nil
}

// Started returns how long the Start of each service took in the last Run, by module; those that have not started yet, have failed or have
// nothing to run are absent.
func (m *Manager) Started() map[string]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.started)
}

// begin marks the manager as running; two Runs at once are a mistake of the caller.
func (m *Manager) begin() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running {
		return errors.New("the modules run already")
	}
	m.running = true
	clear(m.started)
	return nil
}

// end allows another Run.
func (m *Manager) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = false
}

// record keeps and logs the duration of a start.
func (m *Manager) record(name, service string, d time.Duration) {
	m.mu.Lock()
	m.started[name] = d
	m.mu.Unlock()
	m.log.Info("started", "module", name, "service", service, "duration_ms", float64(d.Microseconds())/1000)
}
