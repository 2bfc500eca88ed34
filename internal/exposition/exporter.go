package exposition

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// ExporterMetrics counts what the exporter does. Its series cover all upstreams
// together, so that a large fleet stays cheap. The label sets are closed, and all series
// exist from the start, except the series of endpoints, which exist once an upstream
// speaks their API.
//
// It does not use client_golang's counters, because with them a scrape of one upstream
// would take several times as long (docs/adr/0003-rendered-lines.md). All methods are
// safe for concurrent use.
type ExporterMetrics struct {
	attempts, transitions, retries [betanet.NumEndpoints]counterVec
	cache, rejected, pushes        counterVec
	durations, delay               fleet.Histogram
	inUse                          [betanet.NumEndpoints]atomic.Bool // an upstream speaks the endpoint's API

	collections, skipped, exhausted, upstreams atomic.Int64
	reloadFailed, pushing                      atomic.Bool
	reloadedAt, pushedAt                       atomic.Int64 // last successes in Unix milliseconds; pushedAt is 0 before the first

	mu      sync.Mutex
	sources map[string]Discovery
}

// Discovery is the state of a discovery source.
type Discovery struct {
	Tried       bool // it was tried at least once, successfully or not
	Up          bool // everything in it could be read when last tried
	Targets     int  // valid targets in use, including duplicates
	Duplicates  int  // targets left out because their name is taken
	Rejected    int  // targets left out because they are not valid
	LastSuccess time.Time
	Err         string // why something could not be read; empty if Up
}

// counterVec has a counter for each value of a label with a closed set of values.
type counterVec struct {
	values, labels []string
	n              []atomic.Uint64
}

// newCounterVec returns counters at 0. prefix contains the labels before name.
func newCounterVec(prefix, name string, values []string) counterVec {
	c := counterVec{values: values, n: make([]atomic.Uint64, len(values))}
	for _, v := range values {
		c.labels = append(c.labels, prefix+label(name, v))
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

// The reasons for rejecting an inbound request or connection.
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

// Failing reports whether a discovery source cannot be read or the last reload failed.
func (m *ExporterMetrics) Failing() bool {
	return m.reloadFailed.Load() || m.anySource(func(d Discovery) bool { return d.Tried && !d.Up })
}

// Attempt counts a finished request. reason is empty if it returned a document.
func (m *ExporterMetrics) Attempt(e betanet.Endpoint, reason betanet.Reason, took time.Duration) {
	result := string(reason)
	if result == "" {
		result = "success"
	}
	m.markInUse(e.API())
	m.attempts[e].inc(result)
	m.durations.Observe(took.Seconds())
}

// markAPI marks the API that an upstream speaks as in use, once it is known.
func (m *ExporterMetrics) markAPI(v *fleet.View) {
	switch {
	case v.Upstream.API != betanet.Auto:
		m.markInUse(v.Upstream.API)
	case v.API == betanet.MixnodesAPI || slices.ContainsFunc(v.Endpoints, func(e fleet.EndpointView) bool { return e.Doc != nil }):
		m.markInUse(v.API)
	}
}

// markInUse makes the series of an API's endpoints exist.
func (m *ExporterMetrics) markInUse(api betanet.API) {
	for _, e := range api.Endpoints() {
		if !m.inUse[e].Load() { // a load is cheaper than a store
			m.inUse[e].Store(true)
		}
	}
}

// writeInUse writes the counters of the endpoints whose API is in use.
func (m *ExporterMetrics) writeInUse(w *lines, all *[betanet.NumEndpoints]counterVec) {
	for e := range all {
		if m.inUse[e].Load() {
			all[e].write(w)
		}
	}
}

// Retry counts a retry that will be made.
func (m *ExporterMetrics) Retry(e betanet.Endpoint) { m.retries[e].inc(e.String()) }

// BudgetExhausted counts a retry that was not made because the budget was empty.
func (m *ExporterMetrics) BudgetExhausted() { m.exhausted.Add(1) }

// Transition counts a breaker's change to a state.
func (m *ExporterMetrics) Transition(e betanet.Endpoint, to breaker.State) {
	m.transitions[e].inc(to.String())
}

// Cache counts a request to the cache by its result: hit, miss or stale.
func (m *ExporterMetrics) Cache(result string) { m.cache.inc(result) }

// Collection counts the start of a collection.
func (m *ExporterMetrics) Collection() { m.collections.Add(1) }

// Delay records how late a collection started.
func (m *ExporterMetrics) Delay(d time.Duration) { m.delay.Observe(max(0, d).Seconds()) }

// Skipped counts collections that were due but not made.
func (m *ExporterMetrics) Skipped(n int) { m.skipped.Add(int64(n)) }

// Rejected counts an inbound request or connection that was rejected. reason is one of
// the constants that begin with Rejected.
func (m *ExporterMetrics) Rejected(reason string) { m.rejected.inc(reason) }

// Upstreams records the number of configured and discovered upstreams.
func (m *ExporterMetrics) Upstreams(n int) { m.upstreams.Store(int64(n)) }

// UpstreamCount returns the number of upstreams.
func (m *ExporterMetrics) UpstreamCount() int { return int(m.upstreams.Load()) }

// Reloaded records whether the configuration could be loaded.
func (m *ExporterMetrics) Reloaded(ok bool, at time.Time) {
	m.reloadFailed.Store(!ok)
	if ok {
		m.reloadedAt.Store(at.UnixMilli())
	}
}

// Pushing enables the series about pushing.
func (m *ExporterMetrics) Pushing() { m.pushing.Store(true) }

// Pushed counts a push by its result: success, partial or failure.
func (m *ExporterMetrics) Pushed(result string, at time.Time) {
	m.pushes.inc(result)
	if result == "success" {
		m.pushedAt.Store(at.UnixMilli())
	}
}

// Discovered records the state of a discovery source.
func (m *ExporterMetrics) Discovered(source string, state Discovery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources[source] = state
}

// RemoveSource removes a discovery source that is no longer configured.
func (m *ExporterMetrics) RemoveSource(source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sources, source)
}

// Sources returns the state of each discovery source, by name.
func (m *ExporterMetrics) Sources() map[string]Discovery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.sources)
}

// DiscoveryTried reports whether every discovery source has been tried at least once.
func (m *ExporterMetrics) DiscoveryTried() bool {
	return !m.anySource(func(d Discovery) bool { return !d.Tried })
}

func (m *ExporterMetrics) anySource(is func(Discovery) bool) bool {
	for _, d := range m.Sources() {
		if is(d) {
			return true
		}
	}
	return false
}

// perSource returns a function that calls write for each discovery source, with its
// rendered label.
func perSource(write func(w *lines, source string, d Discovery)) func(*ExporterMetrics, *lines) {
	return func(m *ExporterMetrics, w *lines) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(m.sources)) {
			write(w, label("source", name), m.sources[name])
		}
	}
}
