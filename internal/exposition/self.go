package exposition

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Self counts what the exporter does, over all upstreams so that a large fleet
// stays cheap. The label sets are closed and all series exist from the start. The
// counters are not client_golang's: a scrape of one upstream would take several
// times as long (docs/adr/0003-rendered-lines.md). All methods may be called at the
// same time.
type Self struct {
	attempts, transitions, retries [betanet.NumEndpoints]counters
	cache, rejected, pushes        counters
	durations, delay               fleet.Histogram
	spoken                         [betanet.NumEndpoints]atomic.Bool // the endpoint is of an API in use
	collections, skipped, exhausted, upstreams,
	reloadFailed, reloadedAt atomic.Int64 // reloadedAt in Unix milliseconds
	pushing  atomic.Bool  // without it nothing is pushed
	pushedAt atomic.Int64 // in Unix milliseconds, 0 before the first success

	mu      sync.Mutex
	sources map[string]Discovery
}

// counters are one for each value of a closed set of labels.
type counters struct {
	values, labels []string
	n              []atomic.Uint64
}

// newCounters returns counters at 0, with other labels before that of the value.
func newCounters(before, name string, values []string) counters {
	c := counters{values: values, n: make([]atomic.Uint64, len(values))}
	for _, v := range values {
		c.labels = append(c.labels, before+label(name, v))
	}
	return c
}

func (c *counters) inc(value string) { c.n[slices.Index(c.values, value)].Add(1) }

func (c *counters) write(w *lines) {
	for i, l := range c.labels {
		w.uint(l, c.n[i].Load())
	}
}

var (
	results      = append([]string{"success"}, reasons()...)
	states       = []string{breaker.Closed.String(), breaker.HalfOpen.String(), breaker.Open.String()}
	cacheResults = []string{"hit", "miss", "stale"}
	pushResults  = []string{"failure", "partial", "success"}
	rejections   = []string{RejectedConnections, RejectedMaxRequests, RejectedSlowClient}
)

// The reasons for which something inbound is turned away.
const (
	RejectedConnections = "connections"
	RejectedMaxRequests = "max_requests"
	RejectedSlowClient  = "slow_client"
)

func reasons() (names []string) {
	for _, r := range betanet.Reasons() {
		names = append(names, string(r))
	}
	slices.Sort(names)
	return names
}

func newSelf() *Self {
	s := &Self{
		cache: newCounters("", "result", cacheResults), rejected: newCounters("", "reason", rejections), pushes: newCounters("", "result", pushResults),
		sources: make(map[string]Discovery), durations: fleet.NewHistogram(), delay: fleet.NewHistogram(),
	}
	for e := range betanet.NumEndpoints {
		s.attempts[e] = newCounters(endpointLabel[e]+",", "result", results)
		s.transitions[e] = newCounters(endpointLabel[e]+",", "state", states)
		s.retries[e] = newCounters("", "endpoint", []string{e.String()})
	}
	return s
}

// Failing reports whether a source of discovery cannot be read, or the last
// reload failed.
func (s *Self) Failing() bool {
	return s.reloadFailed.Load() != 0 || s.anySource(func(d Discovery) bool { return d.Tried && !d.Up })
}

// Attempt counts a request that ended with a document, where reason is empty,
// or with a failure.
func (s *Self) Attempt(e betanet.Endpoint, reason betanet.Reason, took time.Duration) {
	result := string(reason)
	if result == "" {
		result = "success"
	}
	s.speak(e.API())
	s.attempts[e].inc(result)
	s.durations.Observe(took.Seconds())
}

// speaks notes which API an upstream speaks, once that is known: the series of
// the endpoints of an API exist from then on.
func (s *Self) speaks(v *fleet.View) {
	switch {
	case v.Upstream.API != betanet.Auto:
		s.speak(v.Upstream.API)
	case v.API == betanet.MixnodesAPI || slices.ContainsFunc(v.Endpoints, func(e fleet.EndpointView) bool { return e.Doc != nil }):
		s.speak(v.API)
	}
}

func (s *Self) speak(api betanet.API) {
	for _, e := range api.Endpoints() {
		if !s.spoken[e].Load() {
			s.spoken[e].Store(true)
		}
	}
}

// inUse writes the counters of the endpoints of the APIs that are in use.
func (s *Self) inUse(w *lines, all *[betanet.NumEndpoints]counters) {
	for e := range all {
		if s.spoken[e].Load() {
			all[e].write(w)
		}
	}
}

// Retry counts a request that will be made again.
func (s *Self) Retry(e betanet.Endpoint) { s.retries[e].inc(e.String()) }

// BudgetExhausted counts a retry that was not made.
func (s *Self) BudgetExhausted() { s.exhausted.Add(1) }

// Transition counts a state that a breaker entered.
func (s *Self) Transition(e betanet.Endpoint, to breaker.State) { s.transitions[e].inc(to.String()) }

// Cache counts an answer of the cache: hit, miss or stale.
func (s *Self) Cache(result string) { s.cache.inc(result) }

// Collection counts a collection that started.
func (s *Self) Collection() { s.collections.Add(1) }

// Delay records how long after it was due a collection started.
func (s *Self) Delay(d time.Duration) { s.delay.Observe(max(0, d).Seconds()) }

// Skipped counts collections that were not made.
func (s *Self) Skipped(n int) { s.skipped.Add(int64(n)) }

// Rejected counts something inbound that was turned away, for one of the
// reasons above.
func (s *Self) Rejected(reason string) { s.rejected.inc(reason) }

// Upstreams records how many upstreams there are, polled or only probed.
func (s *Self) Upstreams(n int) { s.upstreams.Store(int64(n)) }

// UpstreamCount is how many upstreams there are.
func (s *Self) UpstreamCount() int { return int(s.upstreams.Load()) }

// Reloaded records whether the configuration was loaded.
func (s *Self) Reloaded(ok bool, at time.Time) {
	if !ok {
		s.reloadFailed.Store(1)
		return
	}
	s.reloadFailed.Store(0)
	s.reloadedAt.Store(at.UnixMilli())
}

// Pushing says that the series are pushed too, from now on.
func (s *Self) Pushing() { s.pushing.Store(true) }

// Pushed counts a push by how it ended: success, partial or failure.
func (s *Self) Pushed(result string, at time.Time) {
	s.pushes.inc(result)
	if result == "success" {
		s.pushedAt.Store(at.UnixMilli())
	}
}
