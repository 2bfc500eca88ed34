package poll

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

var errStopped = errors.New("collecting this upstream has ended")

// upstream is the state of collecting one upstream.
type upstream struct {
	p      *Poller
	u      *fleet.Upstream
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu        sync.Mutex // also of all its replicas
	closed    bool
	replicas  []*replica // in the order of preference
	inUse     *replica
	switches  uint64
	resets    uint64        // collections that showed one
	moving    bool          // another replica is being looked for
	line      chan struct{} // holds a token while a request is out that may be the only one
	flight    chan struct{} // closed when the collection of all endpoints that runs has ended; nil if none runs
	grid      bool          // collected on a timer, not only on demand; never changes
	next      time.Time     // point of the grid, zero without one
	ticked    time.Time     // last point of the grid that was not missed
	duration  time.Duration
	collected bool
	view      *fleet.View // last published
	// A collection that is as quick as usual is shown at its end only; what there
	// is to show meanwhile waits for that or for patience.
	quick, unseen bool
}

func newUpstream(ctx context.Context, p *Poller, u *fleet.Upstream, grid bool) (*upstream, error) {
	s := &upstream{p: p, u: u, grid: grid, ticked: time.Now(), line: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	for _, base := range preferred(u, p.o.Hostname) {
		r, err := newReplica(s, base)
		if err != nil {
			s.cancel(err)
			return nil, err
		}
		s.replicas = append(s.replicas, r)
	}
	s.inUse = s.replicas[0]
	return s, nil
}

// dial makes connections to the upstream.
func (s *upstream) dial() fleet.Dial {
	switch {
	case s.u.Dial != nil:
		return s.p.gate.guard(s.u.Dial)
	case s.p.o.Dial != nil:
		return s.p.gate.guard(s.p.o.Dial)
	default:
		return s.p.gate.dial(s.u.Settings.RequestTimeout)
	}
}

func (s *upstream) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(errStopped)
	for _, r := range s.replicas {
		r.client.Close()
	}
}

// first makes the collection at the start, which is not one of the grid and ends
// before that begins.
func (s *upstream) first(time.Time) {
	set := &s.u.Settings
	s.mu.Lock()
	within := min(set.Timeout, time.Until(s.next)-(set.Interval-set.Timeout))
	if within < s.worthwhile() {
		s.mu.Unlock()
		return // it comes so late that the grid's is as good
	}
	land := s.takeOff()
	s.quick = land != nil
	s.mu.Unlock()
	if land != nil {
		s.cycle(time.Time{}, 0, s.within(within))
		land()
	}
}

// tick makes the collection of one point of the grid.
func (s *upstream) tick(due time.Time) {
	if s.ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	land := s.takeOff()
	s.next = tickAfter(due, now, s.u.Settings.Interval)
	s.quick = land != nil
	missed := int(now.Sub(due) / s.u.Settings.Interval) // while the process was stopped, say
	if land == nil {
		missed++
	} else {
		s.ticked = now
	}
	next := s.next
	s.mu.Unlock()
	s.p.schedule(task{at: next, do: s.tick, slow: s.show})
	if missed > 0 {
		s.p.o.Report(Skipped{s.u, missed})
	}
	if land != nil {
		s.cycle(due, 0, s.within(s.u.Settings.Timeout))
		land()
	}
}

// takeOff begins a collection of all endpoints, of which one runs at a time. It
// returns the function that ends it, nil if one is running or all has ended. The
// caller holds s.mu.
func (s *upstream) takeOff() (land func()) {
	if s.flight != nil || s.closed {
		return nil
	}
	flight := make(chan struct{})
	s.flight = flight
	return func() {
		s.mu.Lock()
		s.flight = nil
		s.mu.Unlock()
		close(flight)
	}
}

// demand makes a collection within the limit, but for what the cache can answer,
// or joins the one that runs, and waits for its end or that of ctx. The end of
// ctx does not end the collection: others may wait for it too. late says that
// the view is from before its end.
func (s *upstream) demand(ctx context.Context, limit time.Duration) (v *fleet.View, late bool) {
	s.mu.Lock()
	if land := s.takeOff(); land != nil {
		// Under the mutex, which close takes before Run waits for what runs.
		s.p.running.Go(func() {
			lim := s.within(min(limit, s.u.Settings.Timeout))
			lim.hurry = true
			s.cycle(time.Time{}, s.u.Settings.TTL, lim)
			land()
		})
	}
	flight := s.flight
	s.mu.Unlock()
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			late = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view, late
}

// wake makes the probe of an endpoint whose breaker's pause is over: a
// collection of that endpoint alone. A replica that is not in use is left alone
// until it is needed.
func (s *upstream) wake(r *replica, e betanet.Endpoint, due time.Time) {
	if s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	ep := &r.endpoints[e]
	at := r.wakeTime(e)
	switch {
	case at.IsZero() || r != s.inUse || ep.busy: // no longer open, not needed, or asked at this moment
		s.mu.Unlock()
		return
	case at.After(time.Now()): // a Retry-After that came later
		s.mu.Unlock()
		s.scheduleWake(r, e, at)
		return
	}
	ep.busy = true
	s.mu.Unlock()
	s.run(due, r, []betanet.Endpoint{e}, s.within(s.u.Settings.Timeout))
}

// scheduleWake sees to a probe, but for an upstream without a grid: there the
// next collection on demand is the probe.
func (s *upstream) scheduleWake(r *replica, e betanet.Endpoint, at time.Time) {
	if !s.grid {
		return
	}
	s.p.schedule(task{at: s.p.coarse(at), do: func(due time.Time) { s.wake(r, e, due) }})
}

func (s *upstream) within(d time.Duration) limit {
	return limit{ctx: s.ctx, deadline: time.Now().Add(d)}
}

// cycle makes a collection of all endpoints that may be asked now.
func (s *upstream) cycle(due time.Time, ttl time.Duration, lim limit) {
	s.mu.Lock()
	r := s.inUse
	s.mu.Unlock()
	endpoints := r.claim(ttl)
	if len(endpoints) > 0 || s.hasToMove(r) {
		s.run(due, r, endpoints, lim)
	} else {
		s.show()
	}
}

// run makes a collection of endpoints that the caller has claimed, and of those
// of another replica if that is needed.
func (s *upstream) run(due time.Time, r *replica, endpoints []betanet.Endpoint, lim limit) {
	start := time.Now()
	began := Began{Upstream: s.u, Replica: r.name, Endpoints: len(endpoints), Due: due}
	if !due.IsZero() {
		began.Delay = start.Sub(due)
	}
	s.p.o.Report(began)
	r.collect(lim, endpoints)
	s.move(lim, r)
	if s.p.Connections() == OneUnkept {
		r.client.Close()
	}

	s.mu.Lock()
	s.quick = false
	s.duration, s.collected = time.Since(start), true
	s.publish()
	ended := Ended{s.view, s.duration}
	s.mu.Unlock()
	s.p.o.Report(ended)
}

// show publishes what was held back.
func (s *upstream) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quick = false
	if s.unseen {
		s.publish()
	}
}

// publish makes a view of what is known. The caller holds s.mu.
func (s *upstream) publish() {
	s.unseen = s.quick
	if s.closed || s.quick {
		return
	}
	r := s.inUse
	v := &fleet.View{
		Upstream: s.u, URL: r.url, API: r.api, Replica: r.name, Switches: s.switches, Resets: s.resets, Totals: r.totals.Totals,
		CertificateExpiry: r.client.CertificateExpiry(),
		Duration:          s.duration, Collected: s.collected, Ticked: s.ticked, Polled: s.grid,
	}
	v.Endpoints = make([]fleet.EndpointView, 0, len(r.api.Endpoints()))
	for _, e := range r.api.Endpoints() {
		v.Endpoints = append(v.Endpoints, r.endpointView(e))
		v.Collecting = v.Collecting || r.endpoints[e].busy
	}
	for _, other := range s.replicas {
		if other == r {
			continue
		}
		for _, e := range other.api.Endpoints() {
			o := &other.endpoints[e]
			v.Standby = append(v.Standby, fleet.Standby{Replica: other.name, Endpoint: e, Breaker: o.breaker.State(), Tried: o.attempts > 0})
		}
	}
	s.view = v
	s.p.o.Publish(v)
}
