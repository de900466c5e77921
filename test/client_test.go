package test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os/exec"
	"testing"
)

// post sends a request to /v1/audio/speech.
func (d *deployment) post(ctx context.Context, t testing.TB, fields map[string]any) *http.Response {
	t.Helper()
	resp, err := d.tryPost(ctx, fields)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (d *deployment) tryPost(ctx context.Context, fields map[string]any) (*http.Response, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/v1/audio/speech", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
}

// speak returns the whole audio of a request that must succeed.
func (d *deployment) speak(t testing.TB, fields map[string]any) []byte {
	t.Helper()
	resp := d.post(t.Context(), t, fields)
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v: %s %v %.300s", fields, resp.Status, err, data)
	}
	return data
}

// level is the RMS of 16-bit samples, from 0 to 1.
func level(pcm []byte) float64 {
	var sum float64
	for i := 0; i+1 < len(pcm); i += 2 {
		v := float64(int16(binary.LittleEndian.Uint16(pcm[i:]))) / 32768
		sum += v * v
	}
	return math.Sqrt(sum / float64(max(len(pcm)/2, 1)))
}

// decode turns any audio into PCM at 24 kHz with ffmpeg.
func decode(t testing.TB, audio []byte) []byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-ac", "1", "-ar", "24000", "-")
	cmd.Stdin = bytes.NewReader(audio)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pcm, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, stderr.String())
	}
	return pcm
}
