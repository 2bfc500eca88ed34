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
func (r *replica) collect(ctx context.Context, endpoints []betanet.Endpoint) {
	answers := make([]answer, len(endpoints))
	var wg sync.WaitGroup
	for i, e := range endpoints {
		ask := func() {
			answers[i] = r.ask(ctx, e)
			if answers[i].pending == nil {
				r.settle(e, answers[i])
				r.release(e)
			}
		}
		if i == len(endpoints)-1 {
			ask() // the last one needs no goroutine of its own
		} else {
			wg.Go(ask)
		}
	}
	wg.Wait()
	r.settlePending(ctx, endpoints, answers)
}

// ask makes the attempts of one endpoint in one collection.
func (r *replica) ask(ctx context.Context, e betanet.Endpoint) (a answer) {
	set := &r.u.Settings
	waits := retry.NewWaits(set.Backoff, set.MaxBackoff, set.Jitter)
	brk := r.breaker(e)
	deadline, _ := ctx.Deadline()
	for n := 1; ; n++ {
		permit, err := brk.Allow()
		if err != nil {
			return a
		}
		r.transitions(e, permit.Changes, false)
		if n == 1 {
			r.p.budget.First()
		}
		at := Attempt{Source: r.source(e), Number: n, Recurring: r.recurring(e)}
		a.doc, a.failure = r.attempt(ctx, &at, permit.Probe)
		if a.failure == nil {
			a.probe = permit.Probe
			r.finish(permit, breaker.Success, at)
			return a
		}
		after, wish := retry.After(a.failure.RetryAfter, a.failure.Date, time.Now())
		if wish {
			r.holdOff(e, time.Now().Add(after))
		}
		if r.undecided(e, a.failure) {
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
			at.Retry = r.p.budget.Take()
			at.NoBudget = !at.Retry
		}
		r.p.o.Report(at)
		r.transitions(e, changes, permit.Probe)
		if !at.Retry {
			return a
		}
		if !sleep(ctx, at.Wait) {
			return answer{}
		}
	}
}

// attempt makes one request within its own limit and what is left of ctx.
func (r *replica) attempt(ctx context.Context, at *Attempt, fresh bool) (betanet.Document, *betanet.Failure) {
	ctx, cancel := context.WithTimeout(ctx, r.u.Settings.RequestTimeout)
	defer cancel()
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
func (r *replica) finish(permit *breaker.Permit, o breaker.Outcome, at Attempt) {
	changes := permit.Done(o)
	r.p.o.Report(at)
	r.transitions(at.Endpoint, changes, permit.Probe)
}

// breaker is the endpoint's breaker at this moment; a switch of API replaces it.
func (r *replica) breaker(e betanet.Endpoint) *breaker.Breaker {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints[e].breaker
}

func (r *replica) recurring(e betanet.Endpoint) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints[e].record.Failure != nil
}

// holdOff obeys a Retry-After: no request to the endpoint before then, unless
// the wait fits into the collection that is running.
func (r *replica) holdOff(e betanet.Endpoint, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endpoints[e].notBefore = until
}

// transitions reports the states a breaker entered, shows them, and sees to the
// probe after a pause.
func (r *replica) transitions(e betanet.Endpoint, to []breaker.State, probe bool) {
	if len(to) == 0 {
		return
	}
	r.mu.Lock()
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
func (r *replica) settle(e betanet.Endpoint, a answer) {
	switch {
	case a.doc != nil:
		r.fetched(e, a.doc, a.probe)
	case a.failure != nil && a.failure.Reason != betanet.ReasonCanceled:
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
