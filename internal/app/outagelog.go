package app

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// outageLog logs what goes wrong with upstreams in few lines. Endpoints of one
// upstream, and replica, that fail in the same way share a line. All methods may
// be called at the same time.
type outageLog struct {
	log *slog.Logger

	mu  sync.Mutex
	all map[*fleet.Upstream][]*outage // one for each URL
}

// outage is what is known of one upstream at one URL. It is kept while a
// collection runs or an endpoint fails.
type outage struct {
	upstream *fleet.Upstream
	replica  string // "" of an upstream with one URL

	running int       // collections
	touched time.Time // by the last event

	// Attempts of the collections that run, by their number.
	expected, ended []int
	attempts        []attemptGroup
	refused, stale  []endpointGroup
	opened          []betanet.Endpoint

	// Since the outage began.
	failing, expired, recovered endpointSet
	after                       time.Duration // the longest time that an endpoint failed
	circuit                     bool          // a breaker has opened
}

func newOutageLog(log *slog.Logger) *outageLog {
	return &outageLog{log: log, all: make(map[*fleet.Upstream][]*outage)}
}

// of returns the outage of an upstream at one of its URLs. The caller holds l.mu.
func (l *outageLog) of(u *fleet.Upstream, replica string) *outage {
	for _, o := range l.all[u] {
		if o.replica == replica {
			o.touched = time.Now()
			return o
		}
	}
	o := &outage{upstream: u, replica: replica, touched: time.Now()}
	l.all[u] = append(l.all[u], o)
	return o
}

// began notes a collection of some endpoints.
func (l *outageLog) began(e poll.Began) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.of(e.Upstream, e.Replica)
	o.running++
	o.expect(1, e.Endpoints)
}

func (o *outage) expect(number, n int) {
	for len(o.expected) <= number {
		o.expected, o.ended = append(o.expected, 0), append(o.ended, 0)
	}
	o.expected[number] += n
}

// attempt notes one that ended. A failure is logged with those of the other
// endpoints, when the last attempt of that number has ended; one of an outage that
// continues, and one that was canceled, at once and at debug.
func (l *outageLog) attempt(e poll.Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.of(e.Upstream, e.Replica)
	if e.Detecting {
		l.now(slog.LevelDebug, e)
		return
	}
	o.expect(e.Number, 0)
	o.ended[e.Number]++
	if e.Retry {
		o.expect(e.Number+1, 1)
	}
	switch {
	case e.Failure == nil:
	case e.Recurring || e.Failure.Reason == betanet.ReasonCanceled:
		l.now(slog.LevelDebug, e)
	default:
		o.add(e)
	}
	l.flushAttempts(o, false)
}

// now logs an attempt by itself.
func (l *outageLog) now(level slog.Level, e poll.Attempt) {
	if e.Failure == nil || !l.log.Enabled(context.Background(), level) {
		return // thousands a second, in an outage of many
	}
	g := newAttemptGroup(e)
	l.log.Log(context.Background(), level, g.message(), where(e.Upstream, e.Replica, g.endpoints)...)
}

func (o *outage) add(e poll.Attempt) {
	g := newAttemptGroup(e)
	for i := range o.attempts {
		if a := &o.attempts[i]; a.number == g.number && a.text == g.text && a.then == g.then {
			a.endpoints = append(a.endpoints, e.Endpoint)
			a.least, a.longest = min(a.least, g.least), max(a.longest, g.longest)
			return
		}
	}
	o.attempts = append(o.attempts, g)
}

// flushAttempts logs the attempts of each number of which the last has ended, or
// all of them.
func (l *outageLog) flushAttempts(o *outage, all bool) {
	complete := 0
	for n := 1; n < len(o.expected) && o.expected[n] > 0 && o.ended[n] >= o.expected[n]; n++ {
		complete = n
	}
	slices.SortStableFunc(o.attempts, func(a, b attemptGroup) int { return a.number - b.number })
	for len(o.attempts) > 0 && (all || o.attempts[0].number <= complete) {
		g := o.attempts[0]
		o.attempts = o.attempts[1:]
		l.log.Warn(g.message(), where(o.upstream, o.replica, g.endpoints)...)
	}
}

// transition notes a state that a breaker entered.
func (l *outageLog) transition(e poll.Transition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.of(e.Upstream, e.Replica)
	at := where(e.Upstream, e.Replica, []betanet.Endpoint{e.Endpoint})
	switch {
	case e.To == breaker.Closed: // its endpoint has recovered, which is logged
	case e.To == breaker.HalfOpen:
		l.log.Debug("Circuit breaker is half-open, sending one probe", at...)
	case e.Again:
		l.log.Debug("Circuit breaker stays open, the probe failed", append(at, "until", e.Until)...)
	default:
		o.circuit = true
		o.opened = append(o.opened, e.Endpoint)
	}
	l.settle(o)
}

// isFailing notes an endpoint whose collection failed, or failed for another
// reason.
func (l *outageLog) isFailing(e poll.Failing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.of(e.Upstream, e.Replica)
	o.failing.add(e.Endpoint)
	o.recovered.remove(e.Endpoint)
	if refused(e.Failure.Reason) {
		o.refused = group(o.refused, endpointGroup{reason: e.Failure.Reason, text: plainText(e.Failure, e.Endpoint)}, e.Endpoint)
	}
	if e.First && e.Cached {
		o.stale = group(o.stale, endpointGroup{reason: e.Failure.Reason, age: e.Age}, e.Endpoint)
	}
	l.settle(o)
}

// ended notes the end of a collection, after which nothing is held back.
func (l *outageLog) ended(u *fleet.Upstream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.all[u][:0]
	for _, o := range l.all[u] {
		o.running = max(0, o.running-1)
		l.settle(o)
		if o.running > 0 || o.failing != 0 {
			kept = append(kept, o)
		}
	}
	if len(kept) == 0 {
		delete(l.all, u)
	} else {
		l.all[u] = kept
	}
}

// settle logs what is held back, unless a collection runs in which more of it may
// come.
func (l *outageLog) settle(o *outage) {
	if o.running > 0 {
		return
	}
	l.flushAttempts(o, true)
	for _, g := range o.refused {
		l.log.Error("Document refused", append(where(o.upstream, o.replica, g.endpoints), keyReason, g.reason, keyErr, g.text)...)
	}
	for _, g := range o.stale {
		l.log.Warn("Using stale cached data due to fetch failure", append(where(o.upstream, o.replica, g.endpoints), keyReason, g.reason, "age", g.age.Round(time.Second))...)
	}
	if len(o.opened) > 0 {
		l.log.Warn("Circuit breaker is OPEN - service may be degraded", where(o.upstream, o.replica, o.opened)...)
	}
	o.refused, o.stale, o.opened = nil, nil, nil
	o.expected, o.ended = o.expected[:0], o.ended[:0]
}

// hasRecovered notes an endpoint that gave a document again, and logs the end of
// the outage when it was the last.
func (l *outageLog) hasRecovered(e poll.Recovered) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.of(e.Upstream, e.Replica)
	o.failing.remove(e.Endpoint)
	o.expired.remove(e.Endpoint)
	o.recovered.add(e.Endpoint)
	o.after = max(o.after, e.After)
	if o.failing != 0 {
		return
	}
	message := "Endpoint recovered"
	if o.circuit {
		message = "Service recovered, closing circuit"
	}
	l.log.Info(message, append(where(e.Upstream, e.Replica, o.recovered.list()), "after", o.after.Round(time.Second))...)
	o.recovered, o.after, o.circuit = 0, 0, false
}

// switched forgets what was failing at a URL that is not in use any more.
func (l *outageLog) switched(e poll.Switched) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.of(e.Upstream, e.From)
	o.failing, o.expired, o.recovered, o.after, o.circuit = 0, 0, 0, 0, false
}

// expire logs the values that have become too old to be shown since it was called
// last, and forgets upstreams that are gone.
func (l *outageLog) expire(views []*fleet.View, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return
	}
	here := make(map[*fleet.Upstream]bool, len(views))
	for _, v := range views {
		here[v.Upstream] = true
		if v.Upstream.Settings.MaxStale > 0 && l.all[v.Upstream] != nil {
			l.expireView(v, now)
		}
	}
	for u, all := range l.all {
		if !here[u] && now.Sub(all[0].touched) > time.Hour {
			delete(l.all, u)
		}
	}
}

func (l *outageLog) expireView(v *fleet.View, now time.Time) {
	o, limit := l.of(v.Upstream, v.Replica), v.Upstream.Settings.MaxStale
	var gone endpointSet
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		if e.Failure != nil && e.Doc != nil && e.Current(now, limit) == nil && !o.expired.has(e.Endpoint) {
			gone.add(e.Endpoint)
		}
	}
	if gone != 0 {
		o.expired |= gone
		l.log.Warn("Cached data expired", append(where(v.Upstream, v.Replica, gone.list()), "age", limit.Round(time.Second))...)
	}
}

// where are the attributes that say what a line is about.
func where(u *fleet.Upstream, replica string, endpoints []betanet.Endpoint) []any {
	slices.Sort(endpoints)
	names := make([]string, len(endpoints))
	for i, e := range endpoints {
		names[i] = e.String()
	}
	attrs := []any{keyUpstream, u.DisplayName(), keyEndpoints, strings.Join(names, ",")}
	if replica != "" {
		attrs = append(attrs, keyReplica, replica)
	}
	return attrs
}
