// Orotund-worker-codec serves orotund.codec.v1: it encodes MP3 with LAME. It is started by orotund; the life of a worker is written
// down in api/orotund/engine/v1/engine.proto.
//
// It is a module of its own because it needs cgo and links a library under the LGPL; see NOTICE.
package main

import (
	"os"
	"runtime"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"google.golang.org/grpc"
)

func main() {
	os.Exit(child.Main("orotund.codec.v1", func(s *grpc.Server) {
		codecv1.RegisterEncoderServer(s, newService(maxEncoders, runtime.GOMAXPROCS(0)))
	}))
}
