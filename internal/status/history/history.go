// Package history remembers, within bounds, what a person who looks at the
// exporter wants to know of the past: the last hour of the fleet and of each of
// its upstreams, their incidents and events, and what was probed. It is gone with
// the process; what has to last is in Prometheus.
package history

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// History is what is remembered. The zero value is ready for use, and all methods
// may be called at the same time.
type History struct {
	Events EventLog
	Probes Probes

	mu        sync.Mutex
	start     time.Time // the beginning of the first minute; zero before the first event
	listed    uint32    // how often Take was called
	hours     map[*fleet.Upstream]*hour
	series    series
	incidents incidents
	quiet     []Quiet
}

// QuietAfter is how long an upstream that had traffic has none before it counts as
// quiet.
const QuietAfter = 15 * time.Minute

// Quiet is an upstream that answers, and had traffic before, but has none.
type Quiet struct {
	Upstream string
	Since    time.Time // the last document that counted packets
}

// Take records the state of all upstreams at this moment. It is to be called each
// Step.
func (h *History) Take(views []*fleet.View, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin(now)
	h.listed++
	at, number := now.Sub(h.start), h.minute(now)
	p := Point{At: now}
	var sums sums
	h.quiet = h.quiet[:0:0]
	for _, v := range views {
		u, state := h.hour(v.Upstream), v.State(now)
		u.seen = h.listed
		u.advance(number)
		h.observe(u, v, state, now)
		first := u.tracker.messages.at == 0
		t := totalsOf(v, now)
		u.tracker.read(v, &t)
		u.measure(at, first)
		sums.add(&u.tracker)
		p.Count(state, v.NotClosed())
		if state == fleet.Up && u.counted && at-u.traffic >= QuietAfter {
			h.quiet = append(h.quiet, Quiet{v.Upstream.DisplayName(), h.start.Add(u.traffic)})
		}
	}
	sums.write(&p)
	h.series.add(p)
	h.forget(len(views))
	h.incidents.listed(views, now)
	slices.SortFunc(h.quiet, func(a, b Quiet) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Upstream, b.Upstream)) })
}

// Ended records the end of a collection.
func (h *History) Ended(v *fleet.View, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin(now)
	u := h.hour(v.Upstream)
	u.advance(h.minute(now))
	h.observe(u, v, v.State(now), now)
	if resets := uint32(v.Resets); resets > u.resets {
		h.Events.Add(Event{Time: now, Upstream: v.Upstream.DisplayName(), Replica: v.Replica, Kind: Restarted, Text: "a counter fell or all mixnodes are new"})
	}
	u.resets = uint32(v.Resets)
	h.incidents.ended(v, now)
}

// Quiet returns the upstreams that have had no traffic for QuietAfter, the longest
// first.
func (h *History) Quiet() []Quiet {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.quiet // never changed, only replaced
}

// begin sets the first minute. The caller holds h.mu, also for the following.
func (h *History) begin(now time.Time) {
	if h.start.IsZero() {
		h.start = now.Add(-time.Duration(now.UnixNano() % int64(time.Minute)))
		h.hours = make(map[*fleet.Upstream]*hour)
	}
}

// minute returns the number of the minute of a moment, counted from the first.
func (h *History) minute(now time.Time) int32 {
	if h.start.IsZero() {
		return 0
	}
	return int32(max(0, now.Sub(h.start)/time.Minute))
}

// hour returns the hour of an upstream, a new one if there is none.
func (h *History) hour(u *fleet.Upstream) *hour {
	one := h.hours[u]
	if one == nil {
		one = &hour{seen: h.listed}
		h.hours[u] = one
	}
	return one
}

// observe records the state of an upstream.
func (h *History) observe(u *hour, v *fleet.View, s fleet.State, now time.Time) {
	state, at := conditionOf(s), now.Sub(h.start)
	if u.state == stale && state == down {
		at = changed(v, s, now).Sub(h.start)
	}
	u.observe(state, at)
}

// forget removes the hours of upstreams that have left. One that came since the
// last list stays.
func (h *History) forget(listed int) {
	if len(h.hours) == listed {
		return
	}
	for u, one := range h.hours {
		if one.seen+1 < h.listed {
			delete(h.hours, u)
		}
	}
}
