// Package status is what people see of the exporter: one model with two views,
// JSON and pages. It knows nothing of HTTP but the paths that its pages link to,
// all of them relative.
package status

import (
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// Model makes the status of the exporter, as values for JSON and as pages.
type Model struct {
	Registry      *exposition.Registry
	Health        func(all fleet.Health, upstreams int) fleet.Health // as /health reports it
	History       *history.History
	Version       string
	TelemetryPath string
	ProbeMode     bool                     // nothing is collected but by /probe
	Names         func() []*fleet.Upstream // that are configured; nil where they are not known
	// Configuration and Push return their present state; nil where it is not known,
	// and where nothing is pushed.
	Configuration func() Configuration
	Push          func() Push
	OpenFiles     func() (open, limit int) // 0 where it is not known; nil as well

	mu   sync.Mutex
	last []*entry // of the last look at all upstreams
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
	r := newResult(m.entries(m.Registry.Views(), now), &q, now)
	s := m.summary(&r, now)
	for _, e := range r.page(&q) {
		past := m.History.Past(e.view, now)
		u := newUpstreamInShort(e.view, e.summary, &past, now)
		if q.limit > 0 {
			u.History = past.States[:]
		}
		s.Upstreams = append(s.Upstreams, u)
	}
	return s, nil
}

// summary returns the status without any upstream, and judges it.
func (m *Model) summary(r *result, now time.Time) Status {
	matched := len(r.matched)
	f := fleetStatus{countsStatus: r.situation.counts}
	f.rates(m.History.Points(), now)
	s := Status{
		Status: m.Health(r.situation.health(), r.situation.counts.Upstreams), Version: m.Version, Time: now, Fleet: &f, Matched: &matched,
		Upstreams: []upstreamStatus{}, Events: m.History.Events.Last(fleetEvents, ""), Omitted: new(int),
	}
	s.Incidents, *s.Omitted = m.History.Incidents("", now)
	m.itself(&s)
	if m.ProbeMode {
		m.probed(&r.situation, &s)
	}
	r.situation.exporter, r.situation.quiet = exporterFailures(&s), m.History.Quiet()
	verdict := judge(&r.situation, now)
	s.Verdict = &verdict
	return s
}

// probed makes the situation one about the targets that were probed.
func (m *Model) probed(about *situation, s *Status) {
	s.Probes = m.History.Probes.Last()
	*about = situation{targets: true}
	reasons := make(reasonTally)
	for i := range s.Probes {
		about.addProbe(&s.Probes[i], reasons)
	}
	about.reasons = reasons.sorted()
}

// FleetHistory returns the last hour of the fleet.
func (m *Model) FleetHistory(now time.Time) any { return newHistory(m.History.Points(), now) }

// Upstream returns all that is known of the upstream of a name; ok is false if
// there is none.
func (m *Model) Upstream(name string, now time.Time) (d detailStatus, ok bool) {
	v := m.find(name)
	if v == nil {
		return detailStatus{}, false
	}
	past := m.History.Past(v, now)
	return m.newDetail(v, &past, now), true
}

func (m *Model) find(name string) *fleet.View {
	for _, v := range m.Registry.Views() {
		if v.Upstream.DisplayName() == name {
			return v
		}
	}
	return nil
}

// Details returns the upstreams one by one, without the rest.
func (m *Model) Details(now time.Time) Status {
	views := m.Registry.Views()
	return NewStatus(m.Health(fleet.HealthOf(views, now), len(views)), views, m.Version, now)
}
