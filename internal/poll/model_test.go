package poll

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
)

// model computes the expected behaviour for one upstream as a list of events, without
// goroutines, contexts or clocks. From the code under test it takes only the names of
// endpoints, states and reasons, and the time of the first scheduled collection. Times are
// relative to the start.
type model struct {
	scenario
	now       time.Duration
	todo      []todo // actions that are scheduled
	requested [betanet.NumEndpoints]int
	lines     []line

	api        betanet.API
	tryV1      bool
	collecting bool // a collection of all endpoints is running
	running    int  // number of running collections
	endpoints  [betanet.NumEndpoints]*modelEndpoint
	resets     uint64
	latencies  uint64
	schedule   time.Duration // time of the first scheduled collection
	messages   uint64        // of mixnode a, summed over increases
	last       uint64        // last value of mixnode a
	listed     bool          // mixnode a was in a document
	budget     time.Duration // of retries, in the unit of earn
	refilled   time.Duration // when the budget was last refilled
}

type todo struct {
	at time.Duration
	do func()
}

type modelEndpoint struct {
	brk       *modelBreaker
	busy      bool
	notBefore time.Duration
	notFound  bool // its last response was a 404
	attempts  int

	tried     bool
	value, at *time.Duration // of the last good document
	failing   betanet.Reason
	since     time.Duration
}

// modelBreaker is the state of a breaker.
type modelBreaker struct {
	state      breaker.State
	streak     uint32
	until      time.Duration
	generation int
}

func newModel(s scenario, schedule time.Duration) *model {
	m := &model{scenario: s, schedule: schedule, api: s.API, budget: 15 * time.Second}
	if m.api == betanet.Auto {
		m.api = betanet.V1
	}
	for e := range m.endpoints {
		m.endpoints[e] = &modelEndpoint{brk: new(modelBreaker), notBefore: -1}
	}
	m.at(0, func() { m.collectAll(0) })
	m.at(schedule, m.tick)
	for _, d := range s.OnDemand {
		m.at(d, m.collectNow)
	}
	return m
}

// at schedules an action.
func (m *model) at(t time.Duration, do func()) { m.todo = append(m.todo, todo{t, do}) }

func (m *model) record(format string, args ...any) {
	m.lines = append(m.lines, line{m.now, fmt.Sprintf(format, args...)})
}

// until runs the actions that are due up to a time.
func (m *model) until(end time.Duration) {
	for {
		first := -1
		for i, d := range m.todo {
			if d.at <= end && (first < 0 || d.at < m.todo[first].at) {
				first = i
			}
		}
		if first < 0 {
			m.now = end
			return
		}
		d := m.todo[first]
		m.todo = slices.Delete(m.todo, first, first+1)
		m.now = d.at
		d.do()
	}
}

func (m *model) tick() {
	m.at(m.now+m.Settings.Interval, m.tick)
	if m.collecting {
		m.record("skipped 1")
		return
	}
	m.collectAll(0)
}

func (m *model) collectNow() {
	if !m.collecting {
		m.collectAll(m.Settings.TTL)
	}
}

// collectAll starts a collection of all endpoints that may be requested and were not fetched
// within the TTL.
func (m *model) collectAll(ttl time.Duration) {
	api := m.api
	if m.tryV1 {
		api, m.tryV1 = betanet.V1, false
	}
	var free []betanet.Endpoint
	for _, e := range api.Endpoints() {
		ep := m.endpoints[e]
		switch {
		case ep.busy:
		case ep.value != nil && ep.failing == "" && m.now-*ep.at < ttl:
			m.record("%v from the cache: hit", e)
		case (ep.brk.state != breaker.Open || ep.brk.until <= m.now) && ep.notBefore <= m.now:
			free = append(free, e)
		case m.shown(ep):
			m.record("%v from the cache: stale", e)
		}
	}
	if len(free) > 0 {
		m.collecting = true
		m.collect(m.now, free, func() { m.collecting = false })
	}
}

// shown reports whether the last good document of an endpoint is still shown.
func (m *model) shown(ep *modelEndpoint) bool {
	return ep.value != nil && (m.Settings.MaxStale == 0 || m.now-*ep.at < m.Settings.MaxStale)
}

// state returns the expected return value of harness.state.
func (m *model) state() string {
	var b strings.Builder
	up, tried, failed, shown := true, true, false, false
	for _, e := range m.api.Endpoints() {
		ep := m.endpoints[e]
		up, tried = up && ep.tried && ep.failing == "", tried && ep.tried
		failed, shown = failed || ep.failing != "", shown || m.shown(ep)
	}
	word := "pending"
	switch {
	case up:
		word = "up"
	case failed && shown:
		word = "stale"
	case tried:
		word = "down"
	}
	fmt.Fprintf(&b, "api %v up %v tried %v state %v resets %d latencies %d", m.api, up, tried, word, m.resets, m.latencies)
	for _, e := range m.api.Endpoints() {
		ep := m.endpoints[e]
		if e == betanet.Mixnodes && m.shown(ep) {
			fmt.Fprintf(&b, " messages %d", m.messages)
		}
		value, of, since := "nothing", time.Duration(-1), time.Duration(-1)
		if ep.at != nil {
			of = *ep.at
		}
		if m.shown(ep) {
			value = fmt.Sprint(int64(*ep.value))
		}
		if ep.failing != "" {
			since = ep.since
		}
		stale := ep.failing != "" && m.shown(ep)
		state := map[bool]string{true: "stale", false: "down"}[stale]
		switch {
		case !ep.tried:
			state = "pending"
		case ep.failing == "":
			state = "up"
		}
		until := time.Duration(-1)
		if ep.brk.state == breaker.Open {
			until = ep.brk.until
		}
		fmt.Fprintf(&b, "\n%v %v shows %s of %v", e, state, value, of)
		fmt.Fprintf(&b, " stale %v failing %q since %v; %v until %v", stale, ep.failing, since, ep.brk.state, until)
		if m.running == 0 {
			fmt.Fprintf(&b, "; not before %v, %d attempts", ep.notBefore, ep.attempts)
		}
	}
	return b.String()
}

// compare runs a scenario and returns the first difference between poller and model.
func compare(t *testing.T, s scenario) (diff string) {
	var m *model
	runScenario(t, s, func(h *harness, at time.Duration) {
		if diff != "" {
			return
		}
		if m == nil {
			m = newModel(s, firstTick(h.upstream, h.start).Sub(h.start))
		}
		m.until(at)
		h.mu.Lock()
		lines := sorted(h.lines)
		h.mu.Unlock()
		want := sorted(m.lines)
		for i := range min(len(lines), len(want)) {
			if lines[i] != want[i] {
				diff = fmt.Sprintf("line %d:\ngot  %v\nwant %v\nbefore: %v", i, lines[i], want[i], lines[max(0, i-15):i])
				return
			}
		}
		if len(lines) != len(want) {
			diff = fmt.Sprintf("at %v: got %d lines, want %d; extra or missing lines: %v", at, len(lines), len(want), append(lines, want...)[min(len(lines), len(want)):])
			return
		}
		if d := cmp.Diff(m.state(), h.state(m.running == 0)); d != "" {
			diff = fmt.Sprintf("state at %v (-want +got):\n%s", at, d)
		}
	})
	return diff
}

// Whatever the upstream sends, every request, attempt, wait, breaker state, cache result
// and shown value matches the model to the nanosecond.
func TestCollectionsMatchTheModel(t *testing.T) {
	for name, c := range map[string]struct {
		api     betanet.API
		changes int // maximum number of API changes; -1 means one at the start
	}{
		"v1": {betanet.V1, 0}, "mixnodes": {betanet.MixnodesAPI, 0},
		"auto": {betanet.Auto, 0}, "auto, mixnodes": {betanet.Auto, -1}, "auto, replaced": {betanet.Auto, 4},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				s := drawScenario(r, c.api, c.changes)
				if diff := compare(t, s); diff != "" {
					r.Fatalf("%+v\n%s", s, diff)
				}
			})
		})
	}
}
