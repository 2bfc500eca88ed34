package poll

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

var errStopped = errors.New("collecting this upstream has ended")

// upstream is the state of collecting one upstream.
type upstream struct {
	p      *Poller
	u      *fleet.Upstream
	client *betanet.Client
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu        sync.Mutex
	closed    bool
	api       betanet.API // V1 or MixnodesAPI
	askV1     bool        // Auto: /mixnodes answered 404, so v1 is asked next
	endpoints [betanet.NumEndpoints]endpoint
	totals    fleet.Accumulator
	onGrid    bool      // a collection of the grid is running
	next      time.Time // point of the grid
	ticked    time.Time // last point of the grid that was not missed
	duration  time.Duration
	collected bool
	view      *fleet.View // last published
}

// endpoint is the state of collecting one document.
type endpoint struct {
	record    snapshot.Record
	breaker   *breaker.Breaker
	busy      bool // a collection of it is running
	wakeAfter bool // its breaker's pause ended meanwhile
	notBefore time.Time
	attempts  uint64
	notFound  bool // its last answer was 404
}

func newUpstream(ctx context.Context, p *Poller, u *fleet.Upstream) *upstream {
	s := &upstream{
		p: p, u: u, api: u.API, ticked: time.Now(),
		client: betanet.NewClient(u.URLs[0], betanet.Options{
			UserAgent:   p.o.UserAgent,
			Dial:        p.o.Dial,
			DialTimeout: u.Settings.RequestTimeout,
			// A connection must outlast the pause between two collections.
			IdleTimeout: 2*u.Settings.Interval + time.Minute,
		}),
	}
	if s.api == betanet.Auto {
		s.api = betanet.V1
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	for e := range s.endpoints {
		s.endpoints[e] = s.pristine()
	}
	return s
}

func (s *upstream) pristine() endpoint {
	return endpoint{breaker: breaker.New(s.u.Settings.BreakerFailures, s.u.Settings.BreakerOpen)}
}

func (s *upstream) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(errStopped)
	s.client.Close()
}

// first makes the collection at the start, which is not one of the grid.
func (s *upstream) first(due time.Time) {
	if s.ctx.Err() == nil {
		s.collect(due, s.claim(0))
	}
}

// demand makes a collection now, but for what the cache can answer, and returns
// what is known then.
func (s *upstream) demand() *fleet.View {
	s.collect(time.Now(), s.claim(s.u.Settings.TTL))
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

// tick makes the collection of one point of the grid.
func (s *upstream) tick(due time.Time) {
	if s.ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	s.next = nextTick(s.u, now)
	missed := int(now.Sub(due) / s.u.Settings.Interval) // while the process was stopped, say
	overlap := s.onGrid
	if overlap {
		missed++
	} else {
		s.onGrid = true
		s.ticked = now
	}
	next := s.next
	s.mu.Unlock()
	s.p.schedule(task{at: next, do: s.tick})
	if missed > 0 {
		s.p.o.Report(Skipped{s.u, missed})
	}
	if overlap {
		return
	}
	s.collect(due, s.claim(0))
	s.mu.Lock()
	s.onGrid = false
	s.mu.Unlock()
}

// wake makes the probe of an endpoint whose breaker's pause is over: a
// collection of that endpoint alone.
func (s *upstream) wake(e betanet.Endpoint, due time.Time) {
	if s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	ep := &s.endpoints[e]
	at := s.wakeTime(e)
	switch {
	case at.IsZero(): // no longer open
		s.mu.Unlock()
		return
	case ep.busy:
		ep.wakeAfter = true
		s.mu.Unlock()
		return
	case at.After(time.Now()): // a Retry-After that came later
		s.mu.Unlock()
		s.scheduleWake(e, at)
		return
	}
	ep.busy = true
	s.mu.Unlock()
	s.collect(due, []betanet.Endpoint{e})
}

// wakeTime is when an open breaker's probe is made, zero if it is not open.
// The caller holds s.mu.
func (s *upstream) wakeTime(e betanet.Endpoint) time.Time {
	at := s.endpoints[e].breaker.OpenUntil()
	if at.IsZero() || at.After(s.endpoints[e].notBefore) {
		return at
	}
	return s.endpoints[e].notBefore
}

func (s *upstream) scheduleWake(e betanet.Endpoint, at time.Time) {
	s.p.schedule(task{at: at, do: func(due time.Time) { s.wake(e, due) }})
}

// claim takes the endpoints that may be asked now and marks them busy. What was
// fetched within the TTL, or is held back by its breaker or by a Retry-After, is
// answered by the cache instead.
func (s *upstream) claim(ttl time.Duration) []betanet.Endpoint {
	s.mu.Lock()
	api := s.api
	if s.askV1 {
		api = betanet.V1
		s.askV1 = false
	}
	var free []betanet.Endpoint
	var cached []Cache
	now := time.Now()
	for _, e := range api.Endpoints() {
		ep := &s.endpoints[e]
		switch {
		case ep.busy:
		case ep.record.Fresh(now, ttl):
			cached = append(cached, Cache{Source{s.u, e}, Hit})
		case !ep.breaker.OpenUntil().After(now) && !ep.notBefore.After(now):
			ep.busy = true
			free = append(free, e)
		case ep.record.Current(now, s.u.Settings.MaxStale) != nil:
			cached = append(cached, Cache{Source{s.u, e}, Stale})
		}
	}
	s.publish() // the next point of the grid has changed
	s.mu.Unlock()
	for _, c := range cached {
		s.p.o.Report(c)
	}
	return free
}

// release marks an endpoint as no longer busy.
func (s *upstream) release(e betanet.Endpoint) {
	s.mu.Lock()
	ep := &s.endpoints[e]
	ep.busy = false
	wake := ep.wakeAfter
	ep.wakeAfter = false
	at := s.wakeTime(e)
	s.mu.Unlock()
	if wake && !at.IsZero() {
		s.scheduleWake(e, at)
	}
}

// publish makes a view of what is known. The caller holds s.mu.
func (s *upstream) publish() {
	if s.closed {
		return
	}
	v := &fleet.View{
		Upstream: s.u, API: s.api, Totals: s.totals.Totals,
		Duration: s.duration, Collected: s.collected, Ticked: s.ticked,
	}
	for _, e := range s.api.Endpoints() {
		ep := &s.endpoints[e]
		next := s.next
		if at := s.wakeTime(e); !at.IsZero() {
			next = at
		} else {
			for next.Before(ep.notBefore) {
				next = next.Add(s.u.Settings.Interval)
			}
		}
		v.Endpoints = append(v.Endpoints, fleet.EndpointView{
			Endpoint: e, Record: ep.record, Breaker: ep.breaker.State(), OpenUntil: ep.breaker.OpenUntil(),
			NotBefore: ep.notBefore, Next: next, Attempts: ep.attempts,
		})
	}
	s.view = v
	s.p.o.Publish(v)
}
