package app

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// endpointSet is a set of endpoints, with one bit for each.
type endpointSet uint8

func (s *endpointSet) add(e betanet.Endpoint)     { *s |= 1 << e }
func (s *endpointSet) remove(e betanet.Endpoint)  { *s &^= 1 << e }
func (s endpointSet) has(e betanet.Endpoint) bool { return s&(1<<e) != 0 }

func (s endpointSet) list() (all []betanet.Endpoint) {
	for e := range betanet.NumEndpoints {
		if s.has(e) {
			all = append(all, e)
		}
	}
	return all
}

// The kinds of held lines, in the order in which they are logged.
const (
	attemptFailed = iota
	documentRefused
	documentStale
	breakerOpened
)

// lineKey identifies a held line. Endpoints with the same key share the line.
type lineKey struct {
	kind    int
	attempt int // number of the attempt, for attemptFailed only
	reason  betanet.Reason
	text    string
}

// heldLine is a log line that waits for more endpoints. Its durations are the
// waits until the retries, or the ages of the documents.
type heldLine struct {
	lineKey
	shortest, longest time.Duration
	endpoints         []betanet.Endpoint
}

// hold adds an endpoint to the held line with the same key, or holds a new line.
func (o *outage) hold(key lineKey, e betanet.Endpoint, d time.Duration) {
	i := slices.IndexFunc(o.held, func(h heldLine) bool { return h.lineKey == key })
	if i < 0 {
		o.held = append(o.held, heldLine{key, d, d, []betanet.Endpoint{e}})
		return
	}
	h := &o.held[i]
	h.shortest, h.longest, h.endpoints = min(h.shortest, d), max(h.longest, d), append(h.endpoints, e)
}

// attemptKey returns the key of a failed attempt, and the wait until its retry, or 0 if
// there is none.
func attemptKey(e poll.Attempt) (key lineKey, wait time.Duration) {
	key = lineKey{kind: attemptFailed, attempt: e.Number, text: fmt.Sprintf("Attempt %d failed: %s", e.Number, failureText(e.Failure, e.Endpoint))}
	switch {
	case e.Retry:
		key.text += ", retrying in "
		return key, e.Wait.Round(time.Millisecond)
	case e.NoBudget:
		key.text += ", not retrying: the retry budget is empty"
	}
	return key, 0
}

func (h *heldLine) attemptMessage() string {
	switch {
	case h.longest == 0:
		return h.text
	case h.shortest == h.longest:
		return h.text + h.longest.String()
	default:
		return h.text + h.shortest.String() + " to " + h.longest.String()
	}
}

// flush logs held lines. If all is not set, it logs only failed attempts, and only once
// every attempt with the same or a lower number has ended. The caller holds l.mu.
func (l *outageLog) flush(o *outage, all bool) {
	complete := 0
	for n := 1; n < len(o.attempts) && o.attempts[n].expected > 0 && o.attempts[n].ended >= o.attempts[n].expected; n++ {
		complete = n
	}
	slices.SortStableFunc(o.held, func(a, b heldLine) int { return cmp.Or(a.kind-b.kind, a.attempt-b.attempt) })
	o.held = slices.DeleteFunc(o.held, func(h heldLine) bool {
		if !all && (h.kind != attemptFailed || h.attempt > complete) {
			return false
		}
		attrs := attributes(o.upstream, o.replica, h.endpoints)
		switch h.kind {
		case attemptFailed:
			l.log.Warn(h.attemptMessage(), attrs...)
		case documentRefused:
			l.log.Error("Document refused", append(attrs, keyReason, h.reason, keyErr, h.text)...)
		case documentStale:
			l.log.Warn("Using stale cached data due to fetch failure", append(attrs, keyReason, h.reason, "age", h.longest.Round(time.Second))...)
		case breakerOpened:
			l.log.Warn("Circuit breaker is OPEN - service may be degraded", attrs...)
		}
		return true
	})
}
