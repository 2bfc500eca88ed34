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
	moving    bool          // another replica is being looked for
	flight    chan struct{} // closed when the collection of all endpoints that runs has ended; nil if none runs
	grid      bool          // collected on a timer, not only on demand; never changes
	next      time.Time     // point of the grid, zero without one
	ticked    time.Time     // last point of the grid that was not missed
	duration  time.Duration
	collected bool
	view      *fleet.View // last published
}

func newUpstream(ctx context.Context, p *Poller, u *fleet.Upstream, grid bool) (*upstream, error) {
	s := &upstream{p: p, u: u, grid: grid, ticked: time.Now()}
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

// dial makes connections to the upstream, nil for the network's.
func (s *upstream) dial() fleet.Dial {
	if s.u.Dial != nil {
		return s.u.Dial
	}
	return s.p.o.Dial
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

// first makes the collection at the start, which is not one of the grid.
func (s *upstream) first(due time.Time) {
	s.mu.Lock()
	land := s.takeOff()
	s.mu.Unlock()
	if land != nil {
		s.cycle(due, 0, s.u.Settings.Timeout)
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
	s.next = nextTick(s.u, now)
	missed := int(now.Sub(due) / s.u.Settings.Interval) // while the process was stopped, say
	if land == nil {
		missed++
	} else {
		s.ticked = now
	}
	next := s.next
	s.mu.Unlock()
	s.p.schedule(task{at: next, do: s.tick})
	if missed > 0 {
		s.p.o.Report(Skipped{s.u, missed})
	}
	if land != nil {
		s.cycle(due, 0, s.u.Settings.Timeout)
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
			s.cycle(time.Now(), s.u.Settings.TTL, min(limit, s.u.Settings.Timeout))
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
	case at.IsZero() || r != s.inUse: // no longer open, or not needed
		s.mu.Unlock()
		return
	case ep.busy:
		ep.wakeAfter = true
		s.mu.Unlock()
		return
	case at.After(time.Now()): // a Retry-After that came later
		s.mu.Unlock()
		s.scheduleWake(r, e, at)
		return
	}
	ep.busy = true
	s.mu.Unlock()
	s.run(due, r, []betanet.Endpoint{e}, s.u.Settings.Timeout)
}

// scheduleWake sees to a probe, but for an upstream without a grid: there the
// next collection on demand is the probe.
func (s *upstream) scheduleWake(r *replica, e betanet.Endpoint, at time.Time) {
	if !s.grid {
		return
	}
	s.p.schedule(task{at: at, do: func(due time.Time) { s.wake(r, e, due) }})
}

// cycle makes a collection of all endpoints that may be asked now.
func (s *upstream) cycle(due time.Time, ttl, limit time.Duration) {
	s.mu.Lock()
	r := s.inUse
	s.mu.Unlock()
	endpoints := r.claim(ttl)
	if len(endpoints) > 0 || s.hasToMove(r) {
		s.run(due, r, endpoints, limit)
	}
}

// run makes a collection of endpoints that the caller has claimed, and of those
// of another replica if that is needed.
func (s *upstream) run(due time.Time, r *replica, endpoints []betanet.Endpoint, limit time.Duration) {
	start := time.Now()
	s.p.o.Report(Began{s.u, start.Sub(due)})
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	r.collect(ctx, endpoints)
	s.move(ctx, r)

	s.mu.Lock()
	s.duration, s.collected = time.Since(start), true
	s.publish()
	ended := Ended{s.view, s.duration}
	s.mu.Unlock()
	s.p.o.Report(ended)
}

// publish makes a view of what is known. The caller holds s.mu.
func (s *upstream) publish() {
	if s.closed {
		return
	}
	r := s.inUse
	v := &fleet.View{
		Upstream: s.u, URL: r.url, API: r.api, Replica: r.name, Switches: s.switches, Totals: r.totals.Totals,
		Duration: s.duration, Collected: s.collected, Ticked: s.ticked, Polled: s.grid,
	}
	for _, e := range r.api.Endpoints() {
		v.Endpoints = append(v.Endpoints, r.endpointView(e))
	}
	for _, other := range s.replicas {
		if other == r {
			continue
		}
		for _, e := range other.api.Endpoints() {
			v.Standby = append(v.Standby, fleet.Standby{Replica: other.name, Endpoint: e, Breaker: other.endpoints[e].breaker.State()})
		}
	}
	s.view = v
	s.p.o.Publish(v)
}
