package history

import (
	"math"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// The history has a point every Step. It keeps KeptPoints of them, which cover an hour.
const (
	Step       = 10 * time.Second
	KeptPoints = int(time.Hour / Step)
)

// Point is the fleet at one moment.
type Point struct {
	At time.Time `json:"time"`
	Counts
	Rates
}

// Counts counts upstreams by state, and circuit breakers.
type Counts struct {
	Upstreams int `json:"upstreams"`
	Up        int `json:"up"`
	Stale     int `json:"stale"`
	Down      int `json:"down"`
	Pending   int `json:"pending"`
	NotClosed int `json:"breakers_not_closed"` // open or half-open
}

// Add counts n upstreams in a state.
func (c *Counts) Add(s fleet.State, n int) {
	c.Upstreams += n
	switch s {
	case fleet.Up:
		c.Up += n
	case fleet.Stale:
		c.Stale += n
	case fleet.Down:
		c.Down += n
	default:
		c.Pending += n
	}
}

// Rates is the traffic of the upstreams whose documents are not stale; nil is unknown.
// An outage is therefore a gap, not a drop to 0. Traffic during an outage is spread over
// the time between the two documents around it and causes no peak.
type Rates struct {
	Messages      *float64 `json:"messages_per_second,omitempty"`
	Dropped       *float64 `json:"packets_dropped_per_second,omitempty"`
	BytesSent     *float64 `json:"bytes_transmitted_per_second,omitempty"`
	BytesReceived *float64 `json:"bytes_received_per_second,omitempty"`
	// Loss is dropped / (dropped + forwarded) over the upstreams that report both, nil
	// without traffic. For API v1 the packets processed are the packets forwarded.
	Loss           *float64 `json:"loss_ratio,omitempty"`
	LatencySeconds *float64 `json:"average_latency_seconds,omitempty"` // mean over the upstreams
}

// sums adds up the rates of the upstreams of one point.
type sums struct {
	counters  [betanet.NumCounters]mean
	latency   mean
	lost, all mean // packets per second of the upstreams that report dropped and forwarded
}

func (s *sums) add(t *rateTracker) {
	for f := range t.counters {
		s.counters[f].add(t.counters[f].now(), 1)
	}
	s.latency.add(t.latency, 1)
	dropped := t.counters[betanet.PacketsDropped].now()
	if all := dropped + t.counters[betanet.PacketsForwarded].now(); !math.IsNaN(all) {
		s.lost.add(dropped, 1)
		s.all.add(all, 1)
	}
}

func (s *sums) rates() Rates {
	total := func(f betanet.Field) *float64 { return known(s.counters[f].total()) }
	return Rates{
		total(betanet.PacketsProcessed), total(betanet.PacketsDropped), total(betanet.BytesTransmitted), total(betanet.BytesReceived),
		known(s.lost.sum / s.all.sum), known(s.latency.mean()),
	}
}
