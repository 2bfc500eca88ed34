package poll

import (
	"net/http"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// answer is what the collection of one endpoint came to; nothing, if it was
// stopped from outside or by its breaker.
type answer struct {
	reply
	probe bool // doc is the answer to a breaker's probe
	// A 404 of an upstream whose API is not settled: the attempt is not
	// finished until it is known whether it was the wrong question.
	pending *pending
}

// reply is what an attempt came to: a document or a failure.
type reply struct {
	doc     *betanet.Document
	at      time.Time // when it was there
	failure *betanet.Failure
}

// pending is an attempt whose meaning is not known yet.
type pending struct {
	permit  *breaker.Permit
	attempt Attempt
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
	a.reply = r.attempt(lim, l, &at, permit.Probe)
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
func (r *replica) attempt(lim limit, l *leash, at *Attempt, fresh bool) reply {
	own := min(r.u.Settings.RequestTimeout, lim.left())
	ctx := l.hold(lim.ctx, own)
	defer l.release()
	if fresh && r.p.Connections() != Parallel {
		r.client.Close() // the connection that rests would be a second one
	}
	start := time.Now()
	doc, failure := r.client.Fetch(ctx, at.Endpoint, fresh)
	at.Duration = time.Since(start)
	if failure == nil && at.Duration > own {
		// The process was stopped meanwhile, and timer and answer were there at once
		// when it went on. How old the answer is nobody knows.
		doc, failure = nil, betanet.Late(at.Endpoint)
	}
	at.Failure = failure
	r.mu.Lock()
	if r.endpoints[at.Endpoint].attempts++; r.endpoints[at.Endpoint].attempts == 1 {
		r.publish() // the exporter is ready when it has asked everything once
	}
	r.endpoints[at.Endpoint].notFound = failure != nil && failure.Status == http.StatusNotFound
	r.mu.Unlock()
	return reply{doc, start.Add(at.Duration), failure}
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
func (c *collection) settle(a *ask) {
	e := a.endpoint
	switch {
	case a.breaker == nil || c.breaker(e) != a.breaker: // not asked, or of an API that is no longer in use
	case a.doc != nil:
		c.fetched(e, a.reply, a.probe)
	case a.failure != nil && a.failure.Reason != betanet.ReasonCanceled && c.replica.ctx.Err() == nil:
		c.failed(e, a.failure)
	}
}

func (c *collection) fetched(e betanet.Endpoint, got reply, probe bool) {
	r := c.replica
	r.mu.Lock()
	r.switchTo(e)
	ep := &r.endpoints[e]
	before := ep.record
	if r.totals.Fetched(before.Doc, got.doc) && !c.reset {
		c.reset = true
		r.resets++
	}
	ep.record = before.Fetched(got.doc, got.at)
	r.publish()
	r.mu.Unlock()
	r.p.o.Report(Cache{r.source(e), Miss})
	if before.Failure != nil {
		r.p.o.Report(Recovered{r.source(e), got.at.Sub(before.Since), probe})
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
