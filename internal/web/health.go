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

// withExporter returns the health of the exporter, given the combined health and the
// number of its upstreams. Failures of the exporter itself make it degraded.
func (h *Health) withExporter(combined fleet.Health, upstreams int) fleet.Health {
	if combined == fleet.Healthy && (h.Registry.Exporter.Failing() || upstreams == 0 && !h.ProbeMode) {
		return fleet.Degraded
	}
	return combined
}

// notReady returns the reason why the exporter is not ready. It returns "" once each
// discovery source has been tried and the first attempt of every endpoint known by then
// has finished, successfully or not. It never returns a reason after that, whatever is
// discovered later.
func (h *Health) notReady() string {
	if h.ready.Load() {
		return ""
	}
	if !h.Registry.Exporter.DiscoveryTried() {
		return "a discovery source has not been tried yet"
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

// HealthHandler returns the handler for the health listeners, which serve only the
// health checks of an orchestrator.
func HealthHandler(h *Health) http.Handler {
	mux := http.NewServeMux()
	h.healthRoutes(mux)
	return mux
}

// healthRoutes adds the health checks, which the main and the health listeners serve.
func (h *Health) healthRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", h.serve)
	mux.HandleFunc("GET /-/healthy", healthy)
	mux.HandleFunc("GET /-/ready", h.serveReady)
}

// healthy reports that the process responds, regardless of the upstreams.
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
	if reason := h.notReady(); reason != "" {
		writeText(w, http.StatusServiceUnavailable, "Betanet exporter is not ready: "+reason+".\n")
		return
	}
	writeText(w, http.StatusOK, "Betanet exporter is ready.\n")
}
