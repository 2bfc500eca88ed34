// Package web is how the exporter is reached: the only place with paths, and
// the listener with its limits. No handler but that of /probe waits for an
// upstream.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/pprof"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/history"
)

// Options are what the handlers need.
type Options struct {
	Registry      *exposition.Registry
	Health        *Health // nil for that of the registry
	Trend         *history.Trend
	Journal       *history.Journal
	Version       string
	TelemetryPath string
	MaxRequests   int  // parallel scrapes, 0 for no limit
	Pprof         bool // serve /debug/pprof/
	ProbeMode     bool // nothing is collected but by /probe
	// Reload loads the configuration anew; nil where POST /-/reload is not
	// allowed.
	Reload func() error
	Probe  Prober                   // of /probe; nil where there is none
	Names  func() []*fleet.Upstream // on /sd; nil where there is none
	// Configuration and Push tell their present state; nil where it is not known,
	// and where nothing is pushed.
	Configuration func() Configuration
	Push          func() Push
	Log           *slog.Logger
}

// Handler serves all paths (design: interface.md, HTTP).
func Handler(o Options) (http.Handler, error) {
	compress, err := compressor()
	if err != nil {
		return nil, err
	}
	if o.Health == nil {
		o.Health = &Health{Registry: o.Registry, ProbeMode: o.ProbeMode}
	}
	mux := http.NewServeMux()
	status := &statusPages{o}
	mux.Handle("GET "+o.TelemetryPath, compress(scrapes(o)))
	status.probed(mux)
	mux.HandleFunc("GET /health/details", status.details)
	mux.Handle("GET /api/v1/status", compress(http.HandlerFunc(status.status)))
	mux.Handle("GET /api/v1/status/history", compress(http.HandlerFunc(status.history)))
	mux.Handle("GET /api/v1/status/upstream/{name...}", compress(http.HandlerFunc(status.detail)))
	mux.HandleFunc("POST /-/reload", reload(o.Reload))
	mux.Handle("GET /upstream/{name...}", compress(http.HandlerFunc(status.upstream)))
	mux.Handle("GET /{$}", compress(http.HandlerFunc(status.index)))
	if o.Probe != nil {
		mux.Handle("GET /probe", compress(probes(o)))
	}
	if o.Names != nil {
		mux.Handle("GET /sd", compress(serviceDiscovery(o.Names)))
	}
	if o.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux, nil
}

func reload(load func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if load == nil {
			writeText(w, http.StatusForbidden, "Reloading over HTTP is off, turn it on with --web.enable-lifecycle.\n")
			return
		}
		if err := load(); err != nil {
			writeText(w, http.StatusInternalServerError, "Not reloaded, the old configuration goes on: "+err.Error()+"\n")
			return
		}
		writeText(w, http.StatusOK, "Reloaded.\n")
	}
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text)) // a client that has gone needs no answer
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // only values of our own types come here
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(b)
}
