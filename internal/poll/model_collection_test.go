package poll

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
)

// modelCollection is a collection of some endpoints.
type modelCollection struct {
	began, deadline time.Duration
	left            int                // number of endpoints that are not done
	undecided       []undecidedAttempt // attempts on v1 that returned 404 while the API is not known
	onEnd           func()
	reset           bool // a document showed a reset
}

type undecidedAttempt struct {
	e          betanet.Endpoint
	brk        *modelBreaker
	generation int
	probe      bool
	attempt    attemptSummary
}

func (m *model) collect(due time.Duration, endpoints []betanet.Endpoint, onEnd func()) {
	m.record("began %v late", m.now-due)
	m.running++
	c := &modelCollection{began: m.now, deadline: m.now + m.Settings.Timeout, left: len(endpoints), onEnd: onEnd}
	if m.now == 0 { // the initial collection ends before the schedule begins
		c.deadline = min(m.Settings.Timeout, m.schedule-(m.Settings.Interval-m.Settings.Timeout))
	}
	for _, e := range endpoints {
		m.endpoints[e].busy = true
	}
	for _, e := range endpoints {
		m.earn(time.Second / 5)
		m.attempt(c, e, m.endpoints[e].brk, 1)
	}
}

// done ends the collection of an endpoint. After the last endpoint it ends the collection,
// or detects the API first.
func (m *model) done(c *modelCollection) {
	if c.left--; c.left > 0 {
		return
	}
	end := func() {
		m.running--
		m.record("ended after %v", m.now-c.began)
		c.onEnd()
	}
	if len(c.undecided) == 0 {
		end()
		return
	}
	m.detectAPI(c, end)
}

// request makes a request and passes its result to then.
func (m *model) request(c *modelCollection, e betanet.Endpoint, then func(response, kind, time.Duration)) {
	start := m.now
	limit := min(start+m.Settings.RequestTimeout, c.deadline)
	var r response
	k := kind{reason: betanet.ReasonConnect, retry: true, after: -1}
	if !m.refuses(start) {
		m.record("request %v", e)
		r, k = m.responseTo(e, m.requested[e], start)
		m.requested[e]++
	}
	end := start + k.takes
	if end > limit {
		k, end = kind{reason: betanet.ReasonTimeout, retry: true, after: -1}, limit
	}
	if k.raw == "200 OK" {
		k.reason = ""
	} else {
		r.Value = 0
	}
	m.at(end, func() {
		m.endpoints[e].attempts++
		m.endpoints[e].notFound = k.status == 404
		then(r, k, end-start)
	})
}

func (m *model) attempt(c *modelCollection, e betanet.Endpoint, b *modelBreaker, n int) {
	ep := m.endpoints[e]
	if b.state == breaker.Open { // and its pause is over
		m.enter(e, b, breaker.HalfOpen, false)
	}
	probe, generation, recurring := b.state == breaker.HalfOpen, b.generation, ep.failing != ""
	m.request(c, e, func(r response, k kind, took time.Duration) {
		ep := m.endpoints[e]
		s := attemptSummary{endpoint: e, number: n, reason: k.reason, took: took, recurring: recurring}
		if k.reason == "" {
			m.record("%v", s)
			m.recordSuccess(e, b, generation, probe)
			if m.endpoints[e].brk == b {
				m.fetched(c, e, r.Value, probe)
			}
			m.release(e)
			m.done(c)
			return
		}
		if k.after >= 0 {
			ep.notBefore = m.now + k.after
		}
		if k.status == 404 && m.API == betanet.Auto && e != betanet.Mixnodes {
			c.undecided = append(c.undecided, undecidedAttempt{e, b, generation, probe, s})
			m.done(c)
			return
		}
		s.wait = max(k.after, min(m.Settings.MaxBackoff, m.Settings.Backoff<<(n-1)))
		again := k.retry && n < m.Settings.Attempts && c.deadline-m.now >= s.wait+min(time.Second, m.Settings.RequestTimeout)
		opens := m.willOpen(b, generation)
		if again && !opens {
			s.retry = m.pay()
			s.noBudget = !s.retry
		}
		m.record("%v", s)
		m.recordFailure(e, b, generation, probe)
		if s.retry {
			m.at(m.now+s.wait, func() { m.attempt(c, e, b, n+1) })
			return
		}
		if m.endpoints[e].brk == b {
			m.failed(e, k)
		}
		m.release(e)
		m.done(c)
	})
}

// detectAPI detects the API of the upstream and then calls end.
func (m *model) detectAPI(c *modelCollection, end func()) {
	mix := m.endpoints[betanet.Mixnodes]
	detect := !mix.busy && m.now < c.deadline && max(mix.brk.until, mix.notBefore) <= m.now
	for _, e := range betanet.V1.Endpoints() {
		detect = detect && m.endpoints[e].notFound
	}
	conclude := func(found bool, value uint64) {
		for _, w := range c.undecided {
			if !found {
				m.record("%v", w.attempt)
				m.recordFailure(w.e, w.brk, w.generation, w.probe)
				if m.endpoints[w.e].brk == w.brk {
					m.failed(w.e, kind{reason: betanet.ReasonHTTP4xx, status: 404})
				}
			}
			m.release(w.e)
		}
		if found {
			m.fetched(c, betanet.Mixnodes, value, false)
		}
		end()
	}
	if !detect {
		conclude(false, 0)
		return
	}
	mix.busy = true
	m.request(c, betanet.Mixnodes, func(r response, k kind, took time.Duration) {
		m.record("%v", attemptSummary{endpoint: betanet.Mixnodes, number: 1, reason: k.reason, took: took, recurring: true})
		if k.after >= 0 {
			mix.notBefore = m.now + k.after
		}
		m.release(betanet.Mixnodes)
		conclude(k.reason == "", r.Value)
	})
}

func (m *model) release(e betanet.Endpoint) { m.endpoints[e].busy = false }

func (m *model) fetched(c *modelCollection, e betanet.Endpoint, value uint64, probe bool) {
	api := betanet.V1
	if e == betanet.Mixnodes {
		api = betanet.MixnodesAPI
	}
	if api != m.api {
		for _, old := range m.api.Endpoints() { // drop the state of the other API
			ep := m.endpoints[old]
			m.endpoints[old] = &modelEndpoint{brk: new(modelBreaker), notBefore: -1, busy: ep.busy, attempts: ep.attempts}
		}
		m.api, m.latencies, m.messages, m.last, m.listed = api, 0, 0, 0, false
	}
	ep := m.endpoints[e]
	fell := ep.value != nil && time.Duration(value) < *ep.value || e == betanet.Mixnodes && value < m.last
	if fell && e != betanet.Nodes && !c.reset { // at most once per collection
		c.reset = true
		m.resets++
	}
	if e == betanet.Network {
		m.latencies++
	}
	if e == betanet.Mixnodes {
		if m.listed && (value > m.last || fell && value > 0) { // packets were sent since the previous document
			m.latencies++
		}
		m.listed = true
		if value < m.last {
			m.messages += value
		} else {
			m.messages += value - m.last
		}
		m.last = value
	}
	m.record("%v from the cache: miss", e)
	if ep.failing != "" {
		m.record("%v recovered after %v, probe %v", e, m.now-ep.since, probe)
	}
	v, at := time.Duration(value), m.now
	ep.value, ep.at, ep.tried, ep.failing = &v, &at, true, ""
}

func (m *model) failed(e betanet.Endpoint, k kind) {
	ep := m.endpoints[e]
	before, cached := ep.failing, m.shown(ep)
	ep.tried, ep.failing = true, k.reason
	if before == "" {
		ep.since = m.now
	}
	if e == betanet.Mixnodes && m.API == betanet.Auto && k.status == 404 {
		m.tryV1 = true
	}
	m.record("%v from the cache: %s", e, map[bool]string{true: "stale", false: "miss"}[cached])
	if before != k.reason {
		m.record("%v is failing: %s, first %v, cached %v", e, k.reason, before == "", cached)
	}
}

// earn refills the budget for the time that has passed and adds d. The budget is measured in
// the time that it takes to refill, so a token is one second.
func (m *model) earn(d time.Duration) {
	m.budget, m.refilled = min(15*time.Second, m.budget+m.now-m.refilled), m.now
	m.budget = min(15*time.Second, m.budget+d)
}

// pay takes a token and reports whether there was one.
func (m *model) pay() bool {
	m.earn(0)
	if m.budget < time.Second {
		return false
	}
	m.budget -= time.Second
	return true
}
