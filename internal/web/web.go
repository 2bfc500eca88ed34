// Package web serves the exporter over HTTP: all paths, and the listeners with their
// limits. Only the handler of /probe waits for an upstream.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/pprof"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status"
)

// Options configure the handlers.
type Options struct {
	Registry      *exposition.Registry
	Health        *Health
	Status        *status.Model
	TelemetryPath string
	MaxRequests   int                      // concurrent scrapes, 0 for no limit
	Pprof         bool                     // serve /debug/pprof/
	Reload        func() error             // loads the configuration again; nil if POST /-/reload is not allowed
	Probe         Prober                   // for /probe; nil to disable it
	Names         func() []*fleet.Upstream // for /sd; nil to disable it
	Log           *slog.Logger
}

// Handler returns the handler for all paths of the main listeners.
func Handler(o Options) (http.Handler, error) {
	compress, err := compressor()
	if err != nil {
		return nil, err
	}
	o.Status.Health = o.Health.withExporter
	mux := http.NewServeMux()
	mux.Handle("GET "+o.TelemetryPath, compress(metricsHandler(o)))
	o.Health.healthRoutes(mux)
	statusRoutes(mux, o.Status, compress)
	mux.HandleFunc("POST /-/reload", reloadHandler(o.Reload))
	if o.Probe != nil {
		mux.Handle("GET /probe", compress(probeHandler(o)))
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
	return relativeRedirects(mux), nil
}

func reloadHandler(reload func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if reload == nil {
			writeText(w, http.StatusForbidden, "Reloading over HTTP is disabled, enable it with --web.enable-lifecycle.\n")
			return
		}
		if err := reload(); err != nil {
			writeText(w, http.StatusInternalServerError, "Reload failed, the old configuration remains in use: "+err.Error()+"\n")
			return
		}
		writeText(w, http.StatusOK, "Reloaded.\n")
	}
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text)) // the client may be gone
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // cannot happen: all values are of our own types
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(b)
}
