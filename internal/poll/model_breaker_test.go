package poll

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
)

// enter changes the state of a breaker.
func (m *model) enter(e betanet.Endpoint, b *modelBreaker, s breaker.State, again bool) {
	b.state, b.streak, b.generation = s, 0, b.generation+1
	b.until = 0
	if s == breaker.Open {
		b.until = m.now + m.Settings.BreakerOpen + time.Millisecond
	}
	if m.endpoints[e].brk != b {
		return // it was replaced when the API changed
	}
	m.record("%v enters %v until %v again %v", e, s, b.until, again)
	if at, open := m.probeTime(e); open {
		m.at(at, func() { m.startProbe(e, at) })
	}
}

// willOpen reports whether the breaker is open after a failure of an attempt that began in
// the given generation.
func (m *model) willOpen(b *modelBreaker, generation int) bool {
	if b.generation != generation {
		return b.state == breaker.Open
	}
	return b.state == breaker.HalfOpen || b.streak+1 >= m.Settings.BreakerFailures
}

// recordFailure records a failed attempt.
func (m *model) recordFailure(e betanet.Endpoint, b *modelBreaker, generation int, probe bool) {
	if b.generation != generation {
		return
	}
	if m.willOpen(b, generation) {
		m.enter(e, b, breaker.Open, probe)
		return
	}
	b.streak++
}

// recordSuccess records a successful attempt.
func (m *model) recordSuccess(e betanet.Endpoint, b *modelBreaker, generation int, probe bool) {
	switch {
	case b.generation != generation:
	case probe:
		m.enter(e, b, breaker.Closed, false)
	default:
		b.streak = 0
	}
}

// probeTime returns when the probe of an open breaker is due.
func (m *model) probeTime(e betanet.Endpoint) (at time.Duration, open bool) {
	ep := m.endpoints[e]
	return max(ep.brk.until, ep.notBefore), ep.brk.state == breaker.Open
}

// startProbe starts the probe of an endpoint if it is due.
func (m *model) startProbe(e betanet.Endpoint, due time.Duration) {
	ep := m.endpoints[e]
	switch at, open := m.probeTime(e); {
	case !open || ep.busy:
	case at > m.now:
		m.at(at, func() { m.startProbe(e, at) })
	default:
		m.collect(due, []betanet.Endpoint{e}, func() {})
	}
}
