package poll

import (
	"context"
	"net/http"

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
func (r *replica) settlePending(ctx context.Context, endpoints []betanet.Endpoint, answers []answer) {
	var waiting []int
	for i := range answers {
		if answers[i].pending != nil {
			waiting = append(waiting, i)
		}
	}
	if len(waiting) == 0 {
		return
	}
	doc := r.tryMixnodes(ctx)
	for _, i := range waiting {
		p := answers[i].pending
		if doc != nil {
			p.permit.Done(breaker.Ignored)
		} else {
			r.finish(p.permit, breaker.Failure, p.attempt)
			r.settle(endpoints[i], answers[i])
		}
		r.release(endpoints[i])
	}
	if doc != nil {
		r.fetched(betanet.Mixnodes, doc, false)
	}
}

// tryMixnodes asks once for /mixnodes if all of v1 answered 404.
func (r *replica) tryMixnodes(ctx context.Context) betanet.Document {
	r.mu.Lock()
	all := true
	for _, e := range betanet.V1.Endpoints() {
		all = all && r.endpoints[e].notFound
	}
	free := all && !r.endpoints[betanet.Mixnodes].busy
	r.endpoints[betanet.Mixnodes].busy = r.endpoints[betanet.Mixnodes].busy || free
	r.mu.Unlock()
	if !free || ctx.Err() != nil {
		return nil
	}
	defer r.release(betanet.Mixnodes)
	at := Attempt{Source: r.source(betanet.Mixnodes), Number: 1, Recurring: true}
	doc, failure := r.attempt(ctx, &at, true)
	if failure == nil || !failure.Ignored {
		r.p.o.Report(at)
	}
	return doc
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
