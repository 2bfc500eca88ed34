package poll

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
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

// limit is how long a collection may go on: until ctx ends, because it is not
// wanted any more, or until the deadline.
type limit struct {
	ctx      context.Context
	deadline time.Time
	hurry    bool // somebody waits for the end
}

func (l limit) left() time.Duration { return time.Until(l.deadline) }

// sleepUntil waits, or reports that the limit comes first.
func (l limit) sleepUntil(at time.Time) bool {
	d := time.Until(at)
	switch {
	case d <= 0:
		return true
	case at.After(l.deadline):
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// collect makes one collection of endpoints that the caller has claimed.
func (r *replica) collect(lim limit, endpoints []betanet.Endpoint) {
	c := collection{replica: r, limit: lim, asks: make([]ask, 0, len(endpoints))}
	r.mu.Lock()
	for _, failing := range []bool{false, true} { // so that they hold up nobody
		for _, e := range endpoints {
			if failing == (r.endpoints[e].record.Failure != nil) {
				c.asks = append(c.asks, ask{endpoint: e, failing: failing})
			}
		}
	}
	r.mu.Unlock()
	if r.p.Connections() == Parallel {
		r.spread.Store(true)
		c.parallel()
		c.workers.Wait()
	} else {
		if r.spread.Swap(false) {
			r.client.Close()
		}
		c.inTurn()
	}
	r.settlePending(lim, c.asks)
}

// collection is one that is running.
type collection struct {
	*replica
	limit
	asks    []ask // what failed last comes last
	next    atomic.Int32
	workers sync.WaitGroup
}

// ask is what becomes of one endpoint in one collection.
type ask struct {
	endpoint betanet.Endpoint
	failing  bool             // it failed in an earlier collection already
	attempts int              // made so far
	breaker  *breaker.Breaker // asked last; a switch of API replaces the endpoint's
	waits    *retry.Waits
	due      time.Time // of the next attempt, zero for now
	answer
}

// end settles what the collection of an endpoint came to, unless that is not
// known yet.
func (r *replica) end(a *ask) {
	if a.pending == nil {
		r.settle(a)
		r.release(a.endpoint)
	}
}

// overtake is how long a collection may take before its other endpoints are asked
// over another connection. An upstream that answers as usual needs one, which
// saves two thirds of the memory; one that is slow or hangs is asked in parallel.
// So is what failed last, and one for whose answer somebody waits.
const overtake = 250 * time.Millisecond

// parallel asks the endpoints that nobody has taken, one after the other, and
// has another do the same meanwhile if that takes its time.
func (c *collection) parallel() {
	var slow *time.Timer
	switch second := int(c.next.Load()) + 1; {
	case second >= len(c.asks):
	case c.hurry || c.asks[second].failing || c.p.overtake == 0:
		c.workers.Go(c.parallel)
	default:
		c.workers.Add(1)
		slow = time.AfterFunc(c.p.overtake, func() {
			defer c.workers.Done()
			c.parallel()
		})
	}
	var l leash
	for i := int(c.next.Add(1)) - 1; i < len(c.asks); i = int(c.next.Add(1)) - 1 {
		a := &c.asks[i]
		for c.try(c.limit, &l, a) && c.sleepUntil(a.due) {
		}
		c.end(a)
	}
	l.end()
	if slow != nil && slow.Stop() {
		c.workers.Done()
	}
}

// inTurn asks one endpoint after the other over one connection: once each, and
// then those again that are to be retried, so that an endpoint that hangs holds
// up the others by one attempt at most. What would be cut short by the end of
// the collection is left for the next.
func (c *collection) inTurn() {
	open := make([]*ask, len(c.asks))
	for i := range open {
		open[i] = &c.asks[i]
	}
	var l leash
	defer l.end()
	for len(open) > 0 {
		slices.SortStableFunc(open, func(a, b *ask) int { return a.due.Compare(b.due) })
		a := open[0]
		if c.sleepUntil(a.due) && c.left() >= c.worthwhile() && c.tryAlone(&l, a) {
			continue
		}
		c.end(a)
		open = open[1:]
	}
}

// worthwhile is the least time for which an attempt is begun late: one that is
// cut shorter would blame the upstream for our delay.
func (s *upstream) worthwhile() time.Duration { return min(time.Second, s.u.Settings.RequestTimeout/2) }

// tryAlone is try while no other request of the upstream is out, as a breaker's
// probe may be.
func (c *collection) tryAlone(l *leash, a *ask) (again bool) {
	t := time.NewTimer(c.left())
	defer t.Stop()
	select {
	case c.line <- struct{}{}:
		defer func() { <-c.line }()
		return c.try(c.limit, l, a)
	case <-t.C:
		return false
	case <-c.ctx.Done():
		return false
	}
}

// try makes the next attempt of an endpoint, if its breaker lets it, and reports
// whether another is to follow when a.due has come.
func (r *replica) try(lim limit, l *leash, a *ask) (again bool) {
	set := &r.u.Settings
	e := a.endpoint
	a.breaker = r.breaker(e)
	permit, err := a.breaker.Allow()
	if err != nil {
		return false
	}
	a.attempts++
	r.transitions(a, permit.Changes, false)
	if a.attempts == 1 {
		r.p.budget.First()
	}
	at := Attempt{Source: r.source(e), Number: a.attempts, Recurring: a.failing}
	a.doc, a.failure = r.attempt(lim, l, &at, permit.Probe)
	if a.failure == nil {
		a.probe = permit.Probe
		r.finish(a, permit, breaker.Success, at)
		return false
	}
	after := r.obey(e, a.failure)
	if r.undecided(e, a.failure) {
		a.pending = &pending{permit, at}
		return false
	}
	if a.waits == nil {
		a.waits = retry.NewWaits(set.Backoff, set.MaxBackoff, set.Jitter)
	}
	at.Wait = max(a.waits.Next(), after)
	fits := lim.left() >= at.Wait+min(time.Second, set.RequestTimeout)
	again = a.failure.Retry && a.attempts < set.Attempts && fits
	outcome := breaker.Failure
	if a.failure.Ignored {
		outcome = breaker.Ignored
	}
	changes := permit.Done(outcome)
	if again && a.breaker.State() != breaker.Open { // as it is again after a failed probe
		at.Retry = r.p.budget.Take()
		at.NoBudget = !at.Retry
	}
	r.p.o.Report(at)
	r.transitions(a, changes, permit.Probe)
	a.due = time.Now().Add(at.Wait)
	return at.Retry
}

// attempt makes one request within its own limit and that of the collection.
func (r *replica) attempt(lim limit, l *leash, at *Attempt, fresh bool) (betanet.Document, *betanet.Failure) {
	ctx := l.hold(lim.ctx, min(r.u.Settings.RequestTimeout, lim.left()))
	defer l.release()
	if fresh && r.p.Connections() != Parallel {
		r.client.Close() // the connection that rests would be a second one
	}
	start := time.Now()
	doc, failure := r.client.Fetch(ctx, at.Endpoint, fresh)
	at.Duration, at.Failure = time.Since(start), failure
	r.mu.Lock()
	r.endpoints[at.Endpoint].attempts++
	r.endpoints[at.Endpoint].notFound = failure != nil && failure.Status == http.StatusNotFound
	r.mu.Unlock()
	return doc, failure
}

// finish ends an attempt that no retry follows.
func (r *replica) finish(a *ask, permit *breaker.Permit, o breaker.Outcome, at Attempt) {
	changes := permit.Done(o)
	r.p.o.Report(at)
	r.transitions(a, changes, permit.Probe)
}

// breaker is the endpoint's breaker at this moment; a switch of API replaces it.
func (r *replica) breaker(e betanet.Endpoint) *breaker.Breaker {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints[e].breaker
}

// obey heeds a Retry-After, if the failure came with one: no request to the
// endpoint before then, unless the wait fits into the collection that is running.
// It returns the wait that was asked for.
func (r *replica) obey(e betanet.Endpoint, f *betanet.Failure) time.Duration {
	now := time.Now()
	after, wish := retry.After(f.RetryAfter, f.Date, now)
	if wish {
		r.mu.Lock()
		r.endpoints[e].notBefore = now.Add(after)
		r.mu.Unlock()
	}
	return after
}

// transitions reports the states a breaker entered, shows them, and sees to the
// probe after a pause.
func (r *replica) transitions(a *ask, to []breaker.State, probe bool) {
	if len(to) == 0 {
		return
	}
	e := a.endpoint
	r.mu.Lock()
	if r.endpoints[e].breaker != a.breaker {
		r.mu.Unlock()
		return // nobody asks this one any more
	}
	wake := r.wakeTime(e)
	until := r.endpoints[e].breaker.OpenUntil()
	r.publish()
	r.mu.Unlock()
	for _, state := range to {
		r.p.o.Report(Transition{r.source(e), state, until, probe && state == breaker.Open})
	}
	if !wake.IsZero() {
		r.scheduleWake(r, e, wake)
	}
}

// settle records what the collection of an endpoint came to.
func (r *replica) settle(a *ask) {
	e := a.endpoint
	switch {
	case a.breaker == nil || r.breaker(e) != a.breaker: // not asked, or of an API that is no longer in use
	case a.doc != nil:
		r.fetched(e, a.doc, a.probe)
	case a.failure != nil && a.failure.Reason != betanet.ReasonCanceled && !r.over():
		r.failed(e, a.failure)
	}
}

func (r *replica) fetched(e betanet.Endpoint, doc betanet.Document, probe bool) {
	now := time.Now()
	r.mu.Lock()
	r.switchTo(e)
	ep := &r.endpoints[e]
	before := ep.record
	r.totals.Fetched(before.Doc, doc)
	ep.record = before.Fetched(doc, now)
	r.publish()
	r.mu.Unlock()
	r.p.o.Report(Cache{r.source(e), Miss})
	if before.Failure != nil {
		r.p.o.Report(Recovered{r.source(e), now.Sub(before.Since), probe})
	}
}

func (r *replica) failed(e betanet.Endpoint, f *betanet.Failure) {
	now := time.Now()
	r.mu.Lock()
	ep := &r.endpoints[e]
	before := ep.record.Failure
	ep.record = ep.record.Failed(f, now)
	age := now.Sub(ep.record.At)
	cached := ep.record.Stale(now, r.u.Settings.MaxStale)
	if r.u.API == betanet.Auto && e == betanet.Mixnodes && f.Status == http.StatusNotFound {
		r.askV1 = true
	}
	r.publish()
	r.mu.Unlock()
	result := Miss
	if cached {
		result = Stale
	}
	r.p.o.Report(Cache{r.source(e), result})
	if before == nil || before.Reason != f.Reason {
		r.p.o.Report(Failing{r.source(e), f, before == nil, cached, age})
	}
}

// over reports whether collecting the upstream has ended.
func (s *upstream) over() bool { return s.ctx.Err() != nil }
