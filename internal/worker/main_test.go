package worker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/testkit/tone"
	"github.com/orotund/orotund/internal/worker"
)

func TestMain(m *testing.M) {
	if tone.Asked() {
		os.Exit(tone.Main())
	}
	if len(os.Args) > 1 && os.Args[1] == "bad-worker" {
		os.Exit(badWorker(os.Args[2]))
	}
	if len(os.Args) > 1 && os.Args[1] == "parent" {
		os.Exit(parent())
	}
	goleak.VerifyTestMain(m)
}

// badWorker is a program that is no good as a worker, in the way that mode says.
func badWorker(mode string) int {
	switch mode {
	case "dies":
		fmt.Fprintln(os.Stderr, "cannot find libmissing.so.7")
		return 3
	case "mute":
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "babbles":
		for i := 0; i < 10_000; i++ {
			fmt.Print("hello hello hello ")
		}
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "stranger":
		fmt.Println("OROTUND-WORKER 1 other.v1 unix:" + os.Getenv("OROTUND_WORKER_SOCKET"))
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "stubborn": // ignores the end of its standard input
		fmt.Println("OROTUND-WORKER 1 orotund.engine.v1 unix:" + os.Getenv("OROTUND_WORKER_SOCKET"))
		time.Sleep(time.Hour)
	}
	return 0
}

// parent starts a worker, prints its process id, and waits to be killed.
func parent() int {
	p, err := worker.Start(context.Background(), spec(), worker.Limits{}, quiet())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(p.Pid())
	time.Sleep(time.Hour)
	return 0
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func spec() worker.Spec {
	return worker.Spec{Name: "tone", Service: "orotund.engine.v1", Command: tone.Command()}
}

func bad(mode string) worker.Spec {
	exe, _ := os.Executable()
	return worker.Spec{Name: "bad", Service: "orotund.engine.v1", Command: []string{exe, "bad-worker", mode}}
}

func probe(ctx context.Context, conn *grpc.ClientConn) (int, error) {
	r, err := enginev1.NewEngineClient(conn).Health(ctx, &enginev1.HealthRequest{})
	return int(r.GetActive()), err
}

// eventually waits for a condition, for as long as a slow machine may need.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("did not come about: %s", what)
		}
	}
}
