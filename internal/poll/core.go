package poll

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// core decides what is asked of one upstream and when. It is pure: it reads no
// clock, takes no lock, and opens no connection. step is told the time and what
// happened and returns what to do; next returns when the core wants to be called
// if nothing happens.
type core struct {
	u      *fleet.Upstream
	grid   bool // collected on a timer, not only on demand
	shared *shared

	replicas    []*replica // in the order of preference
	inUse       *replica
	switches    uint64
	resets      uint64        // collections that showed one
	failingOver bool          // another replica is being looked for
	collections []*collection // that are running
	inflight    *collection   // the one of all endpoints, nil if none is running
	requests    int           // that are out
	first       time.Time     // when the collection at the start is due, zero once it was
	tick        time.Time     // next point of the grid, zero without one
	ticked      time.Time     // last point of the grid that was not missed
	duration    time.Duration
	collected   bool
	closed      bool

	moment // of the step that is running
	do     actions
}

// shared is what the cores of a process have in common.
type shared struct {
	budget *retry.Budget
	random func(time.Duration) time.Duration // draws the jitter, from [0, n)
	began  time.Time                         // start of the windows in which probes are coalesced
	// overtake is how long a collection takes before its other endpoints are asked
	// over another connection; with 0 all are asked at once.
	overtake time.Duration
}

// moment is a time and what the process is like at it.
type moment struct {
	now         time.Time
	connections Connections
	coalesce    bool // there are many upstreams
}

// event is what happened: one of the types below, or nil if only time passed.
type event any

type (
	// demanded asks for a collection on demand within a limit.
	demanded struct{ limit time.Duration }
	// answered is the end of a request.
	answered struct {
		*fetch
		reply
		took time.Duration
	}
	// removed ends everything.
	removed struct{}
)

// actions are what a step wants done: connections that rest closed, then
// requests made, each of which is to come back as answered, and events reported
// in their order.
type actions struct {
	idle     []*replica
	requests []*fetch
	reports  []Event
	changed  bool // there is something new to publish
	ended    bool // a collection has ended
}

func newCore(u *fleet.Upstream, hostname string, grid bool, s *shared, now time.Time) *core {
	c := &core{u: u, grid: grid, shared: s, ticked: now}
	for i, base := range preferred(u, hostname) {
		c.replicas = append(c.replicas, newReplica(u, base, i))
	}
	c.inUse = c.replicas[0]
	if grid {
		c.first, c.tick = now, firstTick(u, now)
	}
	return c
}

// step tells the core what happened, nil if time passed, and returns what to do.
// The reports are valid until the next step.
func (c *core) step(m moment, e event) actions {
	c.moment, c.do = m, actions{reports: c.do.reports[:0]}
	switch e := e.(type) {
	case demanded:
		if c.inflight == nil && !c.closed {
			c.collectAll(time.Time{}, c.u.Settings.TTL, min(e.limit, c.u.Settings.Timeout), true)
		}
	case answered:
		c.answered(e)
	case removed:
		c.closed = true
	}
	for _, col := range slices.Clone(c.collections) {
		c.advance(col)
	}
	if e == nil && !c.closed {
		c.passed()
	}
	return c.do
}

// due reports whether a time has come; the zero time is never.
func (c *core) due(at time.Time) bool { return !at.IsZero() && !at.After(c.now) }

// passed begins the collections that are due.
func (c *core) passed() {
	if c.due(c.first) {
		c.first = time.Time{}
		set := &c.u.Settings
		// It ends before the grid begins, or comes so late that the grid's is as good.
		if within := min(set.Timeout, c.tick.Sub(c.now)-(set.Interval-set.Timeout)); within >= c.minAttemptTime() && c.inflight == nil {
			c.collectAll(time.Time{}, 0, within, false)
		}
	}
	if c.due(c.tick) {
		c.onGrid()
	}
	for _, r := range c.replicas {
		for e, ep := range r.endpoints {
			if c.due(ep.wakeAt) {
				c.wake(r, betanet.Endpoint(e))
			}
		}
	}
}

// next is when step is to be called if nothing happens until then, the zero time
// for never.
func (c *core) next() time.Time {
	var first time.Time
	consider := func(at time.Time) {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, col := range c.collections {
		consider(c.wakeAt(col))
	}
	if c.closed {
		return first
	}
	consider(c.first)
	consider(c.tick)
	for _, r := range c.replicas {
		for _, ep := range r.endpoints {
			consider(ep.wakeAt)
		}
	}
	return first
}

// onGrid makes the collection of one point of the grid.
func (c *core) onGrid() {
	set := &c.u.Settings
	due, missed := c.tick, int(c.now.Sub(c.tick)/set.Interval) // while the process was stopped, say
	c.tick = tickAfter(due, c.now, set.Interval)
	free := c.inflight == nil
	if !free {
		missed++
	} else {
		c.ticked = c.now
	}
	if missed > 0 {
		c.report(Skipped{c.u, missed})
	}
	if free {
		c.collectAll(due, 0, set.Timeout, false)
	}
}

// wake makes the probe of an endpoint whose breaker's pause is over: a
// collection of only that endpoint. A replica that is not in use waits until it
// is needed.
func (c *core) wake(r *replica, e betanet.Endpoint) {
	ep := r.endpoints[e]
	due, at := ep.wakeAt, ep.probeAt()
	ep.wakeAt = time.Time{}
	switch {
	case at.IsZero() || r != c.inUse || ep.busy: // no longer open, not needed, or asked at this moment
	case at.After(c.now): // a Retry-After that came later
		ep.wakeAt = c.coarse(at)
	default:
		ep.busy = true
		c.begin(&collection{replica: r, due: due, deadline: c.now.Add(c.u.Settings.Timeout)}, []betanet.Endpoint{e})
	}
}

// collectAll makes a collection of all endpoints that may be asked now.
func (c *core) collectAll(due time.Time, ttl, within time.Duration, eager bool) {
	r := c.inUse
	free := c.claim(r, ttl)
	if len(free) > 0 || c.needsFailover(r) {
		c.inflight = &collection{replica: r, due: due, deadline: c.now.Add(within), eager: eager}
		c.begin(c.inflight, free)
	}
}

// claim takes the endpoints that may be asked now and marks them busy. What was
// fetched within the TTL, or is held back by its breaker or by a Retry-After, is
// answered by the cache instead.
func (c *core) claim(r *replica, ttl time.Duration) (free []betanet.Endpoint) {
	endpoints := r.endpointsToAsk()
	r.askV1 = false
	for _, e := range endpoints {
		ep := r.endpoints[e]
		switch {
		case ep.busy:
		case ep.record.Fresh(c.now, ttl):
			c.report(Cache{c.source(r, e), Hit})
		case ep.askable(c.now):
			ep.busy = true
			free = append(free, e)
		case ep.record.Current(c.now, c.u.Settings.MaxStale) != nil:
			c.report(Cache{c.source(r, e), Stale})
		}
	}
	c.do.changed = true // the next point of the grid has changed
	return free
}

// minAttemptTime is the least time for which an attempt is begun late: one that
// is cut shorter would blame the upstream for our delay.
func (c *core) minAttemptTime() time.Duration {
	return min(time.Second, c.u.Settings.RequestTimeout/2)
}

// coarse is the time, or the end of the window that it lies in if there are many
// upstreams.
func (c *core) coarse(at time.Time) time.Time {
	if !c.coalesce {
		return at
	}
	return tickAfter(c.shared.began, at, coalesceWindow)
}

func (c *core) report(e Event) { c.do.reports = append(c.do.reports, e) }

func (c *core) source(r *replica, e betanet.Endpoint) Source { return Source{c.u, r.name, e} }

// view returns what is known.
func (c *core) view() *fleet.View {
	r := c.inUse
	v := &fleet.View{
		Upstream: c.u, URL: r.url, API: r.api, Replica: r.name, Switches: c.switches, Resets: c.resets, Totals: r.totals.Totals,
		Duration: c.duration, Collected: c.collected, Ticked: c.ticked, Polled: c.grid,
	}
	v.Endpoints = make([]fleet.EndpointView, 0, len(r.api.Endpoints()))
	for _, e := range r.api.Endpoints() {
		v.Endpoints = append(v.Endpoints, c.endpointView(e, r.endpoints[e]))
		v.Collecting = v.Collecting || r.endpoints[e].busy
	}
	for _, other := range c.replicas {
		if other == r {
			continue
		}
		for _, e := range other.api.Endpoints() {
			o := other.endpoints[e]
			v.Standby = append(v.Standby, fleet.Standby{Replica: other.name, Endpoint: e, Breaker: o.breaker.State(), Tried: o.attempts > 0})
		}
	}
	return v
}

// endpointView is an endpoint of the replica in use.
func (c *core) endpointView(e betanet.Endpoint, ep *endpoint) fleet.EndpointView {
	next := c.tick
	if at := ep.probeAt(); !at.IsZero() {
		next = at
	} else if !next.IsZero() {
		for next.Before(ep.notBefore) {
			next = next.Add(c.u.Settings.Interval)
		}
	}
	return fleet.EndpointView{
		Endpoint: e, Record: ep.record, Breaker: ep.breaker.State(), OpenUntil: ep.breaker.OpenUntil(),
		NotBefore: ep.notBefore, Next: next, Attempts: ep.attempts,
	}
}
