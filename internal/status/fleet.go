package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// fleetStatus sums up all upstreams: their states now, and their traffic a few seconds
// ago.
type fleetStatus struct {
	history.Counts
	RatesAt *time.Time `json:"rates_at,omitempty"` // when the rates were measured
	history.Rates
}

// fleetHistory is the response of /api/v1/status/history.
type fleetHistory struct {
	Time        time.Time       `json:"time"`
	StepSeconds float64         `json:"step_seconds"`
	Points      []history.Point `json:"points"` // oldest first
}

// maxPointAge is the age at which the newest point is no longer current, because newer
// points are missing.
const maxPointAge = 3 * history.Step

func newFleetStatus(c history.Counts, points []history.Point, now time.Time) *fleetStatus {
	f := &fleetStatus{Counts: c}
	if len(points) == 0 {
		return f
	}
	if p := &points[len(points)-1]; now.Sub(p.At) < maxPointAge {
		f.RatesAt, f.Rates = &p.At, p.Rates
	}
	return f
}

// FleetHistory returns the last hour of the fleet.
func (m *Model) FleetHistory(now time.Time) any {
	return fleetHistory{now, history.Step.Seconds(), m.History.Points()}
}
