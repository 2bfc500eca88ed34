// Package web is how the exporter is reached: the only place with paths, and
// the listener with its limits. Only the handler of /probe waits for an
// upstream.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strconv"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status"
)

// Options are what the handlers need.
type Options struct {
	Registry      *exposition.Registry
	Health        *Health
	Status        *status.Model
	TelemetryPath string
	MaxRequests   int  // parallel scrapes, 0 for no limit
	Pprof         bool // serve /debug/pprof/
	// Reload loads the configuration again; nil where POST /-/reload is not
	// allowed.
	Reload func() error
	Probe  Prober                   // of /probe; nil where there is none
	Names  func() []*fleet.Upstream // on /sd; nil where there is none
	Log    *slog.Logger
}

// Handler serves all paths (design: interface.md, HTTP).
func Handler(o Options) (http.Handler, error) {
	compress, err := compressor()
	if err != nil {
		return nil, err
	}
	o.Status.Health = o.Health.withExporter
	mux := http.NewServeMux()
	mux.Handle("GET "+o.TelemetryPath, compress(scrapes(o)))
	o.Health.healthRoutes(mux)
	statusRoutes(mux, o.Status, compress)
	mux.HandleFunc("POST /-/reload", reload(o.Reload))
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
	return relativeRedirects(mux), nil
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

// maxLine bounds what is shown of an error.
const maxLine = 400

// quotedLine makes a text fit for a line: what does not print is escaped, what is long
// is cut.
func quotedLine(text string) string {
	if len(text) > maxLine {
		text = text[:maxLine] + "..."
	}
	return strconv.QuoteToGraphic(text)
}
