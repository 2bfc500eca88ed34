package poll

import (
	"net/http"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// undecided reports whether a failure may only mean that the wrong API was
// asked: a 404 of v1 where the API is to be found out.
func (r *replica) undecided(e betanet.Endpoint, f *betanet.Failure) bool {
	return r.u.API == betanet.Auto && e != betanet.Mixnodes && f.Status == http.StatusNotFound
}

// settlePending finds out what the 404s of a collection mean. If the last
// answer of all of v1 is 404, the same collection asks for /mixnodes: after a
// valid document there the 404s count for nothing, after anything else they are
// failures that also say what /mixnodes answered. The last answer counts rather
// than this collection's, because endpoints whose breakers are open are probed
// one by one, and an upstream that was replaced by one of the other API would
// never be recognised.
func (c *collection) settlePending() {
	pending := func(a ask) bool { return a.pending != nil }
	if !slices.ContainsFunc(c.asks, pending) {
		return
	}
	got, refused := c.tryMixnodes(c.limit)
	for i := range c.asks {
		a := &c.asks[i]
		if !pending(*a) {
			continue
		}
		if got.doc != nil {
			a.pending.permit.Done(breaker.Ignored)
		} else {
			if refused != nil {
				a.failure = a.failure.AfterTrying(betanet.Mixnodes, refused)
				a.pending.attempt.Failure = a.failure
			}
			c.finish(a, a.pending.permit, breaker.Failure, a.pending.attempt)
			c.settle(a)
		}
		c.release(a.endpoint)
	}
	if got.doc != nil {
		c.fetched(betanet.Mixnodes, got, false)
	}
}

// tryMixnodes asks once for /mixnodes if all of v1 answered 404. refused is why
// that path gave no document when it was last asked, which may have been in an
// earlier collection: a Retry-After is observed here too.
func (r *replica) tryMixnodes(lim limit) (got reply, refused *betanet.Failure) {
	r.mu.Lock()
	all := true
	for _, e := range betanet.V1.Endpoints() {
		all = all && r.endpoints[e].notFound
	}
	now := time.Now()
	mix := &r.endpoints[betanet.Mixnodes]
	free := all && !mix.busy && lim.ctx.Err() == nil && lim.left() > 0 && !mix.breaker.OpenUntil().After(now) && !mix.notBefore.After(now)
	mix.busy = mix.busy || free
	if !all {
		r.refused = nil
	}
	refused = r.refused
	r.mu.Unlock()
	if !free {
		return reply{}, refused
	}
	defer r.release(betanet.Mixnodes)
	var l leash
	defer l.end()
	at := Attempt{Source: r.source(betanet.Mixnodes), Number: 1, Recurring: true, Detecting: true}
	got = r.attempt(lim, &l, &at, true)
	if got.failure == nil || !got.failure.Ignored {
		r.p.o.Report(at)
		refused = got.failure
	}
	if got.failure != nil {
		r.obey(betanet.Mixnodes, got.failure)
	}
	r.mu.Lock()
	r.refused = refused
	r.mu.Unlock()
	return got, refused
}

// switchTo makes the API of an endpoint that has just given a valid document
// the one in use. What belonged to the other goes. The caller holds
// the mutex.
func (r *replica) switchTo(e betanet.Endpoint) {
	api := e.API()
	if r.api == api {
		return
	}
	for _, old := range r.api.Endpoints() {
		busy, attempts := r.endpoints[old].busy, r.endpoints[old].attempts
		r.endpoints[old] = r.pristine()
		r.endpoints[old].busy, r.endpoints[old].attempts = busy, attempts
	}
	r.totals, r.refused = fleet.Accumulator{Histogram: r.u.Settings.Histogram}, nil
	r.api = api
}
