package conformance

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves a speaker on a Unix socket until the test ends.
func serve(t *testing.T, s *speaker) *grpc.ClientConn {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- child.Serve(ctx, listener, func(g *grpc.Server) { enginev1.RegisterEngineServer(g, s) })
	}()
	conn, err := grpc.NewClient("unix:"+listener.Addr().String(), DialOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(s.done)
		_ = conn.Close()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return conn
}

// TestGoodEngine runs the suite against an engine without a fault.
func TestGoodEngine(t *testing.T) {
	conn := serve(t, newSpeaker(""))
	Run(t, enginev1.NewEngineClient(conn), Options{Conn: conn})
}

// TestFaultsAreFound checks that each fault makes the check fail that is there for it.
func TestFaultsAreFound(t *testing.T) {
	for fault, want := range map[string]string{
		"description changes":        "describe",
		"no concurrency":             "describe",
		"bad id":                     "voices",
		"bad language":               "voices",
		"wrong rate":                 "stream",
		"any model":                  "load",
		"unload does nothing":        "load",
		"format late":                "stream",
		"no end":                     "stream",
		"wrong count":                "stream",
		"odd bytes":                  "stream",
		"large messages":             "stream",
		"silent":                     "stream",
		"timing past the end":        "stream",
		"phoneme without need":       "stream",
		"timings unasked":            "no timings unasked",
		"words go missing":           "word timings",
		"offsets in characters":      "multi-byte text",
		"length varies":              "repeatable",
		"speed is ignored":           "speed",
		"speed is not checked":       "bad requests",
		"any voice":                  "bad requests",
		"text in the error":          "bad requests",
		"wrong code":                 "bad requests",
		"nothing to say is an error": "nothing to say",
		"breaks are obeyed":          "markup is text",
		"comments are obeyed":        "markup is text",
		"commands last":              "markup is text",
		"health does not count":      "health while speaking",
		"no limit":                   "concurrency",
		"deaf to cancel":             "cancel",
		"old text is heard":          "cancel",
		"old text replaces":          "cancel",
		"never leaves":               "cancel without reading",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			conn := serve(t, newSpeaker(fault))
			s, err := newSuite(t.Context(), enginev1.NewEngineClient(conn), Options{Conn: conn}.withDefaults())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range checks() {
				if c.name != want {
					continue
				}
				err := c.run(t.Context(), s)
				if err == nil {
					t.Errorf("%s passes", want)
				}
				t.Log(err)
				return
			}
			t.Fatalf("there is no check %q", want)
		})
	}
}

func TestNoVoice(t *testing.T) {
	conn := serve(t, newSpeaker(""))
	if _, err := newSuite(t.Context(), enginev1.NewEngineClient(conn), Options{Voice: "other"}.withDefaults()); err == nil {
		t.Error("a voice that is not there was found")
	}
}
