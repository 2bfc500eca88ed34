package poll

import (
	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// detectAPI decides what the 404s of a collection mean. If the last response of every v1
// endpoint was a 404, the same collection requests /mixnodes once. If that returns a
// valid document, the 404s are ignored. Otherwise they are failures whose text includes
// the failure of /mixnodes. That failure may be from an earlier collection, because the
// breaker and the Retry-After of /mixnodes apply here too.
//
// The last responses may also be from earlier collections: endpoints with open breakers
// are probed one at a time, so one collection may not request all of them.
func (c *core) detectAPI(col *collection) {
	r := col.replica
	for _, e := range betanet.V1.Endpoints() {
		if !r.endpoints[e].notFound {
			r.mixnodesFailure = nil
			c.conclude(col, result{})
			return
		}
	}
	mix := r.endpoints[betanet.Mixnodes]
	if mix.busy || c.closed || !c.now.Before(col.deadline) || !mix.mayRequest(c.now) {
		c.conclude(col, result{})
		return
	}
	mix.busy, col.detecting = true, true
	c.send(&fetch{endpoint: betanet.Mixnodes, fresh: true, collection: col})
}

// handleDetection processes the result of the request for /mixnodes.
func (c *core) handleDetection(col *collection, got result, attempt Attempt) {
	col.detecting = false
	mix := col.endpoints[betanet.Mixnodes]
	mix.busy = false
	if got.failure == nil || !got.failure.Ignored {
		c.report(attempt)
		col.mixnodesFailure = got.failure
	}
	if got.failure != nil {
		c.applyRetryAfter(mix, got.failure)
	}
	c.conclude(col, got)
}

// conclude ends the attempts that waited for the detection of the API. got is the result
// of the request for /mixnodes, or zero if none was made.
func (c *core) conclude(col *collection, got result) {
	for i := range col.progress {
		p := &col.progress[i]
		switch {
		case p.state != undecided:
		case got.doc != nil:
			p.target.breaker.Done(p.permit, breaker.Ignored, c.now)
			p.failure = nil
			c.settle(col, p)
		default:
			if col.mixnodesFailure != nil {
				p.failure = p.failure.AfterTrying(betanet.Mixnodes, col.mixnodesFailure)
				p.pending.Failure = p.failure
			}
			c.finish(col, p, *p.pending, false)
		}
	}
	if got.doc != nil {
		c.fetched(col, betanet.Mixnodes, got, false)
	}
}

// switchAPI switches to the API of an endpoint that returned a valid document. If that
// changes the API, it drops the state of the previous one.
func (r *replica) switchAPI(u *fleet.Upstream, e betanet.Endpoint) {
	api := e.API()
	if r.api == api {
		return
	}
	for _, old := range r.api.Endpoints() {
		busy, attempts := r.endpoints[old].busy, r.endpoints[old].attempts
		r.endpoints[old] = newEndpoint(u)
		r.endpoints[old].busy, r.endpoints[old].attempts = busy, attempts
	}
	r.totals, r.mixnodesFailure = fleet.Accumulator{Histogram: u.Settings.Histogram}, nil
	r.api = api
}
