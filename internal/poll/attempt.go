package poll

import (
	"net/http"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// fetch is a request for a document.
type fetch struct {
	endpoint   betanet.Endpoint
	limit      time.Duration
	fresh      bool // use a new connection
	collection *collection
	progress   *progress // nil for the request that detects the API
}

// result is the result of an attempt: a document or a failure.
type result struct {
	doc     *betanet.Document
	at      time.Time // when the attempt ended
	failure *betanet.Failure
}

// try makes the next attempt at an endpoint, or settles it if its breaker denies one.
func (c *core) try(col *collection, p *progress) {
	p.target = col.endpoints[p.endpoint]
	permit, err := p.target.breaker.Allow(c.now)
	if err != nil {
		c.settle(col, p)
		return
	}
	p.permit, p.state = permit, requesting
	if permit.HalfOpened {
		c.breakerChanged(col.replica, p)
	}
	if p.attempts++; p.attempts == 1 {
		c.shared.budget.Deposit(c.now)
	}
	c.send(&fetch{endpoint: p.endpoint, fresh: permit.Probe, collection: col, progress: p})
}

// send adds a request to the actions. Its limit is the request timeout or the rest of the
// collection, whichever is shorter.
func (c *core) send(q *fetch) {
	q.limit = min(c.u.Settings.RequestTimeout, q.collection.deadline.Sub(c.now))
	if q.fresh && c.connections != Parallel { // the new connection must be the only one
		c.do.idle = append(c.do.idle, q.collection.replica)
	}
	c.requests++
	c.do.requests = append(c.do.requests, q)
}

// handleResult processes the result of an attempt.
func (c *core) handleResult(got completed) {
	c.requests--
	if got.failure == nil && got.took > got.limit {
		// After SIGSTOP the timer and the response are both ready; the response's age
		// is unknown, so treat it as a timeout.
		got.doc, got.failure = nil, betanet.Late(got.endpoint)
	}
	col, p := got.collection, got.progress
	ep := col.endpoints[got.endpoint]
	if ep.attempts++; ep.attempts == 1 {
		c.do.changed = true // readiness depends on the first attempts
	}
	ep.notFound = got.failure != nil && got.failure.Status == http.StatusNotFound
	attempt := Attempt{Origin: c.origin(col.replica, got.endpoint), Failure: got.failure, Duration: got.took}
	if p == nil {
		attempt.Number, attempt.Recurring, attempt.Detecting = 1, true, true
		c.handleDetection(col, got.result, attempt)
		return
	}
	attempt.Number, attempt.Recurring, p.result = p.attempts, p.failing, got.result
	if p.failure == nil {
		c.finish(col, p, attempt, false)
	} else {
		c.handleFailure(col, p, attempt)
	}
}

// handleFailure handles a failed attempt and decides whether to retry it, and when.
func (c *core) handleFailure(col *collection, p *progress, attempt Attempt) {
	settings := &c.u.Settings
	after := c.applyRetryAfter(col.endpoints[p.endpoint], p.failure)
	if c.u.API == betanet.Auto && p.endpoint != betanet.Mixnodes && p.failure.Status == http.StatusNotFound {
		p.state, p.pending = undecided, &attempt // the upstream may have the other API
		return
	}
	attempt.Wait = max(settings.Jitter.Wait(p.attempts, settings.Backoff, settings.MaxBackoff, c.shared.random), after)
	fits := col.deadline.Sub(c.now) >= attempt.Wait+min(time.Second, settings.RequestTimeout)
	c.finish(col, p, attempt, p.failure.Retry && p.attempts < settings.Attempts && fits && !c.closed)
}

// finish ends an attempt. If it is retryable and the breaker and the budget allow a retry,
// finish schedules one. Otherwise it settles the endpoint.
func (c *core) finish(col *collection, p *progress, attempt Attempt, retryable bool) {
	outcome := breaker.Success
	switch {
	case attempt.Failure == nil:
	case attempt.Failure.Ignored:
		outcome = breaker.Ignored
	default:
		outcome = breaker.Failure
	}
	changed := p.target.breaker.Done(p.permit, outcome, c.now)
	if retryable && p.target.breaker.State() != breaker.Open { // it may have opened just now
		attempt.Retry = c.shared.budget.Take(c.now)
		attempt.NoBudget = !attempt.Retry
	}
	c.report(attempt)
	if changed {
		c.breakerChanged(col.replica, p)
	}
	if attempt.Retry {
		p.state, p.due = ready, c.now.Add(attempt.Wait)
	} else {
		c.settle(col, p)
	}
}

// applyRetryAfter defers the next request to the endpoint if the response had a valid
// Retry-After header, and returns the wait that the header requests, or 0.
func (c *core) applyRetryAfter(ep *endpoint, f *betanet.Failure) time.Duration {
	after, ok := retry.After(f.RetryAfter, f.Date, c.now)
	if !ok {
		return 0
	}
	ep.notBefore = c.now.Add(after)
	return after
}

// breakerChanged reports the new state of a breaker. If the breaker is open, it schedules
// the probe after the pause; for an upstream that is only collected on demand, the next
// collection is the probe.
func (c *core) breakerChanged(r *replica, p *progress) {
	if r.endpoints[p.endpoint] != p.target {
		return // it was replaced when the API changed
	}
	state, until := p.target.breaker.State(), p.target.breaker.OpenUntil()
	c.do.changed = true
	c.report(Transition{c.origin(r, p.endpoint), state, until, p.permit.Probe && state == breaker.Open})
	if state == breaker.Open && c.scheduled {
		p.target.wakeAt = c.coalesceProbe(p.target.probeAt())
	}
}

// settle ends the collection of an endpoint and records the result.
func (c *core) settle(col *collection, p *progress) {
	p.state = settled
	switch {
	case p.target == nil || p.target != col.endpoints[p.endpoint]: // not requested, or replaced when the API changed
	case p.doc != nil:
		c.fetched(col, p.endpoint, p.result, p.permit.Probe)
	case p.failure != nil && p.failure.Reason != betanet.ReasonCanceled && !c.closed:
		c.failed(col.replica, p.endpoint, p.failure)
	}
	col.endpoints[p.endpoint].busy = false
}

// fetched records a document, switches to its API, and reports a recovery.
func (c *core) fetched(col *collection, e betanet.Endpoint, got result, probe bool) {
	r := col.replica
	r.switchAPI(c.u, e)
	ep := r.endpoints[e]
	before := ep.record
	if r.totals.Fetched(before.Doc, got.doc) && !col.reset {
		col.reset = true
		c.resets++
	}
	ep.record = before.Fetched(got.doc, got.at)
	c.do.changed = true
	c.report(Cache{c.origin(r, e), CacheMiss})
	if before.Failure != nil {
		c.report(Recovered{c.origin(r, e), got.at.Sub(before.Since), probe})
	}
}

// failed records a failure, and reports it if the previous collection did not fail for
// the same reason.
func (c *core) failed(r *replica, e betanet.Endpoint, f *betanet.Failure) {
	ep := r.endpoints[e]
	before := ep.record.Failure
	ep.record = ep.record.Failed(f, c.now)
	cacheResult, cached := CacheMiss, ep.record.Stale(c.now, c.u.Settings.MaxStale)
	if cached {
		cacheResult = CacheStale
	}
	if c.u.API == betanet.Auto && e == betanet.Mixnodes && f.Status == http.StatusNotFound {
		r.tryV1 = true
	}
	c.do.changed = true
	c.report(Cache{c.origin(r, e), cacheResult})
	if before == nil || before.Reason != f.Reason {
		c.report(Failing{c.origin(r, e), f, before == nil, cached, c.now.Sub(ep.record.At)})
	}
}
