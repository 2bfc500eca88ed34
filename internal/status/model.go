// Package status is what people see of the exporter: one model with two views,
// JSON and pages. It knows nothing of HTTP but the paths that its pages link to.
package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// Model makes the status of the exporter, as values for JSON and as pages.
type Model struct {
	Registry      *exposition.Registry
	Health        func(views []*fleet.View, now time.Time) fleet.Health // as /health reports it
	History       *history.History
	Version       string
	TelemetryPath string
	ProbeMode     bool                     // nothing is collected but by /probe
	Names         func() []*fleet.Upstream // that are configured; nil where they are not known
	// Configuration and Push return their present state; nil where it is not known,
	// and where nothing is pushed.
	Configuration func() Configuration
	Push          func() Push
}

// How many events are shown, of the fleet and of one upstream.
const (
	fleetEvents    = 10
	upstreamEvents = 50
)

// Status returns the upstreams that a query asks for, with the fleet.
func (m *Model) Status(rawQuery string, now time.Time) (Status, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return Status{}, err
	}
	views := m.Registry.Views()
	return m.list(newResult(views, &q, now), &q, views, m.History.Series.Points(), now), nil
}

// list returns the part of the upstreams that is asked for, as a status.
func (m *Model) list(r result, q *query, views []*fleet.View, points []history.Point, now time.Time) Status {
	matched := len(r.matched)
	r.fleet.rates(points, now)
	s := Status{
		Status: m.Health(views, now), Version: m.Version, Time: now, Fleet: &r.fleet, Matched: &matched,
		Upstreams: []upstreamStatus{}, Events: newEvents(m.History.Events.Last(fleetEvents, "")),
	}
	for _, e := range r.page(q) {
		s.Upstreams = append(s.Upstreams, newUpstreamInShort(e.view, e.summary, now))
	}
	m.itself(&s)
	return s
}

// FleetHistory returns the last hour of the fleet.
func (m *Model) FleetHistory(now time.Time) any { return newHistory(m.History.Series.Points(), now) }

// Upstream returns all that is known of the upstream of a name; ok is false if
// there is none.
func (m *Model) Upstream(name string, now time.Time) (d detailStatus, ok bool) {
	for _, v := range m.Registry.Views() {
		if v.Upstream.Title() == name {
			return newDetail(v, m.History.Series.Rates(v.Upstream), m.History.Events.Last(upstreamEvents, name), m.Version, now), true
		}
	}
	return detailStatus{}, false
}

// Details returns the upstreams one by one, without the rest.
func (m *Model) Details(now time.Time) Status {
	views := m.Registry.Views()
	return NewStatus(m.Health(views, now), views, m.Version, now)
}
