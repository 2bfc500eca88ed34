package status

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// entry is an upstream with the values by which it is filtered, sorted and counted. It
// is immutable.
type entry struct {
	view       *fleet.View
	name       string
	state      fleet.State
	rank       int           // index of the state in states
	since      time.Time     // when the state began; zero for up and pending
	expires    time.Time     // when the next value expires, which may change the state; zero if none will
	oldest     time.Time     // when the oldest last good document was fetched; zero if there is none
	breaker    breaker.State // the worst of its endpoints
	openUntil  time.Time     // when the first open breaker allows a probe; zero if none is open
	reason     string        // why the first failing endpoint fails; "" if none does
	next       time.Time     // when the next collection is due; zero if it is collected only on demand
	responding bool          // at least one endpoint succeeded
	failing    time.Time     // when the last of the failing endpoints began to fail; zero if none fails
	notClosed  int           // number of breakers that are not closed
	overdue    time.Time     // when collecting counts as stopped
}

// newEntry returns the entry of a view, without since.
func newEntry(v *fleet.View, now time.Time) *entry {
	e := &entry{view: v, name: v.Upstream.DisplayName(), state: v.State(now), expires: v.Expires(now), notClosed: v.NotClosed(), overdue: v.OverdueAt()}
	e.rank = slices.Index(states[:], e.state)
	for i := range v.Endpoints {
		endpoint := &v.Endpoints[i]
		if endpoint.Doc != nil {
			earliest(&e.oldest, endpoint.At)
		}
		if endpoint.Failure != nil && e.reason == "" {
			e.reason = string(endpoint.Failure.Reason)
		}
		if endpoint.Failure != nil && endpoint.Since.After(e.failing) {
			e.failing = endpoint.Since
		}
		e.responding = e.responding || endpoint.Up()
		e.breaker = max(e.breaker, endpoint.Breaker)
		earliest(&e.openUntil, endpoint.OpenUntil)
		earliest(&e.next, endpoint.Next)
	}
	return e
}

// earliest sets t to other if that is earlier, or if t is zero.
func earliest(t *time.Time, other time.Time) {
	if !other.IsZero() && (t.IsZero() || other.Before(*t)) {
		*t = other
	}
}

// describes reports whether the entry is still valid for a view.
func (e *entry) describes(v *fleet.View, now time.Time) bool {
	return e.view == v && (e.expires.IsZero() || now.Before(e.expires))
}

// entries returns an entry for each view. It reuses the entries of the last call for
// unchanged upstreams, which are most of them.
func (m *Model) entries(views []*fleet.View, now time.Time) []*entry {
	var before []*entry
	if last := m.last.Load(); last != nil {
		before = *last
	}
	all := make([]*entry, len(views))
	for i, v := range views {
		if i < len(before) && before[i].describes(v, now) {
			all[i] = before[i]
		} else {
			all[i] = newEntry(v, now)
		}
		if e := all[i]; e.state == fleet.Down || e.state == fleet.Stale {
			if since := m.History.Since(v, now); !since.Equal(e.since) {
				changed := *e
				changed.since = since
				all[i] = &changed
			}
		}
	}
	m.last.Store(&all)
	return all
}
