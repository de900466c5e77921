package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// client speaks to a server's public API.
type client struct {
	base string
	http *http.Client
}

func newClient(base string) *client {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 2 * time.Minute
	return &client{base: strings.TrimRight(base, "/"), http: &http.Client{Transport: t}}
}

// speak posts a request and returns the body, which is the audio as it comes.
func (c *client) speak(ctx context.Context, r speech.Request) (io.ReadCloser, []string, error) {
	fields := map[string]any{"input": r.Text, "response_format": string(r.Format.Encoding), "speed": r.Speed}
	for name, v := range map[string]string{"voice": r.Voice, "model": r.Model, "language": r.Language} {
		if v != "" {
			fields[name] = v
		}
	}
	for name, v := range map[string]int{"sample_rate": r.Format.SampleRate, "bit_rate": r.Format.BitRate} {
		if v > 0 {
			fields[name] = v
		}
	}
	for name, v := range map[string]float64{"pitch": r.Pitch, "volume": r.Volume, "loudness": r.Loudness} {
		if v != 0 {
			fields[name] = v
		}
	}
	if len(r.Timings) > 0 {
		kinds := []string{"word"}
		if slices.Contains(r.Timings, speech.TimingPhoneme) {
			kinds = append(kinds, "phoneme")
		}
		fields["stream_format"], fields["timings"] = "sse", kinds
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, nil, fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/audio/speech", bytes.NewReader(body))
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--server: %w", err)}
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.do(req)
	if err != nil {
		return nil, nil, err
	}
	if ct := resp.Header.Get("Content-Type"); !strings.HasPrefix(ct, "audio/") && (len(r.Timings) == 0 || ct != "text/event-stream") {
		_ = resp.Body.Close()
		return nil, nil, c.stranger(fmt.Errorf("it answered with %q instead of audio", ct))
	}
	return resp.Body, resp.Header.Values("X-Orotund-Warning"), nil
}

// stranger is the error of an answer that no Orotund gives.
func (c *client) stranger(cause error) error {
	return fault.New(fault.Unavailable, "the server at %s is not an Orotund", c.base).WithCause(cause)
}

func (c *client) do(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return nil, fault.New(fault.Unavailable, "the server at %s does not answer", c.base).WithCause(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

// readError turns an error response into the fault that it tells of.
func readError(resp *http.Response) error {
	var body struct {
		Message string `json:"message"`
		Error   struct {
			Message string `json:"message"`
			Code    string `json:"code"`
			Param   string `json:"param"`
		} `json:"error"`
	}
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	_ = json.Unmarshal(data, &body)
	msg := body.Error.Message
	if msg == "" {
		msg = body.Message
	}
	if msg == "" {
		msg = "the server answered " + resp.Status
	}
	kind := fault.Internal
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		kind = fault.Exhausted
	case resp.StatusCode == http.StatusServiceUnavailable, resp.StatusCode == http.StatusGatewayTimeout, resp.StatusCode == http.StatusBadGateway:
		kind = fault.Unavailable
	case resp.StatusCode >= 400 && resp.StatusCode < 500:
		kind = fault.Invalid
	}
	return &fault.Error{Kind: kind, Code: body.Error.Code, Field: body.Error.Param, Message: strings.TrimPrefix(msg, body.Error.Param+": ")}
}

// catalogue reads the server's voices, profiles and models.
func (c *client) catalogue(ctx context.Context) (speech.Catalogue, error) {
	var voices struct {
		Voices   []voiceJSON   `json:"voices"`
		Profiles []profileJSON `json:"profiles"`
	}
	var models struct {
		Data []modelJSON `json:"data"`
	}
	if err := errors.Join(c.get(ctx, "/api/v1/voices", &voices), c.get(ctx, "/v1/models", &models)); err != nil {
		return speech.Catalogue{}, err
	}
	var cat speech.Catalogue
	for _, v := range voices.Voices {
		cat.Voices = append(cat.Voices, speech.Voice(v))
	}
	for _, p := range voices.Profiles {
		cat.Profiles = append(cat.Profiles, speech.Profile{Name: p.ID, Voices: p.Voices})
	}
	for _, m := range models.Data {
		cat.Models = append(cat.Models, speech.Model(m))
	}
	return cat, nil
}

func (c *client) get(ctx context.Context, path string, dst any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return usageError{fmt.Errorf("--server: %w", err)}
	}
	resp, err := c.do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(dst); err != nil {
		return c.stranger(fmt.Errorf("read %s: %w", path, err))
	}
	return nil
}
