package house

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// module is the main module's path, and the prefix of the others'.
const module = "github.com/orotund/orotund"

// tiers are the areas under internal/, lowest first. An area may import those of lower tiers and
// those to its left in its own. An area's sub-packages belong to it.
var tiers = [][]string{
	{"speech", "fault"},
	{"audio", "codec", "text", "config", "lifecycle"},
	{"telemetry", "traces", "rpc", "cluster", "blob", "worker"},
	{"engine", "task", "tenant", "safety"},
	{"gateway", "inference", "style", "prompt", "storage", "console"},
	{"load", "app", "cli"},
}

// services is the index in tiers of the services, which never import each other.
const services = 4

// Areas outside the tiers: testkit may import all and is for tests alone; house is these tests.
const (
	testkit = "testkit"
	house   = "house"
)

// owner is a dependency that only some packages may import.
type owner struct {
	what     string
	prefixes []string // of import paths; one without a final slash matches itself and what is below
	by       []string // folders, relative to the repository
}

// owners are the single owners of ARCHITECTURE.md. Tests are free of them.
var owners = []owner{
	{"os/exec", []string{"os/exec"}, []string{"internal/worker"}},
	{"etcd", []string{"go.etcd.io/"}, []string{"internal/cluster"}},
	{"exporter SDKs", []string{
		"go.opentelemetry.io/otel/exporters/", "github.com/prometheus/client_golang", "github.com/openzipkin/",
		"skywalking.apache.org/", "github.com/influxdata/",
	}, []string{"internal/telemetry", "internal/worker/child"}},
	{"the OpenTelemetry SDK", []string{"go.opentelemetry.io/otel/sdk"}, []string{
		"internal/telemetry", "internal/traces", "internal/worker/child",
	}},
	{"WebSocket", []string{
		"github.com/gorilla/websocket", "github.com/coder/websocket", "nhooyr.io/websocket", "golang.org/x/net/websocket",
	}, []string{"internal/gateway"}},
	{"cgo", []string{"C"}, []string{"workers"}},
}

// selector is a name of another package that only some packages may use outside tests.
type selector struct {
	path  string
	names []string
	by    []string // folders, relative to the repository
	why   string
}

var selectors = []selector{
	{"os", []string{"Getenv", "LookupEnv", "ExpandEnv"}, []string{"internal/config", "internal/worker/child"}, "the environment is read by config"},
	{"os", []string{"Environ"}, []string{"internal/config", "internal/worker"}, "the environment is read by config, and handed on by worker"},
	{"os", []string{"StartProcess"}, nil, "processes are started by worker, with os/exec"},
	{"os", []string{"Exit"}, []string{"cmd", "workers", "internal/worker/child"}, "only a main function ends the process"},
	{"log", []string{"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Print", "Printf", "Println"}, nil, "logs go to an injected slog.Logger"},
	{"log/slog", []string{"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log", "LogAttrs", "DebugContext", "InfoContext", "WarnContext", "ErrorContext"}, nil, "loggers are injected"},
	{
		"go.opentelemetry.io/otel",
		[]string{"Tracer", "Meter", "GetTracerProvider", "SetTracerProvider", "GetMeterProvider", "SetMeterProvider", "GetTextMapPropagator", "SetTextMapPropagator"},
		nil, "telemetry is never global",
	},
	{"time", []string{"Sleep"}, nil, "wait on a timer and a context"},
}

// tierOf returns the indexes of an area's tier and of its place there, or -1, -1.
func tierOf(area string) (tier, place int) {
	for t, areas := range tiers {
		if p := slices.Index(areas, area); p >= 0 {
			return t, p
		}
	}
	return -1, -1
}

// areaOf returns the area of a folder under internal/, or "".
func areaOf(dir string) string {
	rest, ok := strings.CutPrefix(dir, "internal/")
	if !ok {
		return ""
	}
	area, _, _ := strings.Cut(rest, "/")
	return area
}

// below reports whether a slash-separated path is root or lies under it.
func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func belowAny(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return below(path, root) })
}

// forTests reports whether a folder holds support for tests alone: the testkit, the tests from end to
// end, conformance suites (folders named conformance or ending in test, as in the standard
// library), and the tools of development.
func forTests(dir string) bool {
	last := path.Base(dir)
	return areaOf(dir) == testkit || below(dir, "test") || below(dir, "tools") ||
		last == "conformance" || strings.HasSuffix(last, "test")
}

// mayImport says why a package in the folder from must not import the one in the folder to, or "".
func mayImport(from, to string) string {
	if forTests(to) && !forTests(from) {
		return to + " is for tests"
	}
	if area := areaOf(from); area != "" {
		return areaMayImport(area, to)
	}
	switch {
	case below(from, "cmd"):
		if t, _ := tierOf(areaOf(to)); t != len(tiers)-1 {
			return "a command imports only internal/app and internal/cli"
		}
	case below(from, "workers"):
		return workerMayImport(from, to)
	}
	return ""
}

func areaMayImport(area, to string) string {
	fromTier, fromPlace := tierOf(area)
	target := areaOf(to)
	toTier, toPlace := tierOf(target)
	switch {
	case target == area || area == testkit:
		return ""
	case fromTier < 0:
		return "internal/" + area + " has no tier"
	case target == testkit:
		return "" // from a conformance suite: others were refused before
	case below(to, "api/gen"):
		if fromTier == 0 {
			return "the first tier knows no wire format"
		}
		return ""
	case target == "":
		return "internal packages import only internal packages and api/gen"
	case toTier < 0:
		return "internal/" + target + " has no tier"
	case toTier > fromTier:
		return "imports point down"
	case toTier == fromTier && toTier == services:
		return "services never import each other"
	case toTier == fromTier && toPlace > fromPlace:
		return "inside a tier, imports point to the left"
	}
	return ""
}

// workerMayImport: a worker is a program of its own, on the child side of the process border.
func workerMayImport(from, to string) string {
	worker := strings.Join(strings.SplitN(from, "/", 3)[:min(2, strings.Count(from, "/")+1)], "/")
	tier, _ := tierOf(areaOf(to))
	if below(to, worker) || below(to, "api/gen") || below(to, "internal/worker/child") || tier == 0 || tier == 1 {
		return ""
	}
	return "a worker imports only itself, api/gen, the first two tiers and internal/worker/child"
}

// checkImports returns what is wrong with the imports of a graph of packages.
func checkImports(graph []pkg) []string {
	var wrong []string
	for _, p := range graph {
		for _, imp := range p.imports {
			if why := judgeImport(p.dir, imp); why != "" {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", p.dir, imp, why))
			}
		}
	}
	return wrong
}

func judgeImport(dir, imp string) string {
	if to, own := strings.CutPrefix(imp, module+"/"); own {
		return mayImport(dir, to)
	}
	// internal/speech is the vocabulary that everything shares: it costs nobody a dependency.
	if first, _, _ := strings.Cut(imp, "/"); dir == "internal/speech" && strings.Contains(first, ".") {
		return "internal/speech imports the standard library only"
	}
	if forTests(dir) {
		return "" // not part of the product
	}
	for _, o := range owners {
		if o.matches(imp) && !belowAny(dir, o.by) {
			return fmt.Sprintf("only %s may import %s", strings.Join(o.by, ", "), o.what)
		}
	}
	return ""
}

func (o owner) matches(imp string) bool {
	return slices.ContainsFunc(o.prefixes, func(prefix string) bool {
		return below(imp, strings.TrimSuffix(prefix, "/"))
	})
}
