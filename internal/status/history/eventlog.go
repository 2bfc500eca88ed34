package history

import (
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
)

// Event is a change of one upstream.
type Event struct {
	At       time.Time
	Upstream string // its title
	Endpoint string // "" where it is about the upstream as a whole
	Replica  string // "" of an upstream with one URL
	Kind     Kind
	Reason   string // of the failure, of the closed set; "" where nothing failed
	Text     string // the rest in words, safe to show; the caller bounds it
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

// Add notes an event. Events come in the order in which they happened.
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

// Last gives the last n events, of one upstream or, with "", of all, the newest
// first.
func (l *EventLog) Last(n int, upstream string) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last []Event
	for i := range len(l.events) {
		if len(last) == n {
			break
		}
		e := &l.events[(l.next+len(l.events)-1-i)%len(l.events)]
		if upstream == "" || e.Upstream == upstream {
			last = append(last, *e)
		}
	}
	return last
}
