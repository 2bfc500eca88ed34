package poll

import (
	"net/http"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
)

// undecided reports whether a failure may only mean that the wrong API was
// asked: a 404 of v1 where the API is to be found out.
func (r *replica) undecided(e betanet.Endpoint, f *betanet.Failure) bool {
	return r.u.API == betanet.Auto && e != betanet.Mixnodes && f.Status == http.StatusNotFound
}

// settlePending finds out what the 404s of a collection mean. If the last
// answer of all of v1 is 404, the same collection asks for /mixnodes: a valid
// document there takes the 404s back, anything else lets them stand. The last
// answer counts rather than this collection's, because endpoints whose breakers
// are open are probed one by one, and an upstream that was replaced by one of
// the other API would never be recognised.
func (r *replica) settlePending(lim limit, asks []ask) {
	pending := func(a ask) bool { return a.pending != nil }
	if !slices.ContainsFunc(asks, pending) {
		return
	}
	got := r.tryMixnodes(lim)
	for i := range asks {
		a := &asks[i]
		if !pending(*a) {
			continue
		}
		if got.doc != nil {
			a.pending.permit.Done(breaker.Ignored)
		} else {
			r.finish(a, a.pending.permit, breaker.Failure, a.pending.attempt)
			r.settle(a)
		}
		r.release(a.endpoint)
	}
	if got.doc != nil {
		r.fetched(betanet.Mixnodes, got, false)
	}
}

// tryMixnodes asks once for /mixnodes if all of v1 answered 404.
func (r *replica) tryMixnodes(lim limit) reply {
	r.mu.Lock()
	all := true
	for _, e := range betanet.V1.Endpoints() {
		all = all && r.endpoints[e].notFound
	}
	now := time.Now()
	mix := &r.endpoints[betanet.Mixnodes]
	free := all && !mix.busy && lim.ctx.Err() == nil && lim.left() > 0 && !mix.breaker.OpenUntil().After(now) && !mix.notBefore.After(now)
	mix.busy = mix.busy || free
	r.mu.Unlock()
	if !free {
		return reply{}
	}
	defer r.release(betanet.Mixnodes)
	var l leash
	defer l.end()
	at := Attempt{Source: r.source(betanet.Mixnodes), Number: 1, Recurring: true}
	got := r.attempt(lim, &l, &at, true)
	if got.failure == nil || !got.failure.Ignored {
		r.p.o.Report(at)
	}
	if got.failure != nil {
		r.obey(betanet.Mixnodes, got.failure)
	}
	return got
}

// switchTo makes the API of an endpoint that has just given a valid document
// the one in use. What belonged to the other goes. The caller holds
// the mutex.
func (r *replica) switchTo(e betanet.Endpoint) {
	api := betanet.V1
	if e == betanet.Mixnodes {
		api = betanet.MixnodesAPI
	}
	if r.api == api {
		return
	}
	for _, old := range r.api.Endpoints() {
		busy, attempts := r.endpoints[old].busy, r.endpoints[old].attempts
		r.endpoints[old] = r.pristine()
		r.endpoints[old].busy, r.endpoints[old].attempts = busy, attempts
	}
	r.totals.Restart()
	r.api = api
}
