package history

import (
	"slices"
	"sync"
	"time"
)

// Kind is what happened.
type Kind string

// The kinds of events.
const (
	Failing   Kind = "failing"   // collections of an endpoint fail, or fail for another reason
	Stale     Kind = "stale"     // they fail, and the last good values are shown
	Recovered Kind = "recovered" // the endpoint gave a document again
	Opened    Kind = "opened"    // its circuit breaker opened
	Closed    Kind = "closed"    // and closed
	Switched  Kind = "switched"  // another replica of the upstream is in use
	Restarted Kind = "restarted" // the upstream has started again, or a counter of it fell
)

// Event is a change of one upstream.
type Event struct {
	Time     time.Time `json:"time"`
	Upstream string    `json:"upstream"`           // its title
	Endpoint string    `json:"endpoint,omitempty"` // "" where it is about the upstream as a whole
	Replica  string    `json:"replica,omitempty"`  // "" of an upstream with one URL
	Kind     Kind      `json:"kind"`
	Reason   string    `json:"reason,omitempty"` // of the failure, of the closed set; "" where nothing failed
	Text     string    `json:"text,omitempty"`   // the rest in words, safe to show; the caller bounds it
}

// KeptEvents is how many events of the process are kept; the oldest go.
const KeptEvents = 5000

// EventLog keeps the last events. The zero value is ready for use, and all
// methods may be called at the same time.
type EventLog struct {
	mu     sync.Mutex
	events []Event // a ring once it is full
	next   int     // where the next one goes in a full ring
}

// Add records an event. Events come in the order in which they happened.
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

// Last returns the last n events, of one upstream or, with "", of all, and of some
// kinds or of all, the newest first.
func (l *EventLog) Last(n int, upstream string, kinds ...Kind) []Event {
	return l.last(n, func(e *Event) bool {
		return (upstream == "" || e.Upstream == upstream) && (len(kinds) == 0 || slices.Contains(kinds, e.Kind))
	})
}

// before is how long before the end of the collection that begins an incident an
// endpoint may have failed in it.
const before = time.Minute

// Of returns the last n events of each incident, and those that led to it, the newest
// first.
func (l *EventLog) Of(incidents []*Incident, n int) [][]Event {
	found := make([][]Event, len(incidents))
	byUpstream := make(map[string][]int)
	for i, one := range incidents {
		byUpstream[one.Upstream] = append(byUpstream[one.Upstream], i)
	}
	l.last(0, func(e *Event) bool {
		for _, i := range byUpstream[e.Upstream] {
			one := incidents[i]
			if len(found[i]) < n && !e.Time.Before(one.From.Add(-before)) && (one.Open() || !e.Time.After(one.To)) {
				found[i] = append(found[i], *e)
			}
		}
		return false
	})
	return found
}

// last returns the last n events that are wanted, the newest first; 0 is no limit.
func (l *EventLog) last(n int, wanted func(*Event) bool) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last []Event
	for i := range len(l.events) {
		if n > 0 && len(last) == n {
			break
		}
		e := &l.events[(l.next+len(l.events)-1-i)%len(l.events)]
		if wanted(e) {
			last = append(last, *e)
		}
	}
	return last
}
