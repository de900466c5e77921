package house

import (
	"strings"
	"testing"
)

func TestImportRules(t *testing.T) {
	own := func(p string) string { return module + "/" + p }
	for _, c := range []struct {
		dir, imp string
		want     string // part of the complaint, or "" where the import is right
	}{
		{"internal/codec", own("internal/audio"), ""},
		{"internal/audio", own("internal/codec"), "to the left"},
		{"internal/audio", own("internal/engine"), "point down"},
		{"internal/engine", own("internal/audio"), ""},
		{"internal/fault", own("internal/speech"), ""},
		{"internal/speech", own("internal/fault"), "to the left"},
		{"internal/speech", "google.golang.org/grpc", "standard library only"},
		{"internal/speech", "encoding/json", ""},
		{"internal/speech", own("api/gen/orotund/engine/v1"), "wire format"},
		{"internal/engine/remote", own("api/gen/orotund/engine/v1"), ""},
		{"internal/codec/remote", own("internal/codec"), ""},
		{"internal/codec/remote", own("internal/worker"), "point down"},
		{"internal/gateway", own("internal/style"), "never import each other"},
		{"internal/style", own("internal/gateway"), "never import each other"},
		{"internal/gateway/openai", own("internal/gateway"), ""},
		{"internal/gateway", own("internal/engine"), ""},
		{"internal/app", own("internal/gateway"), ""},
		{"internal/app", own("internal/cli"), "to the left"},
		{"internal/cli", own("internal/app"), ""},
		{"internal/engine", own("internal/testkit"), "for tests"},
		{"internal/engine", own("internal/engine/conformance"), "for tests"},
		{"internal/engine/remote", own("internal/cluster/storetest"), "for tests"},
		{"internal/engine/conformance", own("internal/engine"), ""},
		{"internal/engine/conformance", own("internal/testkit"), ""},
		{"internal/engine/conformance", own("internal/gateway"), "point down"},
		{"internal/cluster/storetest", "go.etcd.io/etcd/client/v3", ""},
		{"workers/flite", own("internal/testkit"), "for tests"},
		{"internal/testkit/otlp", own("internal/telemetry"), ""},
		{"internal/newcomer", own("internal/speech"), "internal/newcomer has no tier"},
		{"internal/engine", own("internal/newcomer"), "internal/newcomer has no tier"},
		{"internal/engine", own("workers/flite"), "only internal packages"},
		{"cmd/orotund", own("internal/cli"), ""},
		{"cmd/orotund", own("internal/engine"), "only internal/app"},
		{"workers/flite", own("internal/worker/child"), ""},
		{"workers/flite", own("internal/worker"), "a worker imports only"},
		{"workers/flite", own("internal/audio"), ""},
		{"workers/flite", own("internal/telemetry"), "a worker imports only"},
		{"workers/flite", own("workers/flite/voice"), ""},
		{"workers/flite/voice", own("workers/flite"), ""},
		{"workers/flite", own("workers/espeak"), "a worker imports only"},
		{"workers/flite", "C", ""},
		{"workers/flite", "os/exec", "only internal/worker may"},
		{"internal/audio", "C", "only workers may import cgo"},
		{"internal/worker", "os/exec", ""},
		{"internal/engine", "os/exec", "only internal/worker may"},
		{"internal/cluster", "go.etcd.io/etcd/server/v3/embed", ""},
		{"internal/app", "go.etcd.io/etcd/client/v3", "only internal/cluster may"},
		{"internal/telemetry/otlp", "go.opentelemetry.io/otel/exporters/otlp/otlptrace", ""},
		{"internal/worker/child", "go.opentelemetry.io/otel/sdk/trace", ""},
		{"internal/rpc", "go.opentelemetry.io/otel/sdk/trace", "OpenTelemetry SDK"},
		{"internal/rpc", "go.opentelemetry.io/otel/trace", ""},
		{"internal/rpc", "github.com/prometheus/client_golang/prometheus", "exporter SDKs"},
		{"internal/cli", "github.com/coder/websocket", "WebSocket"},
		{"internal/testkit", "os/exec", ""},
		{"test", "os/exec", ""},
	} {
		got := strings.Join(checkImports([]pkg{{dir: c.dir, imports: []string{c.imp}}}), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s imports %s: %q, want %q", c.dir, c.imp, got, c.want)
		}
	}
}

func TestPackagesReadsEveryBuild(t *testing.T) {
	graph := packages([]source{
		parse(t, "internal/a/a_windows.go", []byte("package a\n\nimport \"os/exec\"\n")),
		parse(t, "internal/a/a.go", []byte("//go:build ignore\n\npackage a\n\nimport _ \"os\"\n")),
		parse(t, "internal/a/a_test.go", []byte("package a\n\nimport \"testing\"\n")),
	})
	if len(graph) != 1 || strings.Join(graph[0].imports, " ") != "os os/exec" {
		t.Errorf("got %v", graph)
	}
}

func TestRepositoryImports(t *testing.T) {
	report(t, checkImports(packages(sources(t))))
}
