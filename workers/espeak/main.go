// SPDX-License-Identifier: GPL-3.0-or-later

// Command orotund-worker-espeak serves orotund.engine.v1 with the voices of espeak-ng, through libespeak-ng. It is a program of
// its own because the library is under the GPL, keeps global state, and is not thread-safe: Orotund starts one for each core
// that it gives to espeak-ng.
package main

import (
	"log/slog"
	"os"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"github.com/orotund/orotund/workers/espeak/engine"
	"github.com/orotund/orotund/workers/espeak/libespeak"
	"google.golang.org/grpc"
)

func main() { os.Exit(child.MainWith("orotund.engine.v1", open)) }

func open(*slog.Logger) (func(*grpc.Server), error) {
	library, err := libespeak.Open()
	if err != nil {
		return nil, err
	}
	return func(s *grpc.Server) { enginev1.RegisterEngineServer(s, engine.New(library)) }, nil
}
