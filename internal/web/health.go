package web

import (
	"fmt"
	"net/http"
	"sync/atomic"
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

// Health answers how the exporter is. Its methods may be called at the same time.
type Health struct {
	Registry  *exposition.Registry
	ProbeMode bool // nothing is collected but by /probe

	ready atomic.Bool // once it is, it stays so
}

// status is what /health says.
func (h *Health) status(views []*fleet.View, now time.Time) string {
	s := health(views, now)
	if h != nil && s == healthHealthy && (h.Registry.Exporter.Failing() || len(views) == 0 && !h.ProbeMode) {
		return healthDegraded
	}
	return s
}

// isReady reports whether each source of discovery was tried once and the first
// attempt of every endpoint known then has finished, successfully or not. From
// then on it is ready, whatever is discovered later. waiting tells what it waits
// for.
func (h *Health) isReady() (ready bool, waiting string) {
	if h.ready.Load() {
		return true, ""
	}
	if !h.Registry.Exporter.DiscoveryTried() {
		return false, "a source of discovery has not answered yet"
	}
	n := 0
	for _, v := range h.Registry.Views() {
		if !v.Attempted() {
			n++
		}
	}
	if n > 0 {
		return false, fmt.Sprintf("%d upstreams have not been asked yet", n)
	}
	h.ready.Store(true)
	return true, ""
}

// HealthHandler serves what probes of an orchestrator ask for, and nothing else.
func HealthHandler(h *Health) http.Handler {
	mux := http.NewServeMux()
	(&statusPages{Options{Registry: h.Registry, Health: h}}).probed(mux)
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
	h := p.Health.status(p.Registry.Views(), time.Now())
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
	writeJSON(w, http.StatusOK, NewStatus(p.Health, p.Registry.Views(), p.Version, time.Now()))
}

func (p *statusPages) ready(w http.ResponseWriter, _ *http.Request) {
	if ready, waiting := p.Health.isReady(); !ready {
		writeText(w, http.StatusServiceUnavailable, "Betanet exporter is not ready: "+waiting+".\n")
		return
	}
	writeText(w, http.StatusOK, "Betanet exporter is ready.\n")
}
