// Orotund-worker-flite serves orotund.engine.v1 with flite, the small English synthesiser of Carnegie Mellon University. It is
// started by orotund; api/orotund/engine/v1/engine.proto says how.
//
// It links libflite and the voices that Debian builds into libraries of their own (package flite1-dev), and is a module of its
// own because nothing else in Orotund may need cgo.
package main

import (
	"os"
	"runtime"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"google.golang.org/grpc"
)

func main() {
	os.Exit(child.Main("orotund.engine.v1", func(s *grpc.Server) {
		// One utterance keeps one core busy, so more of them at once would only make each other late.
		enginev1.RegisterEngineServer(s, newEngine(runtime.GOMAXPROCS(0)))
	}))
}
