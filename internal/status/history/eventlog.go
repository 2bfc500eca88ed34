package history

import (
	"slices"
	"sync"
	"time"
)

// Kind is the kind of an event.
type Kind string

// The kinds of events.
const (
	Failing   Kind = "failing"   // an endpoint began to fail, or fails for another reason
	WentStale Kind = "stale"     // an endpoint began to fail, and its last good values are shown
	Recovered Kind = "recovered" // a collection of the endpoint succeeded again
	Opened    Kind = "opened"    // its circuit breaker opened
	Closed    Kind = "closed"    // its circuit breaker closed
	Switched  Kind = "switched"  // another replica of the upstream is in use
	Restarted Kind = "restarted" // the upstream restarted, or one of its counters fell
)

// Event is a change of one upstream.
type Event struct {
	Time     time.Time `json:"time"`
	Upstream string    `json:"upstream"`           // display name
	Endpoint string    `json:"endpoint,omitempty"` // "" for the upstream as a whole
	Replica  string    `json:"replica,omitempty"`  // "" for an upstream with one URL
	Kind     Kind      `json:"kind"`
	Reason   string    `json:"reason,omitempty"` // a betanet.Reason; "" if nothing failed
	Text     string    `json:"text,omitempty"`   // details; the caller makes them short and safe to show
}

// KeptEvents is the maximum number of events in an EventLog.
const KeptEvents = 5000

// EventLog keeps the last events. The zero value is ready for use, and all methods are
// safe for concurrent use.
type EventLog struct {
	mu     sync.Mutex
	events []Event // a ring buffer once it is full
	next   int     // index of the oldest event in a full ring buffer
}

// Add adds an event. Events must be added in the order in which they happened.
func (l *EventLog) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) < KeptEvents {
		l.events = append(l.events, e)
		return
	}
	l.events[l.next] = e
	l.next = (l.next + 1) % KeptEvents
}

// Last returns the last n events, newest first; n must be positive. If upstream, a display
// name, is not empty, it returns only events of that upstream. If there are kinds, it
// returns only events of those kinds.
func (l *EventLog) Last(n int, upstream string, kinds ...Kind) (last []Event) {
	l.each(func(e *Event) bool {
		if (upstream == "" || e.Upstream == upstream) && (len(kinds) == 0 || slices.Contains(kinds, e.Kind)) {
			last = append(last, *e)
		}
		return len(last) < n
	})
	return last
}

// incidentLead is how long before an incident its first events may have happened, because
// they happen during a collection, and the incident begins at its end.
const incidentLead = time.Minute

// ByIncident returns the last n events of each incident, newest first, including the
// events that led to it.
func (l *EventLog) ByIncident(incidents []*Incident, n int) [][]Event {
	found := make([][]Event, len(incidents))
	byUpstream := make(map[string][]int)
	for i, incident := range incidents {
		byUpstream[incident.Upstream] = append(byUpstream[incident.Upstream], i)
	}
	l.each(func(e *Event) bool {
		for _, i := range byUpstream[e.Upstream] {
			incident := incidents[i]
			if len(found[i]) < n && !e.Time.Before(incident.From.Add(-incidentLead)) && (incident.Open() || !e.Time.After(incident.To)) {
				found[i] = append(found[i], *e)
			}
		}
		return true
	})
	return found
}

// each calls f with the events, newest first, until f returns false.
func (l *EventLog) each(f func(*Event) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.events)
	for i := range n {
		if !f(&l.events[(l.next+n-1-i)%n]) {
			return
		}
	}
}
