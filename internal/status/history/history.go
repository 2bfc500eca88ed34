// Package history keeps the recent past for the status page in a bounded amount of
// memory: the last hour of the fleet and of each upstream, incidents, events and probed
// targets. It is lost on a restart; Prometheus stores what must last.
package history

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// History is the recent past of all upstreams. The zero value is ready for use, and
// all methods are safe for concurrent use.
type History struct {
	Events EventLog
	Probes Probes

	mu        sync.Mutex
	start     time.Time // of the first minute; zero before the first upstream was observed
	steps     uint32    // number of calls to Take
	upstreams map[*fleet.Upstream]*upstream
	points    []Point // at most KeptPoints, oldest first
	incidents incidents
	quiet     []Quiet
}

// QuietAfter is the time without traffic after which an upstream that had traffic before
// counts as quiet.
const QuietAfter = 15 * time.Minute

// Quiet is an upstream that is up and has no traffic, but had some before.
type Quiet struct {
	Upstream string
	Since    time.Time // when traffic was last seen
}

// Take records the state of all upstreams. Call it once per Step.
func (h *History) Take(views []*fleet.View, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin(now)
	h.steps++
	p := Point{At: now}
	var sums sums
	h.quiet = nil
	for _, v := range views {
		u, state := h.observe(v, now)
		u.seen = h.steps
		at := now.Sub(h.start)
		u.measure(v, at, now)
		sums.add(&u.tracker)
		p.Add(state, 1)
		p.NotClosed += v.NotClosed()
		if state == fleet.Up && u.hadTraffic && at-u.traffic >= QuietAfter {
			h.quiet = append(h.quiet, Quiet{v.Upstream.DisplayName(), h.start.Add(u.traffic)})
		}
	}
	p.Rates = sums.rates()
	if len(h.points) == KeptPoints {
		h.points = slices.Delete(h.points, 0, 1)
	}
	h.points = append(h.points, p)
	h.forget(len(views))
	h.incidents.closeUnlisted(views, h.steps, now)
	slices.SortFunc(h.quiet, func(a, b Quiet) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Upstream, b.Upstream)) })
}

// Ended records the view at the end of a collection.
func (h *History) Ended(v *fleet.View, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin(now)
	u, _ := h.observe(v, now)
	if resets := uint32(v.Resets); resets > u.resets {
		h.Events.Add(Event{Time: now, Upstream: v.Upstream.DisplayName(), Replica: v.Replica, Kind: Restarted, Text: "a counter fell or all mixnodes are new"})
	}
	u.resets = uint32(v.Resets)
	h.incidents.ended(v, h.steps, now)
}

// Points returns the points of the fleet's last hour, oldest first.
func (h *History) Points() []Point {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Point{}, h.points...)
}

// Quiet returns the upstreams that had had no traffic for QuietAfter at the last call to Take,
// longest first. The caller must not change the list.
func (h *History) Quiet() []Quiet {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.quiet
}

// begin sets the first minute, if it is not set yet. The caller of begin, and of all methods
// below, must hold h.mu.
func (h *History) begin(now time.Time) {
	if h.start.IsZero() {
		h.start = now.Add(-time.Duration(now.UnixNano() % int64(time.Minute)))
		h.upstreams = make(map[*fleet.Upstream]*upstream)
		h.incidents = incidents{open: make(map[string]*openIncident), evicted: make(map[int64]int)}
	}
}

// minute returns the number of the minute of a time, counted from the first.
func (h *History) minute(now time.Time) int32 {
	if h.start.IsZero() {
		return 0
	}
	return int32(max(0, now.Sub(h.start)/time.Minute))
}

// observe records the state of an upstream.
func (h *History) observe(v *fleet.View, now time.Time) (*upstream, fleet.State) {
	u := h.upstreams[v.Upstream]
	if u == nil {
		u = &upstream{seen: h.steps}
		h.upstreams[v.Upstream] = u
	}
	u.advance(h.minute(now))
	state, at := v.State(now), now
	if u.state == stale && state == fleet.Down {
		at = changed(v, state, now)
	}
	u.observe(conditionOf(state), at.Sub(h.start))
	return u, state
}

// forget removes upstreams that were not in the last two lists. An upstream that is
// missing only in the last one may have been added after that list was made.
func (h *History) forget(listed int) {
	if len(h.upstreams) == listed {
		return
	}
	for key, u := range h.upstreams {
		if u.seen+1 < h.steps {
			delete(h.upstreams, key)
		}
	}
}
