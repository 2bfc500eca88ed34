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

// ExporterMetrics count what the exporter does, over all upstreams so that a large
// fleet stays cheap. The label sets are closed and all series exist from the start,
// except those of the endpoints of an API, which exist once an upstream speaks it.
// The counters are not client_golang's, because a scrape of one upstream would take
// several times as long (docs/adr/0003-rendered-lines.md). All methods may be called
// at the same time.
type ExporterMetrics struct {
	attempts, transitions, retries [betanet.NumEndpoints]counterVec
	cache, rejected, pushes        counterVec
	durations, delay               fleet.Histogram
	inUse                         [betanet.NumEndpoints]atomic.Bool // the endpoint is of an API in use
	collections, skipped, exhausted, upstreams,
	reloadFailed, reloadedAt atomic.Int64 // reloadedAt in Unix milliseconds
	pushing  atomic.Bool  // without it nothing is pushed
	pushedAt atomic.Int64 // in Unix milliseconds, 0 before the first success

	mu      sync.Mutex
	sources map[string]Discovery
}

// counterVec has a counter for each value of a label whose values are a closed set.
type counterVec struct {
	values, labels []string
	n              []atomic.Uint64
}

// newCounterVec returns counters at 0, with other labels before that of the value.
func newCounterVec(before, name string, values []string) counterVec {
	c := counterVec{values: values, n: make([]atomic.Uint64, len(values))}
	for _, v := range values {
		c.labels = append(c.labels, before+label(name, v))
	}
	return c
}

func (c *counterVec) inc(value string) { c.n[slices.Index(c.values, value)].Add(1) }

func (c *counterVec) write(w *lines) {
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

func newExporterMetrics() *ExporterMetrics {
	m := &ExporterMetrics{
		cache: newCounterVec("", "result", cacheResults), rejected: newCounterVec("", "reason", rejections), pushes: newCounterVec("", "result", pushResults),
		sources: make(map[string]Discovery), durations: fleet.NewHistogram(), delay: fleet.NewHistogram(),
	}
	for e := range betanet.NumEndpoints {
		m.attempts[e] = newCounterVec(endpointLabel[e]+",", "result", results)
		m.transitions[e] = newCounterVec(endpointLabel[e]+",", "state", states)
		m.retries[e] = newCounterVec("", "endpoint", []string{e.String()})
	}
	return m
}

// Failing reports whether a source of discovery cannot be read, or the last
// reload failed.
func (m *ExporterMetrics) Failing() bool {
	return m.reloadFailed.Load() != 0 || m.anySource(func(d Discovery) bool { return d.Tried && !d.Up })
}

// Attempt counts a request that ended with a document, where reason is empty,
// or with a failure.
func (m *ExporterMetrics) Attempt(e betanet.Endpoint, reason betanet.Reason, took time.Duration) {
	result := string(reason)
	if result == "" {
		result = "success"
	}
	m.markInUse(e.API())
	m.attempts[e].inc(result)
	m.durations.Observe(took.Seconds())
}

// noteAPI notes which API an upstream noteAPI, once that is known: the series of
// the endpoints of an API exist from then on.
func (m *ExporterMetrics) noteAPI(v *fleet.View) {
	switch {
	case v.Upstream.API != betanet.Auto:
		m.markInUse(v.Upstream.API)
	case v.API == betanet.MixnodesAPI || slices.ContainsFunc(v.Endpoints, func(e fleet.EndpointView) bool { return e.Doc != nil }):
		m.markInUse(v.API)
	}
}

func (m *ExporterMetrics) markInUse(api betanet.API) {
	for _, e := range api.Endpoints() {
		if !m.inUse[e].Load() {
			m.inUse[e].Store(true)
		}
	}
}

// writeInUse writes the counters of the endpoints of the APIs that are in use.
func (m *ExporterMetrics) writeInUse(w *lines, all *[betanet.NumEndpoints]counterVec) {
	for e := range all {
		if m.inUse[e].Load() {
			all[e].write(w)
		}
	}
}

// Retry counts a request that will be made again.
func (m *ExporterMetrics) Retry(e betanet.Endpoint) { m.retries[e].inc(e.String()) }

// BudgetExhausted counts a retry that was not made.
func (m *ExporterMetrics) BudgetExhausted() { m.exhausted.Add(1) }

// Transition counts a state that a breaker entered.
func (m *ExporterMetrics) Transition(e betanet.Endpoint, to breaker.State) {
	m.transitions[e].inc(to.String())
}

// Cache counts an answer of the cache: hit, miss or stale.
func (m *ExporterMetrics) Cache(result string) { m.cache.inc(result) }

// Collection counts a collection that started.
func (m *ExporterMetrics) Collection() { m.collections.Add(1) }

// Delay records how long after it was due a collection started.
func (m *ExporterMetrics) Delay(d time.Duration) { m.delay.Observe(max(0, d).Seconds()) }

// Skipped counts collections that were not made.
func (m *ExporterMetrics) Skipped(n int) { m.skipped.Add(int64(n)) }

// Rejected counts something inbound that was turned away, for one of the
// reasons above.
func (m *ExporterMetrics) Rejected(reason string) { m.rejected.inc(reason) }

// Upstreams records how many upstreams there are, polled or only probed.
func (m *ExporterMetrics) Upstreams(n int) { m.upstreams.Store(int64(n)) }

// UpstreamCount is how many upstreams there are.
func (m *ExporterMetrics) UpstreamCount() int { return int(m.upstreams.Load()) }

// Reloaded records whether the configuration was loaded.
func (m *ExporterMetrics) Reloaded(ok bool, at time.Time) {
	if !ok {
		m.reloadFailed.Store(1)
		return
	}
	m.reloadFailed.Store(0)
	m.reloadedAt.Store(at.UnixMilli())
}

// Pushing says that the series are pushed too, from now on.
func (m *ExporterMetrics) Pushing() { m.pushing.Store(true) }

// Pushed counts a push by how it ended: success, partial or failure.
func (m *ExporterMetrics) Pushed(result string, at time.Time) {
	m.pushes.inc(result)
	if result == "success" {
		m.pushedAt.Store(at.UnixMilli())
	}
}
