package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// fleetStatus is all upstreams together: how they are at this moment, and their
// traffic of a few seconds ago.
type fleetStatus struct {
	countsStatus
	RatesAt *time.Time `json:"rates_at,omitempty"` // when the following was found out
	ratesStatus
}

// countsStatus counts upstreams by state, and circuit breakers.
type countsStatus struct {
	Upstreams int `json:"upstreams"`
	Up        int `json:"up"`
	Stale     int `json:"stale"`
	Down      int `json:"down"`
	Pending   int `json:"pending"`
	NotClosed int `json:"breakers_not_closed"` // open or half-open
}

// ratesStatus is the traffic of the upstreams that answer. What is not known is
// left out.
type ratesStatus struct {
	Messages       *float64 `json:"messages_per_second,omitempty"`
	Dropped        *float64 `json:"packets_dropped_per_second,omitempty"`
	BytesSent      *float64 `json:"bytes_transmitted_per_second,omitempty"`
	BytesReceived  *float64 `json:"bytes_received_per_second,omitempty"`
	Loss           *float64 `json:"loss_ratio,omitempty"`
	LatencySeconds *float64 `json:"average_latency_seconds,omitempty"`
}

// pointStatus is the fleet at a moment of the last hour.
type pointStatus struct {
	Time time.Time `json:"time"`
	countsStatus
	ratesStatus
}

// historyStatus is what /api/v1/status/history gives.
type historyStatus struct {
	Time        time.Time     `json:"time"`
	StepSeconds float64       `json:"step_seconds"`
	Points      []pointStatus `json:"points"` // the oldest first
}

// forgotten is the age from which the newest point says nothing of the present:
// the points after it were not taken.
const forgotten = 3 * history.Step

func newCounts(p *history.Point) countsStatus {
	return countsStatus{p.Upstreams(), p.Up, p.Stale, p.Down, p.Pending, p.NotClosed}
}

// rates takes in the newest of the points.
func (f *fleetStatus) rates(points []history.Point, now time.Time) {
	if len(points) == 0 {
		return
	}
	p := &points[len(points)-1]
	if now.Sub(p.At) < forgotten {
		f.RatesAt, f.ratesStatus = &p.At, newRates(p)
	}
}

func newRates(p *history.Point) ratesStatus {
	return ratesStatus{p.Messages, p.Dropped, p.BytesSent, p.BytesReceived, p.Loss, p.LatencySeconds}
}

func newHistory(points []history.Point, now time.Time) historyStatus {
	h := historyStatus{now, history.Step.Seconds(), make([]pointStatus, len(points))}
	for i := range points {
		p := &points[i]
		h.Points[i] = pointStatus{p.At, newCounts(p), newRates(p)}
	}
	return h
}
