// Orotund-worker-codec serves orotund.codec.v1: it encodes MP3 with LAME and AAC with go-aac. It is started by orotund; the life of a
// worker is written down in api/orotund/engine/v1/engine.proto.
//
// It is a module of its own because it needs cgo and links libraries under the LGPL; see NOTICE.
package main

import (
	"log/slog"
	"os"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"google.golang.org/grpc"
)

// cores is how many steps encode at the same moment: Orotund starts a worker for each core.
const cores = 1

func main() {
	os.Exit(child.MainWith("orotund.codec.v1", func(log *slog.Logger) (func(*grpc.Server), error) {
		return func(s *grpc.Server) {
			codecv1.RegisterEncoderServer(s, newService(encodings(), maxEncoders, cores, log))
		}, nil
	}))
}
