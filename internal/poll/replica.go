package poll

import (
	"hash/fnv"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// replica is the state of collecting one upstream at one of its URLs. Of an
// upstream with one URL it is all there is. Its fields are guarded by the
// upstream's mutex.
type replica struct {
	*upstream
	url    *url.URL
	name   string // value of the label replica, "" of an upstream with one URL
	client *betanet.Client
	spread atomic.Bool // several connections may rest

	api       betanet.API      // V1 or MixnodesAPI
	askV1     bool             // Auto: /mixnodes answered 404, so v1 is asked next
	refused   *betanet.Failure // Auto: why /mixnodes gave no document when it was asked after v1's 404s
	endpoints [betanet.NumEndpoints]endpoint
	totals    fleet.Accumulator
}

// endpoint is the state of collecting one document.
type endpoint struct {
	record    snapshot.Record
	breaker   *breaker.Breaker
	busy      bool // a collection of it is running
	notBefore time.Time
	attempts  uint64
	notFound  bool // its last answer was 404
}

func newReplica(s *upstream, base *url.URL) (*replica, error) {
	client, err := betanet.NewClient(base, s.u.HTTP, betanet.Options{
		UserAgent: s.p.o.UserAgent,
		Dial:      s.dial(),
		// A connection must outlast the pause between two collections.
		IdleTimeout: 2*s.u.Settings.Interval + time.Minute,
	})
	if err != nil {
		return nil, err
	}
	r := &replica{upstream: s, url: base, client: client, api: s.u.API, totals: fleet.Accumulator{Histogram: s.u.Settings.Histogram}}
	if len(s.u.URLs) > 1 {
		r.name = fleet.HostPort(base)
	}
	if r.api == betanet.Auto {
		r.api = betanet.V1
	}
	for e := range r.endpoints {
		r.endpoints[e] = r.pristine()
	}
	return r, nil
}

func (r *replica) pristine() endpoint {
	return endpoint{breaker: breaker.New(r.u.Settings.BreakerFailures, r.u.Settings.BreakerOpen)}
}

// preferred are the URLs of an upstream, sorted by a hash of upstream, host and
// URL: rendezvous hashing spreads many upstreams and many exporters over the
// replicas without any agreement.
func preferred(u *fleet.Upstream, hostname string) []*url.URL {
	weight := func(base *url.URL) uint64 {
		h := fnv.New64a()
		for _, part := range []string{u.Title(), hostname, base.String()} {
			h.Write([]byte(part))
			h.Write([]byte{0})
		}
		return mix(h.Sum64())
	}
	urls := slices.Clone(u.URLs)
	slices.SortStableFunc(urls, func(a, b *url.URL) int {
		if weight(a) > weight(b) {
			return -1
		}
		return 1
	})
	return urls
}

// mix spreads the last bytes of a hash over all of its bits, which FNV does not
// (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// hasToMove reports whether an upstream with replicas should look for another
// than this one: an endpoint failed in its last collection or is held back by
// its breaker.
func (s *upstream) hasToMove(r *replica) bool {
	if len(s.replicas) == 1 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.broken(time.Now())
}

// broken is hasToMove for the caller that holds the mutex.
func (r *replica) broken(now time.Time) bool {
	for _, e := range r.api.Endpoints() {
		ep := &r.endpoints[e]
		if ep.record.Failure != nil || ep.breaker.OpenUntil().After(now) {
			return true
		}
	}
	return false
}

// move looks for a replica that gives all documents, in what is left of the
// collection, and makes it the one in use. None left: the one in use stays, and
// its last good values are stale.
func (s *upstream) move(lim limit, from *replica) {
	if !s.hasToMove(from) {
		return
	}
	s.mu.Lock()
	busy := s.moving || s.inUse != from
	s.moving = s.moving || !busy
	s.mu.Unlock()
	if busy {
		return
	}
	defer func() {
		s.mu.Lock()
		s.moving = false
		s.mu.Unlock()
	}()
	at := slices.Index(s.replicas, from)
	for i := 1; i < len(s.replicas); i++ {
		to := s.replicas[(at+i)%len(s.replicas)]
		if lim.ctx.Err() != nil || lim.left() < min(time.Second, s.u.Settings.RequestTimeout) {
			return
		}
		if to.refetch(lim) {
			s.use(from, to)
			return
		}
	}
}

// refetch gets all documents of a replica that is not in use, and reports
// whether it could.
func (r *replica) refetch(lim limit) bool {
	r.mu.Lock()
	all := r.api.Endpoints()
	now := time.Now()
	for _, e := range all {
		ep := &r.endpoints[e]
		if ep.busy || ep.breaker.OpenUntil().After(now) || ep.notBefore.After(now) {
			r.mu.Unlock()
			return false
		}
	}
	for _, e := range all {
		r.endpoints[e].busy = true
	}
	r.mu.Unlock()
	r.collect(lim, all)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.api.Endpoints() {
		if !r.endpoints[e].record.Up() {
			r.forget()
			return false
		}
	}
	return true
}

// use switches from one replica to another. The series of the old one end, so
// that two counters are never spliced.
func (s *upstream) use(from, to *replica) {
	s.mu.Lock()
	from.forget()
	s.inUse = to
	s.switches++
	s.publish()
	s.mu.Unlock()
	s.p.o.Report(Switched{s.u, from.name, to.name})
}

// forget drops the documents of a replica that is not in use. Why it failed
// stays. The caller holds the mutex.
func (r *replica) forget() {
	for e := range r.endpoints {
		rec := &r.endpoints[e].record
		*rec = snapshot.Record{Tried: rec.Tried, Failure: rec.Failure, Since: rec.Since}
	}
	r.totals = fleet.Accumulator{Histogram: r.u.Settings.Histogram}
}

// claim takes the endpoints that may be asked now and marks them busy. What was
// fetched within the TTL, or is held back by its breaker or by a Retry-After, is
// answered by the cache instead.
func (r *replica) claim(ttl time.Duration) []betanet.Endpoint {
	r.mu.Lock()
	api := r.api
	if r.askV1 {
		api = betanet.V1
		r.askV1 = false
	}
	var free []betanet.Endpoint
	var cached []Cache
	now := time.Now()
	for _, e := range api.Endpoints() {
		ep := &r.endpoints[e]
		switch {
		case ep.busy:
		case ep.record.Fresh(now, ttl):
			cached = append(cached, Cache{r.source(e), Hit})
		case !ep.breaker.OpenUntil().After(now) && !ep.notBefore.After(now):
			ep.busy = true
			free = append(free, e)
		case ep.record.Current(now, r.u.Settings.MaxStale) != nil:
			cached = append(cached, Cache{r.source(e), Stale})
		}
	}
	r.publish() // the next point of the grid has changed
	r.mu.Unlock()
	for _, c := range cached {
		r.p.o.Report(c)
	}
	return free
}

// release marks an endpoint as no longer busy.
func (r *replica) release(e betanet.Endpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endpoints[e].busy = false
}

// wakeTime is when an open breaker's probe is made, zero if it is not open.
// The caller holds the mutex.
func (r *replica) wakeTime(e betanet.Endpoint) time.Time {
	at := r.endpoints[e].breaker.OpenUntil()
	if at.IsZero() || at.After(r.endpoints[e].notBefore) {
		return at
	}
	return r.endpoints[e].notBefore
}

func (r *replica) source(e betanet.Endpoint) Source { return Source{r.u, r.name, e} }

// endpointView is an endpoint as it is now. The caller holds the mutex.
func (r *replica) endpointView(e betanet.Endpoint) fleet.EndpointView {
	ep := &r.endpoints[e]
	next := r.next
	if at := r.wakeTime(e); !at.IsZero() {
		next = at
	} else if !next.IsZero() {
		for next.Before(ep.notBefore) {
			next = next.Add(r.u.Settings.Interval)
		}
	}
	return fleet.EndpointView{
		Endpoint: e, Record: ep.record, Breaker: ep.breaker.State(), OpenUntil: ep.breaker.OpenUntil(),
		NotBefore: ep.notBefore, Next: next, Attempts: ep.attempts,
	}
}
