package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// events is a log of what happened, in order.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) add(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, s)
}

func (e *events) index(s string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Index(e.list, s)
}

// fake is a Service whose start and stop are given.
type fake struct {
	name   string
	ev     *events
	start  func(context.Context) error
	stop   func(context.Context) error
	failed chan error
}

func (f *fake) Name() string { return f.name + "-service" }

func (f *fake) Start(ctx context.Context) error {
	if f.start != nil {
		if err := f.start(ctx); err != nil {
			f.ev.add("fail " + f.name)
			return err
		}
	}
	f.ev.add("start " + f.name)
	return nil
}

func (f *fake) Stop(ctx context.Context) error {
	f.ev.add("stop " + f.name)
	if f.stop != nil {
		return f.stop(ctx)
	}
	return nil
}

func (f *fake) Failed() <-chan error { return f.failed }

var _ Failer = (*fake)(nil)

// build makes a manager over fakes; edit changes them by name.
func build(t *testing.T, edit map[string]func(*fake), lines ...string) (*Manager, *events) {
	t.Helper()
	ev := &events{}
	modules := table(lines...)
	for i := range modules {
		name := modules[i].Name
		modules[i].Init = func() (Service, error) {
			ev.add("init " + name)
			f := &fake{name: name, ev: ev, failed: make(chan error, 1)}
			if e := edit[name]; e != nil {
				e(f)
			}
			return f, nil
		}
	}
	m, err := NewManager(slog.New(slog.DiscardHandler), modules)
	if err != nil {
		t.Fatal(err)
	}
	return m, ev
}

// order checks that the events happened in this order.
func order(t *testing.T, ev *events, names ...string) {
	t.Helper()
	last := -1
	for _, n := range names {
		i := ev.index(n)
		if i < 0 || i < last {
			t.Errorf("%q is not where it belongs in %q (wanted order %q)", n, ev.list, names)
		}
		last = i
	}
}

func TestRunInOrder(t *testing.T) {
	m, ev := build(t, nil, "gateway: inference", "inference: engine state", "engine", "state", "other")
	ctx, cancel := context.WithCancel(context.Background())
	ready := 0
	err := m.Run(ctx, RunOptions{Targets: []string{"gateway"}, Grace: time.Minute, Ready: func() {
		ready++
		ev.add("ready")
		if s := m.Started(); len(s) != 4 {
			t.Errorf("started: %v", s)
		}
		if err := m.Run(ctx, RunOptions{}); err == nil {
			t.Error("runs twice")
		}
		cancel()
	}})
	if err != nil || ready != 1 {
		t.Fatalf("%v, ready %d times", err, ready)
	}
	for _, mid := range []string{"engine", "state"} {
		order(t, ev, "init "+mid, "start "+mid, "init inference", "start inference", "init gateway", "start gateway", "ready",
			"stop gateway", "stop inference", "stop "+mid)
	}
	if ev.index("init other") >= 0 {
		t.Error("other is not needed")
	}
	ctx, cancel = context.WithCancel(context.Background())
	if err := m.Run(ctx, RunOptions{Targets: []string{"state"}, Ready: cancel}); err != nil || len(m.Started()) != 1 {
		t.Errorf("second run: %v %v", err, m.Started())
	}
}

// TestParallel has two services that start, and stop, only together.
func TestParallel(t *testing.T) {
	var up, down sync.WaitGroup
	up.Add(2)
	down.Add(2)
	meet := func(wg *sync.WaitGroup) func(context.Context) error {
		return func(context.Context) error { wg.Done(); wg.Wait(); return nil }
	}
	both := func(f *fake) { f.start, f.stop = meet(&up), meet(&down) }
	m, _ := build(t, map[string]func(*fake){"a": both, "b": both}, "a: c", "b: c", "c")
	ctx, cancel := context.WithCancel(context.Background())
	if err := m.Run(ctx, RunOptions{Grace: time.Minute, Ready: cancel}); err != nil {
		t.Error(err)
	}
}

func TestStartFails(t *testing.T) {
	cause := errors.New("port taken")
	interrupted := make(chan struct{})
	m, ev := build(t, map[string]func(*fake){
		"b": func(f *fake) {
			f.start = func(context.Context) error {
				<-interrupted // slow is on its way before b fails
				return cause
			}
		},
		"slow": func(f *fake) {
			f.start = func(ctx context.Context) error { close(interrupted); <-ctx.Done(); return errors.New("gave up") }
		},
	}, "top: b", "b: a", "a", "slow")
	err := m.Run(context.Background(), RunOptions{Grace: time.Minute, Ready: func() { t.Error("ready") }})
	if !errors.Is(err, cause) || err.Error() != "start b: port taken" {
		t.Errorf("got %v", err)
	}
	order(t, ev, "start a", "fail b", "stop a")
	for _, never := range []string{"init top", "stop b", "stop top", "stop slow"} {
		if ev.index(never) >= 0 {
			t.Errorf("%s in %q", never, ev.list)
		}
	}
}

func TestInitFails(t *testing.T) {
	cause := errors.New("no such voice")
	ev := &events{}
	a := &fake{name: "a", ev: ev}
	m, err := NewManager(slog.New(slog.DiscardHandler), []Module{
		{Name: "a", Init: func() (Service, error) { return a, nil }},
		{Name: "wiring", Needs: []string{"a"}, Init: func() (Service, error) { return nil, nil }},
		{Name: "group", Needs: []string{"wiring"}},
		{Name: "b", Needs: []string{"group"}, Init: func() (Service, error) { return nil, cause }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(context.Background(), RunOptions{}); !errors.Is(err, cause) || err.Error() != "init b: no such voice" {
		t.Errorf("got %v", err)
	}
	order(t, ev, "start a", "stop a")
	if err := m.Run(context.Background(), RunOptions{Targets: []string{"x"}}); err == nil {
		t.Error("unknown target accepted")
	}
}

func TestServiceFails(t *testing.T) {
	cause := errors.New("listener died")
	for name, when := range map[string]func(*fake){
		"running":  func(f *fake) { f.failed <- cause },
		"starting": func(f *fake) { f.start = func(context.Context) error { f.failed <- cause; return nil } },
	} {
		t.Run(name, func(t *testing.T) {
			edit := map[string]func(*fake){
				"b": when,
				"c": func(f *fake) { close(f.failed) }, // ended in order
			}
			if name == "starting" {
				edit["d"] = func(f *fake) {
					f.start = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
				}
			}
			m, ev := build(t, edit, "a: b", "b", "c", "d")
			err := m.Run(context.Background(), RunOptions{Grace: time.Minute})
			if !errors.Is(err, cause) || err.Error() != "b failed: listener died" {
				t.Errorf("got %v", err)
			}
			order(t, ev, "start b", "stop b")
		})
	}
}

func TestStopErrorsJoined(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	m, _ := build(t, map[string]func(*fake){
		"a": func(f *fake) { f.stop = func(context.Context) error { return one } },
		"b": func(f *fake) { f.stop = func(context.Context) error { return two } },
	}, "a: b", "b")
	ctx, cancel := context.WithCancel(context.Background())
	err := m.Run(ctx, RunOptions{Grace: time.Minute, Ready: cancel})
	if err == nil || err.Error() != "stop a: one\nstop b: two" || errors.Is(err, ErrGrace) {
		t.Errorf("got %v", err)
	}
}

// TestGrace has one service that needs more than the grace time, one below it that must have its moment yet, and one that does
// not listen at all.
func TestGrace(t *testing.T) {
	release := make(chan struct{})
	gone := make(chan struct{})
	m, ev := build(t, map[string]func(*fake){
		"slow": func(f *fake) { f.stop = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } },
		"deaf": func(f *fake) { f.stop = func(context.Context) error { defer close(gone); <-release; return nil } },
		"base": func(f *fake) {
			f.stop = func(ctx context.Context) error {
				if ctx.Err() != nil {
					t.Error("base has no time")
				}
				f.ev.add("base released")
				return nil
			}
		},
	}, "slow: base", "deaf: base", "base")
	ctx, cancel := context.WithCancel(context.Background())
	err := m.Run(ctx, RunOptions{Grace: 10 * time.Millisecond, Ready: cancel})
	var g *GraceError
	if !errors.Is(err, ErrGrace) || !errors.As(err, &g) {
		t.Fatalf("got %v", err)
	}
	if !slices.Equal(sorted(g.Unfinished), []string{"deaf", "slow"}) || !slices.Equal(g.Abandoned, []string{"deaf"}) {
		t.Errorf("got %+v", g)
	}
	if !strings.Contains(err.Error(), "grace time ran out: 10ms was not enough for") {
		t.Errorf("got %v", err)
	}
	order(t, ev, "stop deaf", "base released")
	close(release)
	<-gone
}

func TestStartBounded(t *testing.T) {
	release, gone := make(chan struct{}), make(chan struct{})
	m, ev := build(t, map[string]func(*fake){
		"deaf": func(f *fake) {
			f.start = func(context.Context) error { defer close(gone); <-release; return errors.New("late") }
		},
	}, "deaf: a", "a")
	err := m.Run(context.Background(), RunOptions{StartTimeout: time.Millisecond, Grace: time.Minute})
	var g *GraceError
	if !errors.As(err, &g) || !slices.Equal(g.Abandoned, []string{"deaf"}) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	order(t, ev, "start a", "stop a")
	close(release)
	<-gone
}

// TestEndWhileStarting shows that the end of ctx during the start is no failure.
func TestEndWhileStarting(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	m, ev := build(t, map[string]func(*fake){
		"b": func(f *fake) {
			f.start = func(c context.Context) error { cancel(); <-c.Done(); return errors.New("dial: canceled") }
		},
	}, "c: b", "b: a", "a")
	if err := m.Run(ctx, RunOptions{Grace: time.Minute, Ready: func() { t.Error("ready") }}); err != nil {
		t.Errorf("got %v", err)
	}
	order(t, ev, "start a", "fail b", "stop a")
	if ev.index("init c") >= 0 {
		t.Errorf("%q", ev.list)
	}
}

func TestLogs(t *testing.T) {
	var buf bytes.Buffer
	ev := &events{}
	m, err := NewManager(slog.New(slog.NewJSONHandler(&buf, nil)), []Module{
		{Name: "a", Init: func() (Service, error) { return &fake{name: "a", ev: ev}, nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := m.Run(ctx, RunOptions{Grace: time.Second, Ready: cancel}); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{`"msg":"started","module":"a","service":"a-service","duration_ms":`, `"msg":"stopping"`, `"msg":"stopped","module":"a"`} {
		if !strings.Contains(buf.String(), w) {
			t.Errorf("no %s in %s", w, buf.String())
		}
	}
}
