package test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/testkit/tone"
)

func TestMain(m *testing.M) {
	if tone.Asked() {
		os.Exit(tone.Main())
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}
