package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// The answers of /health.
const (
	healthHealthy   = "healthy"
	healthDegraded  = "degraded"
	healthUnhealthy = "unhealthy"
)

// missedIntervals is after how many intervals without a collection collecting
// itself counts as stopped.
const missedIntervals = 3

// health judges all upstreams. Unhealthy is about the exporter alone: whatever
// an upstream does, restarting the exporter would not mend it.
func health(views []*fleet.View, now time.Time) string {
	all := healthHealthy
	for _, v := range views {
		if now.Sub(v.Ticked) > missedIntervals*v.Upstream.Settings.Interval {
			return healthUnhealthy
		}
		if !v.Up() || v.NotClosed() > 0 {
			all = healthDegraded
		}
	}
	return all
}

// HealthHandler serves what probes of an orchestrator ask for, and nothing else.
func HealthHandler(r *exposition.Registry) http.Handler {
	mux := http.NewServeMux()
	(&statusPages{Options{Registry: r}}).probed(mux)
	return mux
}

// probed adds the paths that are on both listeners.
func (p *statusPages) probed(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", p.health)
	mux.HandleFunc("GET /-/healthy", healthy)
	mux.HandleFunc("GET /-/ready", p.ready)
}

// healthy says that the process answers, whatever the upstreams do.
func healthy(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "Betanet exporter is healthy.\n")
}

func (p *statusPages) health(w http.ResponseWriter, _ *http.Request) {
	h := health(p.Registry.Views(), time.Now())
	code := http.StatusOK
	if h == healthUnhealthy {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, struct {
		Status string `json:"status"`
	}{h})
}

// details are the upstreams as probes of the health want them: all of them, and
// no more than there ever was.
func (p *statusPages) details(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, NewStatus(p.Registry.Views(), p.Version, time.Now()))
}

// ready says whether every endpoint has been tried once, well or badly.
func (p *statusPages) ready(w http.ResponseWriter, _ *http.Request) {
	waiting := 0
	for _, v := range p.Registry.Views() {
		if !v.Tried() {
			waiting++
		}
	}
	if waiting > 0 {
		writeText(w, http.StatusServiceUnavailable, fmt.Sprintf("Betanet exporter is not ready: %d upstreams have not been collected yet.\n", waiting))
		return
	}
	writeText(w, http.StatusOK, "Betanet exporter is ready.\n")
}
