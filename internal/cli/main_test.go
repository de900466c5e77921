package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/orotund/orotund/internal/testkit/tone"
)

func TestMain(m *testing.M) {
	if tone.Asked() {
		os.Exit(tone.Main())
	}
	goleak.VerifyTestMain(m)
}

// toneFile is a configuration whose only engine is the tone engine, without MP3.
func toneFile(t *testing.T) string {
	t.Helper()
	cmd := tone.Command()
	return configFile(t, fmt.Sprintf("engines:\n  espeak: null\n  flite: null\n  tone:\n    command: [%q, %q]\n    instances: 1\n"+
		"codec: {disabled: true}\nvoices: {default: tone.plain}\n", cmd[0], cmd[1]))
}

// noneFile is a configuration whose programs are not installed.
func noneFile(t *testing.T) string {
	t.Helper()
	return configFile(t, "engines:\n  espeak: {command: [orotund-worker-nowhere]}\n  flite: null\n  mine: {command: [my-own-engine]}\ncodec: {command: [orotund-worker-nocodec]}\n")
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "orotund.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// result is what a command leaves.
type result struct {
	out, err string
	code     int
}

// run runs a command with nothing of the user's own configuration.
func run(ctx context.Context, t *testing.T, stdin string, args ...string) result {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("OROTUND_CONFIG", "")
	var out, errs bytes.Buffer
	c := New(IO{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	c.SetArgs(args)
	err := c.ExecuteContext(ctx)
	if err != nil { // as main does
		fmt.Fprintln(&errs, "orotund:", Message(err))
	}
	return result{out.String(), errs.String(), ExitCode(err)}
}
