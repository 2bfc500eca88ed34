package poll

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// core decides which requests to send to one upstream, and when. It reads no clock and does
// no I/O: step takes the current time and an event and returns the actions to carry out, and
// next returns when to call step unless an event occurs first. Calls must be serialized.
type core struct {
	u         *fleet.Upstream
	scheduled bool // collected every interval, not just on demand
	shared    *shared

	replicas    []*replica // in order of preference
	inUse       *replica
	switches    uint64
	resets      uint64        // number of collections that showed a reset
	failingOver bool          // a collection is trying other replicas
	collections []*collection // the running ones
	inflight    *collection   // the running collection of all endpoints, or nil
	requests    int           // number in flight
	first       time.Time     // when the initial collection is due, zero afterwards
	tick        time.Time     // when the next scheduled collection is due, zero without a schedule
	ticked      time.Time     // start of the last scheduled collection, or of the core before the first
	duration    time.Duration // of the last collection
	collected   bool          // a collection has ended
	closed      bool

	moment // of the current step
	do     actions
}

// shared is the state that all cores of a process share.
type shared struct {
	budget *retry.Budget
	random func(time.Duration) time.Duration // returns a random number in [0, n), for jitter
	began  time.Time                         // start of the windows in which probes are coalesced
	// parallelAfter is the constant of that name, except in tests. With 0 all endpoints
	// are requested at once.
	parallelAfter time.Duration
}

// moment is a time and the state of the process at that time.
type moment struct {
	now         time.Time
	connections Connections
	coalesce    bool // there are many upstreams, so probes are coalesced
}

// event is one of the types below. nil means that only time has passed.
type event any

type (
	// collectNow requests a collection that takes at most limit.
	collectNow struct{ limit time.Duration }
	// completed reports the result of a request.
	completed struct {
		*fetch
		result
		took time.Duration
	}
	// removed reports that the upstream was removed.
	removed struct{}
)

// actions are what the caller of step must do: publish changes, report events, close the
// idle connections of some replicas, and then make requests. It must pass the result of
// each request to step as completed.
type actions struct {
	idle     []*replica
	requests []*fetch
	reports  []Event
	changed  bool // there is something new to publish
	ended    bool // a collection ended
}

func newCore(u *fleet.Upstream, hostname string, scheduled bool, s *shared, now time.Time) *core {
	c := &core{u: u, scheduled: scheduled, shared: s, ticked: now}
	for i, base := range preferred(u, hostname) {
		c.replicas = append(c.replicas, newReplica(u, base, i))
	}
	c.inUse = c.replicas[0]
	if scheduled {
		c.first, c.tick = now, firstTick(u, now)
	}
	return c
}

// step processes an event and returns the actions to carry out. The reports in the
// actions are valid until the next step.
func (c *core) step(m moment, e event) actions {
	c.moment, c.do = m, actions{reports: c.do.reports[:0]}
	switch e := e.(type) {
	case collectNow:
		if c.inflight == nil && !c.closed {
			c.collectAll(time.Time{}, c.u.Settings.TTL, min(e.limit, c.u.Settings.Timeout), true)
		}
	case completed:
		c.handleResult(e)
	case removed:
		c.closed = true
	}
	for _, col := range slices.Clone(c.collections) {
		c.advance(col)
	}
	if e == nil && !c.closed {
		c.startDue()
	}
	return c.do
}

// due reports whether a time has been reached. The zero time means never.
func (c *core) due(at time.Time) bool { return !at.IsZero() && !at.After(c.now) }

// startDue starts the collections that are due.
func (c *core) startDue() {
	if c.due(c.first) {
		c.first = time.Time{}
		settings := &c.u.Settings
		// Skip it if the first scheduled collection follows too soon.
		if limit := min(settings.Timeout, c.tick.Sub(c.now)-(settings.Interval-settings.Timeout)); limit >= c.minAttemptTime() && c.inflight == nil {
			c.collectAll(time.Time{}, 0, limit, false)
		}
	}
	if c.due(c.tick) {
		c.startScheduled()
	}
	for _, r := range c.replicas {
		for e, ep := range r.endpoints {
			if c.due(ep.wakeAt) {
				c.startProbe(r, betanet.Endpoint(e))
			}
		}
	}
}

// next returns when to call step unless an event occurs first. The zero time means never.
func (c *core) next() time.Time {
	var first time.Time
	consider := func(at time.Time) {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, col := range c.collections {
		consider(c.resumeAt(col))
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

// startScheduled starts a scheduled collection.
func (c *core) startScheduled() {
	settings := &c.u.Settings
	due, missed := c.tick, int(c.now.Sub(c.tick)/settings.Interval) // after SIGSTOP, for example
	c.tick = tickAfter(due, c.now, settings.Interval)
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
		c.collectAll(due, 0, settings.Timeout, false)
	}
}

// startProbe starts the probe of an endpoint whose breaker's pause is over: a collection
// of only that endpoint. Replicas that are not in use are not probed.
func (c *core) startProbe(r *replica, e betanet.Endpoint) {
	ep := r.endpoints[e]
	due := ep.wakeAt
	ep.wakeAt = time.Time{}
	if ep.probeAt().IsZero() || r != c.inUse || ep.busy {
		return // no longer open, not in use, or already being collected
	}
	ep.busy = true
	c.begin(&collection{replica: r, due: due, deadline: c.now.Add(c.u.Settings.Timeout)}, []betanet.Endpoint{e})
}

// collectAll starts a collection of all endpoints that may be requested now and were not
// fetched within the TTL. The collection takes at most limit.
func (c *core) collectAll(due time.Time, ttl, limit time.Duration, eager bool) {
	r := c.inUse
	free := c.claim(r, ttl)
	if len(free) > 0 || c.needsFailover(r) {
		c.inflight = &collection{replica: r, due: due, deadline: c.now.Add(limit), eager: eager}
		c.begin(c.inflight, free)
	}
}

// claim marks the endpoints to request now as busy and returns them. It leaves out
// endpoints that were fetched within the TTL, and endpoints whose breaker or Retry-After
// forbids a request; the cache serves those.
func (c *core) claim(r *replica, ttl time.Duration) (free []betanet.Endpoint) {
	endpoints := r.nextEndpoints()
	r.tryV1 = false
	for _, e := range endpoints {
		ep := r.endpoints[e]
		switch {
		case ep.busy:
		case ep.record.Fresh(c.now, ttl):
			c.report(Cache{c.origin(r, e), CacheHit})
		case ep.mayRequest(c.now):
			ep.busy = true
			free = append(free, e)
		case ep.record.Current(c.now, c.u.Settings.MaxStale) != nil:
			c.report(Cache{c.origin(r, e), CacheStale})
		}
	}
	c.do.changed = true // the view shows the next tick
	return free
}

// minAttemptTime returns how much time must be left to start an attempt. With less, the
// upstream would be blamed for the exporter's own delay.
func (c *core) minAttemptTime() time.Duration {
	return min(time.Second, c.u.Settings.RequestTimeout/2)
}

// coalesceProbe returns when to make a probe that is due at a time. If there are many
// upstreams, that is rounded up to the end of a window, so that probes share windows.
func (c *core) coalesceProbe(at time.Time) time.Time {
	if !c.coalesce {
		return at
	}
	return tickAfter(c.shared.began, at, coalesceWindow)
}

func (c *core) report(e Event) { c.do.reports = append(c.do.reports, e) }

func (c *core) origin(r *replica, e betanet.Endpoint) Origin { return Origin{c.u, r.name, e} }

// view returns the current state of the upstream.
func (c *core) view() *fleet.View {
	r := c.inUse
	v := &fleet.View{
		Upstream: c.u, URL: r.url, API: r.api, Replica: r.name, Switches: c.switches, Resets: c.resets, Totals: r.totals.Totals,
		Duration: c.duration, Collected: c.collected, Ticked: c.ticked, Polled: c.scheduled,
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

// endpointView returns the state of an endpoint of the replica in use.
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
