package poll

import (
	"cmp"
	"hash/fnv"
	"net/url"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// replica is the state of collecting an upstream at one of its URLs. An upstream with
// one URL has one replica.
type replica struct {
	url         *url.URL
	index       int    // in order of preference
	name        string // value of the label replica, "" if the upstream has one URL
	wasParallel bool   // it may have several idle connections, from a parallel collection

	api             betanet.API      // V1 or MixnodesAPI
	tryV1           bool             // Auto: /mixnodes returned 404, so v1 is tried next
	mixnodesFailure *betanet.Failure // Auto: why /mixnodes failed after v1 returned 404
	endpoints       [betanet.NumEndpoints]*endpoint
	totals          fleet.Accumulator
}

// endpoint is the state of collecting one document.
type endpoint struct {
	record    snapshot.Record
	breaker   breaker.Breaker
	busy      bool      // being collected
	notFound  bool      // its last response was a 404
	notBefore time.Time // end of the last Retry-After
	wakeAt    time.Time // when to check whether a probe is due, zero for never
	attempts  uint64    // number so far
}

func newReplica(u *fleet.Upstream, base *url.URL, index int) *replica {
	r := &replica{url: base, index: index, api: u.API, totals: fleet.Accumulator{Histogram: u.Settings.Histogram}}
	if len(u.URLs) > 1 {
		r.name = fleet.HostPort(base)
	}
	if r.api == betanet.Auto {
		r.api = betanet.V1
	}
	for e := range r.endpoints {
		r.endpoints[e] = newEndpoint(u)
	}
	return r
}

func newEndpoint(u *fleet.Upstream) *endpoint {
	return &endpoint{breaker: breaker.New(u.Settings.BreakerFailures, u.Settings.BreakerOpen)}
}

// nextEndpoints returns the endpoints that the next collection requests.
func (r *replica) nextEndpoints() []betanet.Endpoint {
	if r.tryV1 {
		return betanet.V1.Endpoints()
	}
	return r.api.Endpoints()
}

// mayRequest reports whether the breaker and Retry-After both allow a request.
func (ep *endpoint) mayRequest(now time.Time) bool {
	return !ep.breaker.OpenUntil().After(now) && !ep.notBefore.After(now)
}

// probeAt returns when the probe of an open breaker is due, or the zero time if the breaker
// is not open.
func (ep *endpoint) probeAt() time.Time {
	at := ep.breaker.OpenUntil()
	if at.IsZero() || at.After(ep.notBefore) {
		return at
	}
	return ep.notBefore
}

// preferred returns the URLs of an upstream in order of preference. Rendezvous hashing of
// upstream, host and URL spreads upstreams and exporters over the replicas without
// coordination.
func preferred(u *fleet.Upstream, hostname string) []*url.URL {
	weight := func(base *url.URL) uint64 {
		h := fnv.New64a()
		for _, part := range []string{u.DisplayName(), hostname, base.String()} {
			h.Write([]byte(part))
			h.Write([]byte{0})
		}
		return mix(h.Sum64())
	}
	urls := slices.Clone(u.URLs)
	slices.SortStableFunc(urls, func(a, b *url.URL) int {
		return cmp.Compare(weight(b), weight(a)) // highest first
	})
	return urls
}

// mix applies the finalizer of MurmurHash3, because in FNV the last bytes do not affect all
// bits.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// needsFailover reports whether to try replicas other than r, because an endpoint of r
// failed in its last collection or has an open breaker.
func (c *core) needsFailover(r *replica) bool {
	return len(c.replicas) > 1 && slices.ContainsFunc(r.api.Endpoints(), func(e betanet.Endpoint) bool {
		return r.endpoints[e].record.Failure != nil || r.endpoints[e].breaker.OpenUntil().After(c.now)
	})
}

// failover continues the collection with the next of the other replicas, and switches to
// the first that has returned all documents. If none does, the replica in use remains and
// its last good values are stale. failover reports whether the collection continues.
func (c *core) failover(col *collection) (continues bool) {
	r := col.replica
	switch {
	case col.from == nil:
		if !c.needsFailover(r) || c.failingOver || c.inUse != r {
			return false
		}
		col.from, c.failingOver = r, true
	case r.isUp():
		c.switchReplica(col.from, r)
		return false
	default:
		r.forget(c.u)
	}
	for col.tried++; col.tried < len(c.replicas); col.tried++ {
		if c.closed || col.deadline.Sub(c.now) < min(time.Second, c.u.Settings.RequestTimeout) {
			return false
		}
		to := c.replicas[(col.from.index+col.tried)%len(c.replicas)]
		if all := to.nextEndpoints(); to.mayRequestAll(all, c.now) {
			to.tryV1 = false
			for _, e := range all {
				to.endpoints[e].busy = true
			}
			c.assign(col, to, all)
			return true
		}
	}
	return false
}

// isUp reports whether the last collection returned all documents.
func (r *replica) isUp() bool {
	return !slices.ContainsFunc(r.api.Endpoints(), func(e betanet.Endpoint) bool { return !r.endpoints[e].record.Up() })
}

// mayRequestAll reports whether all of the endpoints may be requested now.
func (r *replica) mayRequestAll(all []betanet.Endpoint, now time.Time) bool {
	return !slices.ContainsFunc(all, func(e betanet.Endpoint) bool { return r.endpoints[e].busy || !r.endpoints[e].mayRequest(now) })
}

// switchReplica switches to another replica. It drops the documents of the previous one,
// so that counters of two replicas are never mixed.
func (c *core) switchReplica(from, to *replica) {
	from.forget(c.u)
	c.inUse = to
	c.switches++
	c.do.changed = true
	c.report(Switched{c.u, from.name, to.name})
}

// forget drops the documents of a replica that is not in use, but keeps its failures.
func (r *replica) forget(u *fleet.Upstream) {
	for _, ep := range r.endpoints {
		ep.record = snapshot.Record{Tried: ep.record.Tried, Failure: ep.record.Failure, Since: ep.record.Since}
	}
	r.totals = fleet.Accumulator{Histogram: u.Settings.Histogram}
}
