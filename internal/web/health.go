package web

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Health serves the health of the exporter. Its methods are safe for concurrent use.
type Health struct {
	Registry  *exposition.Registry
	ProbeMode bool // upstreams are collected only by /probe

	ready atomic.Bool // never reset
}

// withExporter adds failures of the exporter itself to the health of a number of
// upstreams.
func (h *Health) withExporter(all fleet.Health, upstreams int) fleet.Health {
	if all == fleet.Healthy && (h.Registry.Exporter.Failing() || upstreams == 0 && !h.ProbeMode) {
		return fleet.Degraded
	}
	return all
}

// notReady describes what is missing for readiness. It returns "" once each source of
// discovery was tried and the first attempt of every endpoint known by then has finished,
// successfully or not, and from then on, whatever is discovered later.
func (h *Health) notReady() string {
	if h.ready.Load() {
		return ""
	}
	if !h.Registry.Exporter.DiscoveryTried() {
		return "a source of discovery has not been tried yet"
	}
	n := 0
	for _, v := range h.Registry.Views() {
		if !v.Attempted() {
			n++
		}
	}
	if n > 0 {
		return fmt.Sprintf("upstreams that have not been tried yet: %d", n)
	}
	h.ready.Store(true)
	return ""
}

// HealthHandler serves only the paths for the probes of an orchestrator.
func HealthHandler(h *Health) http.Handler {
	mux := http.NewServeMux()
	h.healthRoutes(mux)
	return mux
}

// healthRoutes adds the paths that both listeners serve.
func (h *Health) healthRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", h.serve)
	mux.HandleFunc("GET /-/healthy", healthy)
	mux.HandleFunc("GET /-/ready", h.serveReady)
}

// healthy reports that the process responds, whatever the state of the upstreams.
func healthy(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "Betanet exporter is healthy.\n")
}

func (h *Health) serve(w http.ResponseWriter, _ *http.Request) {
	views := h.Registry.Views()
	s := h.withExporter(fleet.HealthOf(views, time.Now()), len(views))
	code := http.StatusOK
	if s == fleet.Unhealthy {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, struct {
		Status fleet.Health `json:"status"`
	}{s})
}

func (h *Health) serveReady(w http.ResponseWriter, _ *http.Request) {
	if missing := h.notReady(); missing != "" {
		writeText(w, http.StatusServiceUnavailable, "Betanet exporter is not ready: "+missing+".\n")
		return
	}
	writeText(w, http.StatusOK, "Betanet exporter is ready.\n")
}
