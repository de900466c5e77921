package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orotund/orotund/internal/app"
	"github.com/orotund/orotund/internal/config"
)

func newServe(stdio IO) *cobra.Command {
	var printConfig, quiet bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve speech over HTTP",
		Long: `Serve speech over HTTP on 127.0.0.1:8700 until SIGTERM or SIGINT, which let running requests finish;
a second SIGINT (Ctrl-C) ends it at once.

Every setting can stand in the configuration file, in an environment variable or here as a flag; flags win.
docs/configuration.md lists them, and --print-config shows the ones in force.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := load(c)
			if err != nil {
				return err
			}
			if printConfig {
				return config.Write(stdio.Out, cfg)
			}
			a, err := app.New(c.Context(), cfg, stdio.Err)
			if err != nil {
				return err
			}
			return a.Serve(c.Context(), func(a *app.App) {
				if !quiet {
					banner(stdio.Out, a)
				}
			})
		},
	}
	c.Flags().BoolVar(&printConfig, "print-config", false, "print the configuration in force as YAML and exit")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "do not print the address and the first steps")
	config.RegisterFlags(c.Flags(), app.DefaultConfig())
	return c
}

// banner tells a person what to do next.
func banner(w io.Writer, a *app.App) {
	addr := a.GatewayAddr()
	if addr == nil {
		fmt.Fprintf(w, "Orotund %s runs without a gateway.\n", app.Version)
		return
	}
	fmt.Fprintf(w, `
Orotund %s serves on http://%s

  curl -s http://%s/v1/audio/speech -H 'Content-Type: application/json' \
    -d '{"model": "tts-1", "voice": "alloy", "input": "Hello, world. 你好，世界。"}' -o hello.mp3

`, app.Version, addr, addr)
	health := a.Engines()
	for _, id := range slices.Sorted(maps.Keys(health)) {
		if err := health[id]; err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			fmt.Fprintf(w, "  %s is not available: %s\n", id, first)
		}
	}
	fmt.Fprintf(w, "  voices    http://%s/v1/audio/voices\n", addr)
	if admin := a.AdminAddr(); admin != nil {
		fmt.Fprintf(w, "  metrics   http://%s/metrics   health http://%s/readyz\n", admin, admin)
	}
	fmt.Fprintf(w, "  data      %s\n  docs      README.md, docs/   `orotund doctor` checks this machine\n\n", a.DataDir())
}
