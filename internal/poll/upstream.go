package poll

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

var errClosed = errors.New("collecting this upstream has ended")

// upstream runs the core of an upstream and carries out its actions.
type upstream struct {
	p       *Poller
	ctx     context.Context
	cancel  context.CancelCauseFunc
	clients []*betanet.Client // by index of the replica

	mu   sync.Mutex
	core *core
	done chan struct{} // closed when the collection in flight ends; nil if no caller waits for it
	view *fleet.View   // last published view
	// A collection that ends within slowAfter publishes only at its end. quick is set
	// during that time; unpublished is set while there are changes to publish.
	quick, unpublished bool

	// Guarded by the poller's mutex.
	at    time.Time // when the core is due
	index int       // in the queue, -1 if it is not queued
}

func newUpstream(ctx context.Context, p *Poller, u *fleet.Upstream, scheduled bool) (*upstream, error) {
	s := &upstream{p: p, core: newCore(u, p.o.Hostname, scheduled, &p.shared, time.Now()), index: -1}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	for _, r := range s.core.replicas {
		client, err := betanet.NewClient(r.url, u.HTTP, betanet.Options{
			UserAgent: p.o.UserAgent,
			Dial:      s.dialFunc(),
			// Keep connections open between two collections.
			IdleTimeout: 2*u.Settings.Interval + time.Minute,
		})
		if err != nil {
			s.cancel(err)
			return nil, err
		}
		s.clients = append(s.clients, client)
	}
	return s, nil
}

// dialFunc returns the function that makes connections to the upstream.
func (s *upstream) dialFunc() fleet.Dial {
	switch u := s.core.u; {
	case u.Dial != nil:
		return s.p.limiter.guard(u.Dial)
	case s.p.o.Dial != nil:
		return s.p.limiter.guard(s.p.o.Dial)
	default:
		return s.p.limiter.dialFunc(u.Settings.RequestTimeout)
	}
}

// close ends the collections of the upstream and closes its connections.
func (s *upstream) close() {
	s.mu.Lock()
	s.step(removed{})
	s.mu.Unlock()
	s.cancel(errClosed)
	for _, c := range s.clients {
		c.Close()
	}
}

// step passes an event to the core, publishes changes and reports events, and returns the
// actions that the caller must carry out. The caller holds s.mu.
func (s *upstream) step(e event) actions {
	do := s.core.step(s.p.moment(), e)
	s.unpublished = s.unpublished || do.changed
	s.publish(do.ended)
	for _, e := range do.reports {
		if ended, ok := e.(Ended); ok {
			ended.View = s.view
			e = ended
		}
		s.p.o.Report(e)
	}
	if s.done != nil && s.core.inflight == nil {
		close(s.done)
		s.done = nil
	}
	return do
}

// publish publishes a view if something has changed, and schedules the next step. While a
// collection is quick, it publishes only if always is set. The caller holds s.mu.
func (s *upstream) publish(always bool) {
	if s.unpublished && !s.core.closed && (always || !s.quick) {
		s.unpublished = false
		s.view = s.core.view()
		s.view.CertificateExpiry = s.clients[s.core.inUse.index].CertificateExpiry()
		s.p.o.Publish(s.view)
	}
	s.p.schedule(s, s.core.next(), s.quick)
}

// publishDeferred publishes what a quick collection has deferred.
func (s *upstream) publishDeferred() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quick = false
	s.publish(false)
}

// runDue starts the collections that are due and makes their requests. Workers call it.
func (s *upstream) runDue() {
	s.mu.Lock()
	s.quick = true
	do := s.step(nil)
	s.mu.Unlock()
	s.carryOut(do)
	s.publishDeferred()
}

// carryOut carries out the actions of a step, and of the steps that follow from their
// results. It makes the first request of each step itself and the others in new goroutines.
func (s *upstream) carryOut(do actions) {
	var ac attemptContext
	defer ac.end()
	for {
		for _, r := range do.idle {
			s.clients[r.index].Close()
		}
		if len(do.requests) == 0 {
			return
		}
		for _, q := range do.requests[1:] {
			s.p.running.Go(func() { s.carryOut(actions{requests: []*fetch{q}}) })
		}
		got := s.exchange(&ac, do.requests[0])
		s.mu.Lock()
		do = s.step(got)
		s.mu.Unlock()
	}
}

// exchange makes one attempt and returns its result.
func (s *upstream) exchange(ac *attemptContext, q *fetch) completed {
	ctx := ac.start(s.ctx, q.limit)
	defer ac.release()
	start := time.Now()
	doc, failure := s.clients[q.collection.index].Fetch(ctx, q.endpoint, q.fresh)
	took := time.Since(start)
	return completed{q, result{doc, start.Add(took), failure}, took}
}

// collectNow starts a collection of the documents that the cache cannot serve, or joins the
// running one, and waits until it or ctx ends. If ctx ends first, late is true and the
// collection continues, because other callers may be waiting for it.
func (s *upstream) collectNow(ctx context.Context, limit time.Duration) (v *fleet.View, late bool) {
	s.mu.Lock()
	do := s.step(collectNow{limit})
	if s.core.inflight != nil && s.done == nil {
		s.done = make(chan struct{})
	}
	done := s.done
	if len(do.requests)+len(do.idle) > 0 {
		// Under the mutex: close takes it before Run waits for running goroutines.
		s.p.running.Go(func() { s.carryOut(do) })
	}
	s.mu.Unlock()
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			late = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view, late
}
