package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"
)

// maxProfile bounds how long a profile may be asked to run.
const maxProfile = 5 * time.Minute

const index = `Orotund, administration

/metrics        metrics for Prometheus
/healthz        200 while the process lives
/readyz         200 when it takes requests, else 503 and the reasons
/debug/pprof/   profiles of the running process
`

// AdminHandler serves what operators look at: /metrics, /healthz, /readyz (503 with the lines of ready's error until it returns
// nil), /debug/pprof/ and a short index. It has no authentication: bind it to where only operators come.
func AdminHandler(t *Telemetry, ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", t.MetricsHandler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error()+"\n")
			return
		}
		plain(w, http.StatusOK, "ready\n")
	})
	// The pprof package also puts its handlers into http.DefaultServeMux when it is imported; nothing of ours serves that.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.Handle("GET /debug/pprof/profile", bounded(pprof.Profile))
	mux.Handle("GET /debug/pprof/trace", bounded(pprof.Trace))
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, index) })
	return mux
}

// bounded refuses a profile that would run for longer than maxProfile.
func bounded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := r.FormValue("seconds"); s != "" {
			if n, err := strconv.ParseFloat(s, 64); err != nil || !(n >= 0 && n <= maxProfile.Seconds()) {
				plain(w, http.StatusBadRequest, fmt.Sprintf("seconds must be from 0 to %v\n", maxProfile.Seconds()))
				return
			}
		}
		next(w, r)
	})
}

// plain writes a short text that nobody keeps.
func plain(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text) // the client may have left: nothing to do about it
}
