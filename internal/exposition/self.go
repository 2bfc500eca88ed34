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
// stays cheap. The label sets are closed and all series exist from the start.
// All methods may be called at the same time.
type Self struct {
	attempts    [betanet.NumEndpoints]map[string]*atomic.Uint64 // by result
	cache       map[string]*atomic.Uint64
	transitions [betanet.NumEndpoints][breaker.NumStates]atomic.Uint64
	retries     [betanet.NumEndpoints]atomic.Uint64
	rejected    map[string]*atomic.Uint64
	durations   fleet.Histogram
	delay       fleet.Histogram
	spoken      [betanet.NumEndpoints]atomic.Bool // the endpoint is of an API in use
	collections, skipped, exhausted, upstreams,
	reloadFailed, reloadedAt atomic.Int64 // reloadedAt in Unix milliseconds

	pushed   map[string]*atomic.Uint64 // by result; nothing is pushed if pushing is false
	pushing  atomic.Bool
	pushedAt atomic.Int64 // in Unix milliseconds, 0 before the first success

	mu      sync.Mutex
	sources map[string]Discovery
}

// Failing reports whether a source of discovery cannot be read, or the last
// reload failed.
func (s *Self) Failing() bool {
	return s.reloadFailed.Load() != 0 || s.anySource(func(d Discovery) bool { return d.Tried && !d.Up })
}

var (
	results      = append([]string{"success"}, reasons()...)
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
		cache: counters(cacheResults), rejected: counters(rejections), pushed: counters(pushResults), sources: make(map[string]Discovery),
		durations: fleet.NewHistogram(), delay: fleet.NewHistogram(),
	}
	for e := range s.attempts {
		s.attempts[e] = counters(results)
	}
	return s
}

func counters(names []string) map[string]*atomic.Uint64 {
	m := make(map[string]*atomic.Uint64, len(names))
	for _, n := range names {
		m[n] = new(atomic.Uint64)
	}
	return m
}

// Attempt counts a request that ended with a document, where reason is empty,
// or with a failure.
func (s *Self) Attempt(e betanet.Endpoint, reason betanet.Reason, took time.Duration) {
	result := string(reason)
	if result == "" {
		result = "success"
	}
	s.speak(e.API())
	s.attempts[e][result].Add(1)
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

// eachEndpoint calls do for the endpoints of the APIs that are in use.
func (s *Self) eachEndpoint(do func(betanet.Endpoint)) {
	for e := range betanet.NumEndpoints {
		if s.spoken[e].Load() {
			do(e)
		}
	}
}

// Retry counts a request that will be made again.
func (s *Self) Retry(e betanet.Endpoint) { s.retries[e].Add(1) }

// BudgetExhausted counts a retry that was not made.
func (s *Self) BudgetExhausted() { s.exhausted.Add(1) }

// Transition counts a state that a breaker entered.
func (s *Self) Transition(e betanet.Endpoint, to breaker.State) { s.transitions[e][to].Add(1) }

// Cache counts an answer of the cache: hit, miss or stale.
func (s *Self) Cache(result string) { s.cache[result].Add(1) }

// Collection counts a collection that started.
func (s *Self) Collection() { s.collections.Add(1) }

// Delay records how long after it was due a collection started.
func (s *Self) Delay(d time.Duration) { s.delay.Observe(max(0, d).Seconds()) }

// Skipped counts collections that were not made.
func (s *Self) Skipped(n int) { s.skipped.Add(int64(n)) }

// Rejected counts something inbound that was turned away, for one of the
// reasons above.
func (s *Self) Rejected(reason string) { s.rejected[reason].Add(1) }

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
	s.pushed[result].Add(1)
	if result == "success" {
		s.pushedAt.Store(at.UnixMilli())
	}
}

func (s *Self) writeAttempts(w *lines) {
	s.eachEndpoint(func(e betanet.Endpoint) {
		for i, r := range results {
			w.uint(resultLabels[e][i], s.attempts[e][r].Load())
		}
	})
}

func (s *Self) writeCache(w *lines) {
	for _, r := range cacheResults {
		w.uint(label("result", r), s.cache[r].Load())
	}
}

func (s *Self) writeTransitions(w *lines) {
	s.eachEndpoint(func(e betanet.Endpoint) {
		for state := range breaker.NumStates {
			w.uint(stateLabels[e][state], s.transitions[e][state].Load())
		}
	})
}

func (s *Self) writeRejected(w *lines) {
	for _, r := range rejections {
		w.uint(label("reason", r), s.rejected[r].Load())
	}
}

func (s *Self) writePushes(w *lines) {
	if !s.pushing.Load() {
		return
	}
	for _, r := range pushResults {
		w.uint(label("result", r), s.pushed[r].Load())
	}
}

func (s *Self) writePushTime(w *lines) {
	if at := s.pushedAt.Load(); at != 0 {
		w.unix("", time.UnixMilli(at))
	}
}

func (s *Self) writeRetries(w *lines) {
	s.eachEndpoint(func(e betanet.Endpoint) { w.uint(endpointLabel[e], s.retries[e].Load()) })
}

func (s *Self) writeDurations(w *lines)   { w.histogram("", s.durations.Snapshot()) }
func (s *Self) writeDelay(w *lines)       { w.histogram("", s.delay.Snapshot()) }
func (s *Self) writeSkipped(w *lines)     { w.uint("", uint64(s.skipped.Load())) }
func (s *Self) writeCollections(w *lines) { w.uint("", uint64(s.collections.Load())) }
func (s *Self) writeExhausted(w *lines)   { w.uint("", uint64(s.exhausted.Load())) }
func (s *Self) writeUpstreams(w *lines)   { w.uint("", uint64(s.upstreams.Load())) }
func (s *Self) writeReload(w *lines)      { w.bool("", s.reloadFailed.Load() == 0) }
func (s *Self) writeReloadTime(w *lines)  { w.unix("", time.UnixMilli(s.reloadedAt.Load())) }

// resultLabels are the label pairs of attempts, by endpoint and result.
var resultLabels = func() (l [betanet.NumEndpoints][]string) {
	for e := range l {
		for _, r := range results {
			l[e] = append(l[e], label("endpoint", betanet.Endpoint(e).String())+","+label("result", r))
		}
	}
	return l
}()
