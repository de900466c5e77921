// Package enginepython tests the example engine beside it, which is written in Python: as Orotund starts it, with the suite that all
// engines pass.
package enginepython

import (
	"context"
	"log/slog"
	"os/exec"
	"testing"
	"time"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/engine/conformance"
	"github.com/orotund/orotund/internal/worker"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// python is the interpreter for which Debian packages gRPC.
const python = "/usr/bin/python3"

func TestConformance(t *testing.T) {
	if out, err := exec.Command(python, "-c", "import grpc, grpc_tools").CombinedOutput(); err != nil {
		t.Skipf("%s lacks gRPC (apt-get install python3-grpcio python3-grpc-tools): %v: %s", python, err, out)
	}
	pool := worker.NewPool(worker.Spec{
		Name:    "tone",
		Service: "orotund.engine.v1",
		Command: []string{python, "engine.py"},
		Dial:    conformance.DialOptions(),
	}, worker.PoolConfig{Min: 1, Max: 1, Slots: 1, Probe: probe}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := pool.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := pool.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	lease, err := pool.Acquire(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release(true)
	conn := lease.Conn()
	for _, voice := range []string{"low", "high"} {
		t.Run(voice, func(t *testing.T) {
			conformance.Run(t, enginev1.NewEngineClient(conn), conformance.Options{Voice: voice, Conn: conn})
		})
	}
}

func probe(ctx context.Context, conn *grpc.ClientConn) (int, error) {
	h, err := enginev1.NewEngineClient(conn).Health(ctx, &enginev1.HealthRequest{})
	return int(h.GetActive()), err
}
