package conformance

import (
	"flag"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"google.golang.org/grpc"
)

// The flags name an engine of anyone's that already runs; docs/engines.md shows their use.
var (
	address         = flag.String("address", "", "gRPC address of an engine to check, for example unix:/tmp/engine.sock")
	voice           = flag.String("voice", "", "voice that speaks; empty: the first that speaks English")
	text            = flag.String("text", "", "sentence in the voice's language; empty: an English one")
	lengthTolerance = flag.Float64("length-tolerance", 0, "how far two renderings may differ in length; 0: 0.02")
)

// TestEngineAtAddress runs the suite against the engine at -address.
func TestEngineAtAddress(t *testing.T) {
	if *address == "" {
		t.Skip("no -address is given")
	}
	conn, err := grpc.NewClient(*address, DialOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	Run(t, enginev1.NewEngineClient(conn), Options{Voice: *voice, Text: *text, LengthTolerance: *lengthTolerance, Conn: conn})
}
