package poll

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// answer is what the collection of one endpoint came to; nothing, if it was
// stopped from outside or by its breaker.
type answer struct {
	doc     betanet.Document
	failure *betanet.Failure
	probe   bool // doc is the answer to a breaker's probe
	// A 404 of an upstream whose API is not settled: the attempt is not
	// finished until it is known whether it was the wrong question.
	pending *pending
}

// pending is an attempt whose meaning is not known yet.
type pending struct {
	permit  *breaker.Permit
	attempt Attempt
}

// collect makes one collection of endpoints that the caller has claimed.
func (s *upstream) collect(due time.Time, endpoints []betanet.Endpoint) {
	if len(endpoints) == 0 {
		return
	}
	start := time.Now()
	s.p.o.Report(Began{s.u, start.Sub(due)})
	ctx, cancel := context.WithTimeout(s.ctx, s.u.Settings.Timeout)
	defer cancel()
	answers := make([]answer, len(endpoints))
	var wg sync.WaitGroup
	for i, e := range endpoints {
		ask := func() {
			answers[i] = s.ask(ctx, e)
			if answers[i].pending == nil {
				s.settle(e, answers[i])
				s.release(e)
			}
		}
		if i == len(endpoints)-1 {
			ask() // the last one needs no goroutine of its own
		} else {
			wg.Go(ask)
		}
	}
	wg.Wait()
	s.settlePending(ctx, endpoints, answers)

	s.mu.Lock()
	s.duration, s.collected = time.Since(start), true
	s.publish()
	ended := Ended{s.view, s.duration}
	s.mu.Unlock()
	s.p.o.Report(ended)
}

// ask makes the attempts of one endpoint in one collection.
func (s *upstream) ask(ctx context.Context, e betanet.Endpoint) (a answer) {
	set := &s.u.Settings
	waits := retry.NewWaits(set.Backoff, set.MaxBackoff, set.Jitter)
	brk := s.breaker(e)
	deadline, _ := ctx.Deadline()
	for n := 1; ; n++ {
		permit, err := brk.Allow()
		if err != nil {
			return a
		}
		s.transitions(e, permit.Changes, false)
		if n == 1 {
			s.p.budget.First()
		}
		at := Attempt{Source: Source{s.u, e}, Number: n, Recurring: s.recurring(e)}
		a.doc, a.failure = s.attempt(ctx, &at, permit.Probe)
		if a.failure == nil {
			a.probe = permit.Probe
			s.finish(permit, breaker.Success, at)
			return a
		}
		after, wish := retry.After(a.failure.RetryAfter, a.failure.Date, time.Now())
		if wish {
			s.holdOff(e, time.Now().Add(after))
		}
		if s.undecided(e, a.failure) {
			a.pending = &pending{permit, at}
			return a
		}
		at.Wait = max(waits.Next(), after)
		fits := time.Until(deadline) >= at.Wait+min(time.Second, set.RequestTimeout)
		again := a.failure.Retry && n < set.Attempts && fits
		outcome := breaker.Failure
		if a.failure.Ignored {
			outcome = breaker.Ignored
		}
		changes := permit.Done(outcome)
		if again && brk.State() != breaker.Open { // as it is again after a failed probe
			at.Retry = s.p.budget.Take()
			at.NoBudget = !at.Retry
		}
		s.p.o.Report(at)
		s.transitions(e, changes, permit.Probe)
		if !at.Retry {
			return a
		}
		if !sleep(ctx, at.Wait) {
			return answer{}
		}
	}
}

// attempt makes one request within its own limit and what is left of ctx.
func (s *upstream) attempt(ctx context.Context, at *Attempt, fresh bool) (betanet.Document, *betanet.Failure) {
	ctx, cancel := context.WithTimeout(ctx, s.u.Settings.RequestTimeout)
	defer cancel()
	start := time.Now()
	doc, failure := s.client.Fetch(ctx, at.Endpoint, fresh)
	at.Duration, at.Failure = time.Since(start), failure
	s.mu.Lock()
	s.endpoints[at.Endpoint].attempts++
	s.endpoints[at.Endpoint].notFound = failure != nil && failure.Status == http.StatusNotFound
	s.mu.Unlock()
	return doc, failure
}

// finish ends an attempt that no retry follows.
func (s *upstream) finish(permit *breaker.Permit, o breaker.Outcome, at Attempt) {
	changes := permit.Done(o)
	s.p.o.Report(at)
	s.transitions(at.Endpoint, changes, permit.Probe)
}

// breaker is the endpoint's breaker at this moment; a switch of API replaces it.
func (s *upstream) breaker(e betanet.Endpoint) *breaker.Breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints[e].breaker
}

func (s *upstream) recurring(e betanet.Endpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints[e].record.Failure != nil
}

// holdOff obeys a Retry-After: no request to the endpoint before then, unless
// the wait fits into the collection that is running.
func (s *upstream) holdOff(e betanet.Endpoint, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints[e].notBefore = until
}

// transitions reports the states a breaker entered, shows them, and sees to the
// probe after a pause.
func (s *upstream) transitions(e betanet.Endpoint, to []breaker.State, probe bool) {
	if len(to) == 0 {
		return
	}
	s.mu.Lock()
	wake := s.wakeTime(e)
	until := s.endpoints[e].breaker.OpenUntil()
	s.publish()
	s.mu.Unlock()
	for _, state := range to {
		s.p.o.Report(Transition{Source{s.u, e}, state, until, probe && state == breaker.Open})
	}
	if !wake.IsZero() {
		s.scheduleWake(e, wake)
	}
}

// settle records what the collection of an endpoint came to.
func (s *upstream) settle(e betanet.Endpoint, a answer) {
	switch {
	case a.doc != nil:
		s.fetched(e, a.doc, a.probe)
	case a.failure != nil && a.failure.Reason != betanet.ReasonCanceled:
		s.failed(e, a.failure)
	}
}

func (s *upstream) fetched(e betanet.Endpoint, doc betanet.Document, probe bool) {
	now := time.Now()
	s.mu.Lock()
	s.switchTo(e)
	ep := &s.endpoints[e]
	before := ep.record
	s.totals.Fetched(before.Doc, doc)
	ep.record = before.Fetched(doc, now)
	s.publish()
	s.mu.Unlock()
	s.p.o.Report(Cache{Source{s.u, e}, Miss})
	if before.Failure != nil {
		s.p.o.Report(Recovered{Source{s.u, e}, now.Sub(before.Since), probe})
	}
}

func (s *upstream) failed(e betanet.Endpoint, f *betanet.Failure) {
	now := time.Now()
	s.mu.Lock()
	ep := &s.endpoints[e]
	before := ep.record.Failure
	ep.record = ep.record.Failed(f, now)
	age := now.Sub(ep.record.At)
	cached := ep.record.Stale(now, s.u.Settings.MaxStale)
	if s.u.API == betanet.Auto && e == betanet.Mixnodes && f.Status == http.StatusNotFound {
		s.askV1 = true
	}
	s.publish()
	s.mu.Unlock()
	result := Miss
	if cached {
		result = Stale
	}
	s.p.o.Report(Cache{Source{s.u, e}, result})
	if before == nil || before.Reason != f.Reason {
		s.p.o.Report(Failing{Source{s.u, e}, f, before == nil, cached, age})
	}
}

// sleep waits, or reports that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
