// Package status reports the state of the exporter and its upstreams to people and
// programs: one model with two views, JSON and pages. It does not depend on HTTP,
// except for the paths that its pages link to, all of them relative.
package status

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// Model produces the status of the exporter, as values for JSON and as pages. Its methods
// are safe for concurrent use.
type Model struct {
	Registry      *exposition.Registry
	Health        func(all fleet.Health, upstreams int) fleet.Health // returns what /health reports
	History       *history.History
	Version       string
	TelemetryPath string
	ProbeMode     bool                     // upstreams are collected only by /probe
	Upstreams     func() []*fleet.Upstream // the configured and discovered ones; nil if unknown
	Configuration func() Configuration     // nil if unknown
	Push          func() Push              // nil if nothing is pushed
	OpenFiles     func() (open, limit int) // 0 for an unknown number; nil if both are unknown

	last atomic.Pointer[[]*entry] // of the last request, for reuse
}

// Numbers of events in the status of the fleet and of one upstream.
const (
	fleetEvents    = 10
	upstreamEvents = 50
)

// Status returns the status of the fleet and of the upstreams that a query selects, and an
// error if the query is invalid.
func (m *Model) Status(rawQuery string, now time.Time) (Status, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return Status{}, err
	}
	r := newResult(m.entries(m.Registry.Views(), now), &q, now)
	s := m.summary(&r, now)
	for _, e := range r.page(&q) {
		hour := m.History.Hour(e.view, now)
		u := newUpstreamWithHistory(e, &hour, now)
		if q.limit > 0 {
			u.History = hour.States[:]
		}
		s.Upstreams = append(s.Upstreams, u)
	}
	return s, nil
}

// summary returns the status with its verdict, without upstreams. In probe mode it
// replaces r.situation with the situation of the probed targets.
func (m *Model) summary(r *result, now time.Time) Status {
	current, matched := &r.situation, len(r.matched)
	s := Status{
		Status: m.Health(current.health(), current.counts.Upstreams), Version: m.Version, Time: now,
		Fleet: newFleetStatus(current.counts, m.History.Points(), now), Matched: &matched,
		Upstreams: []upstreamStatus{}, Events: m.History.Events.Last(fleetEvents, ""), Omitted: new(int),
	}
	s.Incidents, *s.Omitted = m.History.Incidents("", now)
	m.addExporter(&s)
	if m.ProbeMode {
		s.Probes = m.History.Probes.Last()
		*current = probeSituation(s.Probes)
	}
	current.exporter, current.quiet = exporterFailures(&s), m.History.Quiet()
	s.Verdict = new(judge(current, now))
	return s
}

// ErrNoUpstream reports that there is no upstream with the given name.
var ErrNoUpstream = errors.New("no such upstream")

// Upstream returns the status of one upstream, or ErrNoUpstream.
func (m *Model) Upstream(name string, now time.Time) (detailStatus, error) {
	for _, v := range m.Registry.Views() {
		if v.Upstream.DisplayName() == name {
			hour := m.History.Hour(v, now)
			return m.newDetail(newEntry(v, now), &hour, now), nil
		}
	}
	return detailStatus{}, ErrNoUpstream
}

// Details returns a status of only the upstreams, for /health/details.
func (m *Model) Details(now time.Time) Status {
	views := m.Registry.Views()
	return NewStatus(m.Health(fleet.HealthOf(views, now), len(views)), views, m.Version, now)
}
