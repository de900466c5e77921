package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/orotund/orotund/internal/app"
	"github.com/orotund/orotund/internal/speech"
)

func newVoices(stdio IO) *cobra.Command {
	var language, server string
	var asJSON bool
	c := &cobra.Command{
		Use:   "voices",
		Short: "List the voices",
		Long:  "List the voices of the installed engines, or of a server, and the names that stand for several of them.",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cat, err := catalogue(c, server, stdio)
			if err != nil {
				return err
			}
			cat.Voices = slices.DeleteFunc(slices.Clone(cat.Voices), func(v speech.Voice) bool {
				return language != "" && !v.Speaks(language)
			})
			if asJSON {
				return printJSON(stdio, cat)
			}
			return printVoices(stdio, cat)
		},
	}
	c.Flags().StringVarP(&language, "language", "l", "", "only voices that speak a language, for example en or zh-CN")
	c.Flags().StringVar(&server, "server", "", "ask a server, for example http://127.0.0.1:8700")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// The forms of voices, profiles and models in JSON: those of GET /api/v1/voices.
type (
	voiceJSON struct {
		ID         string   `json:"id"`
		Name       string   `json:"name"`
		Engine     string   `json:"engine"`
		Languages  []string `json:"languages"`
		Gender     string   `json:"gender,omitempty"`
		SampleRate int      `json:"sample_rate"`
		Loudness   float64  `json:"loudness,omitempty"`
	}
	profileJSON struct {
		ID     string            `json:"id"`
		Voices map[string]string `json:"voices"`
	}
	modelJSON struct {
		ID      string   `json:"id"`
		Engines []string `json:"engines,omitempty"`
	}
)

func printJSON(stdio IO, cat speech.Catalogue) error {
	out := struct {
		Voices   []voiceJSON   `json:"voices"`
		Profiles []profileJSON `json:"profiles"`
		Models   []modelJSON   `json:"models"`
	}{[]voiceJSON{}, []profileJSON{}, []modelJSON{}}
	for _, v := range cat.Voices {
		out.Voices = append(out.Voices, voiceJSON(v))
	}
	for _, p := range cat.Profiles {
		out.Profiles = append(out.Profiles, profileJSON{ID: p.Name, Voices: p.Voices})
	}
	for _, m := range cat.Models {
		out.Models = append(out.Models, modelJSON(m))
	}
	enc := json.NewEncoder(stdio.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func printVoices(stdio IO, cat speech.Catalogue) error {
	w := tabwriter.NewWriter(stdio.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "VOICE\tLANGUAGES\tGENDER\tHZ\tNAME")
	for _, v := range cat.Voices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", v.ID, strings.Join(v.Languages, ","), v.Gender, v.SampleRate, v.Name)
	}
	fmt.Fprintln(w, "\nNAME\tSTANDS FOR")
	for _, p := range cat.Profiles {
		var parts []string
		for lang, id := range p.Voices {
			parts = append(parts, lang+": "+id)
		}
		slices.Sort(parts)
		fmt.Fprintf(w, "%s\t%s\n", p.Name, strings.Join(parts, ", "))
	}
	return w.Flush()
}

// catalogue asks a server, or starts the engines for a moment.
func catalogue(c *cobra.Command, server string, stdio IO) (speech.Catalogue, error) {
	if server != "" {
		return newClient(server).catalogue(c.Context())
	}
	var cat speech.Catalogue
	err := speakHere(c, stdio.Err, false, func(ctx context.Context, a *app.App, s app.Speaker) (err error) {
		cat, err = s.Catalogue(ctx)
		if err == nil && len(cat.Voices) == 0 {
			err = noEngine(a)
		}
		return err
	})
	return cat, err
}
