// Package cli is the commands of the orotund binary.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orotund/orotund/internal/app"
	"github.com/orotund/orotund/internal/config"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/lifecycle"
)

// Exit codes; docs/cli.md lists them.
const (
	ExitOK          = 0
	ExitFailure     = 1   // anything else
	ExitUsage       = 2   // the command line or the configuration is wrong
	ExitInput       = 3   // the text, voice, format … cannot be used
	ExitUnavailable = 4   // an engine, a worker or the server is missing, busy or unreachable
	ExitGrace       = 5   // serve: the grace time ran out and running requests were cut
	ExitInterrupted = 130 // interrupted by the user
)

// IO is the outside of a command.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// Std is the process's own.
func Std() IO { return IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }

// usageError is an error of the command line.
type usageError struct{ error }

// Unwrap returns the error itself.
func (e usageError) Unwrap() error { return e.error }

// New returns the root command.
func New(stdio IO) *cobra.Command {
	root := &cobra.Command{
		Use:   "orotund",
		Short: "Self-hosted text to speech",
		Long: `Orotund turns text into speech, as a server or at once.

  orotund say "Hello, world." -o hello.mp3
  orotund serve

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 text or settings that cannot be used,
4 engine or server not available, 5 serve had to cut requests at the end of its grace time, 130 interrupted.`,
		SilenceUsage: true, SilenceErrors: true,
		Version: app.Version,
		Args:    args(noSuchCommand),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(stdio.In)
	root.SetOut(stdio.Out)
	root.SetErr(stdio.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{errors.New(err.Error() + "\nsee: " + c.CommandPath() + " --help")}
	})
	root.PersistentFlags().String("config", "", "configuration file (default: $OROTUND_CONFIG, ~/.config/orotund/orotund.yaml or /etc/orotund/orotund.yaml)")
	root.AddCommand(newServe(stdio), newSay(stdio), newVoices(stdio), newInspect(stdio), newDoctor(stdio), newVersion(stdio))
	return root
}

// ExitCode is the one place where errors become exit codes.
func ExitCode(err error) int {
	var usage usageError
	var netErr net.Error
	switch f := fault.From(err); {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.Is(err, lifecycle.ErrGrace):
		return ExitGrace
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case f.Kind == fault.Invalid, f.Kind == fault.NotFound, f.Kind == fault.TooLarge:
		return ExitInput
	case f.Kind == fault.Unavailable, f.Kind == fault.Exhausted, f.Kind == fault.Deadline, errors.As(err, &netErr):
		return ExitUnavailable
	default:
		return ExitFailure
	}
}

// Message is what a person is told of an error: the fault's own words where there are some, with its cause.
func Message(err error) string {
	var f *fault.Error
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	if !errors.As(err, &f) {
		return err.Error()
	}
	msg := f.Message
	if f.Field != "" {
		msg = f.Field + ": " + msg
	}
	if f.Cause != nil {
		msg += "\n" + f.Cause.Error()
	}
	return msg
}

// noSuchCommand is about the arguments of the root command, which has none.
func noSuchCommand(c *cobra.Command, a []string) error {
	if len(a) == 0 {
		return nil
	}
	if like := c.SuggestionsFor(a[0]); len(like) > 0 {
		return fmt.Errorf("unknown command %q; did you mean %s?", a[0], strings.Join(like, " or "))
	}
	return fmt.Errorf("unknown command %q", a[0])
}

// args turns cobra's complaint about arguments into a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, a []string) error {
		if err := check(c, a); err != nil {
			return usageError{errors.New(err.Error() + "\nsee: " + c.CommandPath() + " --help")}
		}
		return nil
	}
}

// load reads the configuration of a command.
func load(c *cobra.Command) (app.Config, string, error) {
	file, err := c.Flags().GetString("config")
	if err != nil {
		return app.Config{}, "", err
	}
	if file == "" {
		file = config.DefaultFile()
	}
	cfg := app.DefaultConfig()
	if err := config.Load(&cfg, config.Options{File: file, Environ: config.Environ(), Flags: c.Flags()}); err != nil {
		return cfg, file, usageError{errors.New("the configuration cannot be used:\n" + err.Error())}
	}
	return cfg, file, nil
}
