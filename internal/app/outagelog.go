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

// outageLog logs the failures of upstreams in few lines: endpoints of the same
// upstream and replica that fail in the same way share a line. Its methods report
// and expire are safe for concurrent use.
type outageLog struct {
	log *slog.Logger

	mu  sync.Mutex
	all map[*fleet.Upstream][]*outage // one outage for each URL
}

// outage is the state of one upstream at one URL. It is kept while a collection
// runs or an endpoint fails.
type outage struct {
	upstream *fleet.Upstream
	replica  string // "" if the upstream has one URL

	running int       // number of running collections
	touched time.Time // time of the last event

	// State of the running collections.
	attempts []attemptCount // indexed by the number of the attempt
	held     []heldLine

	episode
}

// attemptCount counts the attempts with the same number.
type attemptCount struct{ expected, ended int }

// episode is the part of an outage that is reset after a recovery.
type episode struct {
	failing, expired, recovered endpointSet
	longest                     time.Duration // longest time that an endpoint failed
	opened                      bool          // a breaker has opened
}

func newOutageLog(log *slog.Logger) *outageLog {
	return &outageLog{log: log, all: make(map[*fleet.Upstream][]*outage)}
}

// outageOf returns the outage of an upstream at one of its URLs. The caller holds l.mu.
func (l *outageLog) outageOf(u *fleet.Upstream, replica string) *outage {
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

// report logs an event. It holds back lines that further endpoints of the running
// collection may share.
func (l *outageLog) report(e poll.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := e.(type) {
	case poll.Began:
		o := l.outageOf(e.Upstream, e.Replica)
		o.running++
		o.count(1).expected += e.Endpoints
	case poll.Attempt:
		l.attempt(l.outageOf(e.Upstream, e.Replica), e)
	case poll.Transition:
		l.transition(l.outageOf(e.Upstream, e.Replica), e)
	case poll.Failing:
		l.failing(l.outageOf(e.Upstream, e.Replica), e)
	case poll.Recovered:
		l.recovered(l.outageOf(e.Upstream, e.Replica), e)
	case poll.Switched: // the failures at the old URL no longer matter
		l.outageOf(e.Upstream, e.From).episode = episode{}
	case poll.Ended:
		l.ended(e.View.Upstream)
	}
}

// count returns the counts for the attempts with a number.
func (o *outage) count(number int) *attemptCount {
	for len(o.attempts) <= number {
		o.attempts = append(o.attempts, attemptCount{})
	}
	return &o.attempts[number]
}

// attempt holds a failure back until the last attempt with the same number has
// ended. It logs recurring, canceled and API-detecting attempts at once, at level
// debug.
func (l *outageLog) attempt(o *outage, e poll.Attempt) {
	if !e.Detecting {
		o.count(e.Number).ended++
		if e.Retry {
			o.count(e.Number+1).expected++
		}
	}
	switch {
	case e.Failure == nil:
	case e.Detecting || e.Recurring || e.Failure.Reason == betanet.ReasonCanceled:
		if !l.log.Enabled(context.Background(), slog.LevelDebug) {
			break // skip the formatting: a large outage has thousands of these per second
		}
		key, wait := attemptKey(e)
		h := heldLine{key, wait, wait, []betanet.Endpoint{e.Endpoint}}
		l.log.Debug(h.attemptMessage(), attributes(e.Upstream, e.Replica, h.endpoints)...)
	default:
		key, wait := attemptKey(e)
		o.hold(key, e.Endpoint, wait)
	}
	if !e.Detecting {
		l.flush(o, false)
	}
}

// transition logs the new state of a breaker, except closed: the line about the
// recovery of its endpoint covers it.
func (l *outageLog) transition(o *outage, e poll.Transition) {
	switch attrs := attributes(e.Upstream, e.Replica, []betanet.Endpoint{e.Endpoint}); {
	case e.To == breaker.HalfOpen:
		l.log.Debug("Circuit breaker is half-open, sending one probe", attrs...)
	case e.To == breaker.Open && e.Again:
		l.log.Debug("Circuit breaker stays open, the probe failed", append(attrs, "until", e.Until)...)
	case e.To == breaker.Open:
		o.opened = true
		o.hold(lineKey{kind: breakerOpened}, e.Endpoint, 0)
	}
	l.flushIfIdle(o)
}

func (l *outageLog) failing(o *outage, e poll.Failing) {
	o.failing.add(e.Endpoint)
	o.recovered.remove(e.Endpoint)
	if refused(e.Failure.Reason) {
		o.hold(lineKey{kind: documentRefused, reason: e.Failure.Reason, text: failureText(e.Failure, e.Endpoint)}, e.Endpoint, 0)
	}
	if e.First && e.Cached {
		o.hold(lineKey{kind: documentStale, reason: e.Failure.Reason}, e.Endpoint, e.Age)
	}
	l.flushIfIdle(o)
}

// refused reports whether a response arrived but its content was not accepted.
func refused(r betanet.Reason) bool {
	switch r {
	case betanet.ReasonSyntax, betanet.ReasonSchema, betanet.ReasonValue,
		betanet.ReasonTooLarge, betanet.ReasonEncoding, betanet.ReasonContentType:
		return true
	}
	return false
}

// recovered logs the end of an outage once all of its endpoints have recovered.
func (l *outageLog) recovered(o *outage, e poll.Recovered) {
	o.failing.remove(e.Endpoint)
	o.expired.remove(e.Endpoint)
	o.recovered.add(e.Endpoint)
	o.longest = max(o.longest, e.After)
	if o.failing != 0 {
		return
	}
	message := "Endpoint recovered"
	if o.opened {
		message = "Service recovered, closing circuit"
	}
	l.log.Info(message, append(attributes(e.Upstream, e.Replica, o.recovered.list()), "after", o.longest.Round(time.Second))...)
	o.episode = episode{}
}

// ended records the end of a collection, at every URL of the upstream.
func (l *outageLog) ended(u *fleet.Upstream) {
	l.all[u] = slices.DeleteFunc(l.all[u], func(o *outage) bool {
		o.running = max(0, o.running-1)
		l.flushIfIdle(o)
		return o.running == 0 && o.failing == 0
	})
	if len(l.all[u]) == 0 {
		delete(l.all, u)
	}
}

// flushIfIdle logs the held lines unless a collection is running.
func (l *outageLog) flushIfIdle(o *outage) {
	if o.running == 0 {
		l.flush(o, true)
		o.attempts = o.attempts[:0]
	}
}

// expire logs the endpoints whose values have become too old to be shown since the last
// call. It forgets an upstream that was removed once it has had no event for an hour.
func (l *outageLog) expire(views []*fleet.View, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return
	}
	present := make(map[*fleet.Upstream]bool, len(views))
	for _, v := range views {
		present[v.Upstream] = true
		if v.Upstream.Settings.MaxStale > 0 && l.all[v.Upstream] != nil {
			l.expireView(v, now)
		}
	}
	for u, all := range l.all {
		if !present[u] && now.Sub(all[0].touched) > time.Hour {
			delete(l.all, u)
		}
	}
}

func (l *outageLog) expireView(v *fleet.View, now time.Time) {
	o, limit := l.outageOf(v.Upstream, v.Replica), v.Upstream.Settings.MaxStale
	var gone endpointSet
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		if e.Failure != nil && e.Doc != nil && e.Current(now, limit) == nil && !o.expired.has(e.Endpoint) {
			gone.add(e.Endpoint)
		}
	}
	if gone != 0 {
		o.expired |= gone
		l.log.Warn("Cached data expired", append(attributes(v.Upstream, v.Replica, gone.list()), "age", limit.Round(time.Second))...)
	}
}

// attributes returns the attributes that identify endpoints of an upstream. It sorts
// endpoints.
func attributes(u *fleet.Upstream, replica string, endpoints []betanet.Endpoint) []any {
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
