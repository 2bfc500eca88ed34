package poll

import (
	"fmt"
	"strconv"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// transitions are the names of everything that a core can do. A long simulation must visit
// all of them.
var transitions = []string{
	"closed to open", "open to half_open", "half_open to closed", "half_open to open", "ignored while closed", "ignored while half_open",
	"initial collection", "scheduled collection", "collection on demand", "probe after the pause", "skipped", "missed",
	"late", "late response", "in turn", "connection not kept", "parallel", "eager", "failing requested in parallel",
	"retry", "retry in half_open refused", "no budget", "no room", "last attempt", "retry after Retry-After", "deferred by Retry-After",
	"cache hit", "cache miss", "cache stale", "failing", "failing for another reason", "recovered", "recovered by probe",
	"detected mixnodes", "mixnodes not detected", "switch to mixnodes", "switch to v1",
	"replica switched", "no replica left", "reset", "removed during a collection", "connection closed",
}

// coreEndpoint is the oracle's state of an endpoint of a service.
type coreEndpoint struct {
	state      breaker.State
	streak     uint32
	opened     time.Time
	notBefore  time.Time
	inFlight   bool
	generation int // incremented when a change of API resets the endpoint
	doc        *betanet.Document
	docAt      time.Time
}

// oracleState is the oracle's state of an upstream.
type oracleState struct {
	api    [3]betanet.API // of each replica
	resets uint64
	fell   uint64 // number of documents with lower totals
}

// fail ends the simulation because of a broken rule.
func (w *coreWorld) fail(format string, args ...any) { panic(brokenRule(fmt.Sprintf(format, args...))) }

// visit counts a transition if it was reached.
func (w *coreWorld) visit(name string, reached bool) {
	if reached {
		w.visited[name]++
	}
}

// earn refills the budget for the time that has passed and adds d.
func (w *coreWorld) earn(d time.Duration) {
	w.budget = min(15*time.Second, w.budget+w.now.Sub(w.refilled))
	w.budget, w.refilled = min(15*time.Second, w.budget+d), w.now
}

// checkRequest checks that a request may be made.
func (w *coreWorld) checkRequest(s *coreUpstream, q *coreRequest) {
	ep, settings, col := &q.service.endpoints[q.endpoint], &s.u.Settings, q.collection
	switch {
	case ep.inFlight:
		w.fail("%s %v: two requests at the same time", s.u.Name, q.endpoint)
	case w.now.Before(ep.notBefore):
		w.fail("%s %v: requested %v before the Retry-After", s.u.Name, q.endpoint, ep.notBefore.Sub(w.now))
	case ep.state == breaker.Open && (q.progress != nil || w.now.Sub(ep.opened) <= settings.BreakerOpen):
		w.fail("%s %v: requested although the breaker opened %v ago", s.u.Name, q.endpoint, w.now.Sub(ep.opened))
	case q.limit <= 0 || q.limit > settings.RequestTimeout || w.now.Add(q.limit).After(col.began.Add(settings.Timeout)):
		w.fail("%s %v: request has a limit of %v, %v after the collection began", s.u.Name, q.endpoint, q.limit, w.now.Sub(col.began))
	case q.progress != nil && col.sequential && len(s.inFlight) > 0:
		w.fail("%s %v: requested together with %d others although connections are scarce", s.u.Name, q.endpoint, len(s.inFlight))
	case q.progress != nil && q.progress.attempts == 1:
		w.earn(time.Second / 5)
	}
	ep.inFlight, q.generation = true, ep.generation
	w.visit("in turn", col.sequential)
	w.visit("parallel", !col.sequential && len(s.inFlight) > 0)
	w.visit("eager", col.eager)
	w.visit("failing requested in parallel", q.progress != nil && q.progress.failing && len(s.inFlight) > 0)
	w.visit("connection not kept", w.moment().connections == OneUnkept)
	w.visit("retry after Retry-After", q.progress != nil && q.progress.attempts > 1 && w.now.Equal(ep.notBefore))
}

// recordResponse records a response in the state of the oracle.
func (w *coreWorld) recordResponse(s *coreUpstream, q *coreRequest, took time.Duration) {
	ep := &q.service.endpoints[q.endpoint]
	ep.inFlight = false
	if f := q.result.failure; f != nil && f.RetryAfter != "" {
		n, _ := strconv.Atoi(f.RetryAfter)
		ep.notBefore = w.now.Add(min(time.Duration(n)*time.Second, 300*time.Second))
	}
	if q.result.doc == nil || took > q.limit || q.generation != ep.generation || s.core.closed {
		return
	}
	if fell(ep.doc, q.result.doc) {
		s.oracle.fell++
	}
	ep.doc, ep.docAt = q.result.doc, w.now
}

// fell reports whether a total is lower in the later document.
func fell(before, after *betanet.Document) bool {
	if before == nil {
		return false
	}
	for _, f := range []betanet.Field{betanet.PacketsProcessed, betanet.PacketsDropped, betanet.BytesReceived} {
		if after.Get(f) < before.Get(f) {
			return true
		}
	}
	return len(before.Mixnodes) > 0 && after.Mixnodes[0].Get(betanet.PacketsProcessed) < before.Mixnodes[0].Get(betanet.PacketsProcessed)
}

// apply checks the actions of a step and carries them out.
func (w *coreWorld) apply(s *coreUpstream, q *coreRequest, do actions) {
	for _, n := range []int{int(w.now.UnixNano()), s.number, len(do.requests), len(do.reports)} {
		w.digest = (w.digest ^ uint64(n)) * 1099511628211
	}
	for _, e := range do.reports {
		w.checkEvent(s, q, e)
	}
	for i, r := range s.core.replicas {
		if before := s.oracle.api[i]; r.api != before {
			for _, e := range before.Endpoints() {
				ep := &s.services[i].endpoints[e]
				*ep = coreEndpoint{inFlight: ep.inFlight, generation: ep.generation + 1}
			}
			s.oracle.api[i] = r.api
			w.visit("switch to mixnodes", before == betanet.V1)
			w.visit("switch to v1", before == betanet.MixnodesAPI)
		}
	}
	w.visit("connection closed", len(do.idle) > 0)
	s.send(do.requests)
	s.at = s.core.next()
	if off := s.core.tick.Sub(s.schedule) % s.u.Settings.Interval; off != 0 {
		w.fail("%s: a collection is due %v off schedule", s.u.Name, off)
	}
	// Views are expensive, so check only some of them while there are no faults.
	if do.ended && !s.core.closed && (len(w.active) > 0 || len(do.reports) != 3 || w.collections%16 == 0) {
		w.checkView(s)
	}
}

// checkEvent checks an event that a core reports.
func (w *coreWorld) checkEvent(s *coreUpstream, q *coreRequest, e Event) {
	settings := &s.u.Settings
	switch e := e.(type) {
	case Attempt:
		w.checkAttempt(s, q, e)
	case Transition:
		ep := s.endpoint(e.Origin)
		if e.To == breaker.HalfOpen {
			if ep.state != breaker.Open || w.now.Sub(ep.opened) <= settings.BreakerOpen {
				w.fail("%s %v: half-open %v after the breaker entered %v", s.u.Name, e.Endpoint, w.now.Sub(ep.opened), ep.state)
			}
			ep.state = breaker.HalfOpen
			w.visit("open to half_open", true)
		}
		if e.To != ep.state {
			w.fail("%s %v: the breaker entered %v, want %v", s.u.Name, e.Endpoint, e.To, ep.state)
		}
	case Began:
		if e.Delay != 0 && !w.now.Equal(w.suspendedUntil) || e.Delay < 0 {
			w.fail("%s: a collection began %v late", s.u.Name, e.Delay)
		}
		w.visit("late", e.Delay > 0)
		w.visit("probe after the pause", !e.Due.IsZero() && e.Endpoints == 1)
		w.visit("scheduled collection", !e.Due.IsZero())
		w.visit("initial collection", e.Due.IsZero() && w.now.Equal(s.added))
		w.visit("collection on demand", e.Due.IsZero() && !w.now.Equal(s.added))
		w.collections++
	case Ended:
		if e.Duration > settings.Timeout && w.suspendedUntil.Before(w.now.Add(-e.Duration)) {
			w.fail("%s: a collection took %v, the limit is %v", s.u.Name, e.Duration, settings.Timeout)
		}
		w.visit("removed during a collection", s.core.closed)
		w.visit("no replica left", len(s.services) > 1 && !s.core.closed && s.core.needsFailover(s.core.inUse))
	case Skipped:
		w.visit("missed", e.Count > 1)
		w.visit("skipped", true)
	case Cache:
		w.visit("cache "+string(e.Result), true)
		w.visit("deferred by Retry-After", e.Result == CacheStale && w.now.Before(s.endpoint(e.Origin).notBefore))
	case Failing:
		w.visit("failing", e.First)
		w.visit("failing for another reason", !e.First)
	case Recovered:
		w.visit("recovered", true)
		w.visit("recovered by probe", e.Probe)
	case Switched:
		w.visit("replica switched", true)
	}
}

// endpoint returns the endpoint that an event is about.
func (s *coreUpstream) endpoint(at Origin) *coreEndpoint {
	for i, r := range s.core.replicas {
		if r.name == at.Replica {
			return &s.services[i].endpoints[at.Endpoint]
		}
	}
	s.w.fail("%s: event of unknown replica %q", s.u.Name, at.Replica)
	return nil
}

// checkAttempt checks an attempt, its retry and its breaker.
func (w *coreWorld) checkAttempt(s *coreUpstream, q *coreRequest, a Attempt) {
	settings, ep := &s.u.Settings, s.endpoint(a.Origin)
	w.visit("detected mixnodes", a.Detecting && a.Failure == nil)
	w.visit("mixnodes not detected", a.Detecting && a.Failure != nil)
	if a.Detecting {
		return
	}
	if a.Number > settings.Attempts {
		w.fail("%s %v: attempt %d, at most %d are allowed", s.u.Name, a.Endpoint, a.Number, settings.Attempts)
	}
	w.visit("no budget", a.NoBudget)
	if q != nil && q.endpoint == a.Endpoint && q.generation != ep.generation {
		return // the endpoint was replaced when the API changed
	}
	half := ep.state == breaker.HalfOpen
	switch {
	case a.Failure == nil:
		w.visit("half_open to closed", half)
		ep.state, ep.streak = breaker.Closed, 0
	case a.Failure.Ignored:
		w.visit("ignored while half_open", half)
		w.visit("ignored while closed", !half)
	default:
		if ep.streak++; half || ep.streak >= settings.BreakerFailures {
			w.visit("half_open to open", half)
			w.visit("closed to open", !half)
			ep.state, ep.streak, ep.opened = breaker.Open, 0, w.now
		}
	}
	w.visit("retry in half_open refused", half && a.Failure != nil && a.Failure.Retry)
	w.visit("last attempt", a.Number == settings.Attempts && settings.Attempts > 1)
	w.visit("no room", a.Failure != nil && a.Failure.Retry && !a.Retry && !a.NoBudget && a.Number < settings.Attempts && ep.state == breaker.Closed)
	w.earn(0)
	const margin = 10 * time.Microsecond // for rounding errors
	if a.NoBudget && w.budget >= time.Second+margin {
		w.fail("%s %v: no retry for lack of budget, although it has %v", s.u.Name, a.Endpoint, w.budget)
	}
	if a.Retry {
		w.checkRetry(s, a, ep)
		if w.budget < time.Second-margin {
			w.fail("%s %v: retry although the budget has only %v", s.u.Name, a.Endpoint, w.budget)
		}
		w.budget = max(0, w.budget-time.Second)
	}
}

// checkRetry checks whether and when an attempt may be retried.
func (w *coreWorld) checkRetry(s *coreUpstream, a Attempt, ep *coreEndpoint) {
	settings := &s.u.Settings
	w.visit("retry", true)
	most := min(settings.MaxBackoff, settings.Backoff<<(a.Number-1))
	least := map[retry.Jitter]time.Duration{retry.Equal: most / 2, retry.None: most, retry.Full: 0}[settings.Jitter]
	if after := ep.notBefore.Sub(w.now); after > 0 {
		least, most = max(least, after), max(most, after)
	}
	switch {
	case ep.state != breaker.Closed:
		w.fail("%s %v: retry although the breaker is %v", s.u.Name, a.Endpoint, ep.state)
	case !a.Failure.Retry || a.Failure.Ignored || a.Number >= settings.Attempts:
		w.fail("%s %v: retry after attempt %d, which failed with %v", s.u.Name, a.Endpoint, a.Number, a.Failure.Reason)
	case a.Wait < least || a.Wait > most:
		w.fail("%s %v: retry after %v, want %v to %v", s.u.Name, a.Endpoint, a.Wait, least, most)
	}
}
