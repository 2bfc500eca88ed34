// Package history remembers, within bounds, what a person who looks at the
// exporter wants to know of the past: the last hour of the fleet as a whole, and
// the last events of its upstreams. It is gone with the process; what has to
// last is in Prometheus.
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

// Journal keeps the last events. The zero value is ready for use, and all
// methods may be called at the same time.
type Journal struct {
	mu     sync.Mutex
	events []Event // a ring once it is full
	next   int     // where the next one goes in a full ring
}

// Add notes an event. Events come in the order in which they happened.
func (j *Journal) Add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.events) < KeptEvents {
		j.events = append(j.events, e)
		return
	}
	j.events[j.next] = e
	j.next = (j.next + 1) % KeptEvents
}

// Last gives the last n events, of one upstream or, with "", of all, the newest
// first.
func (j *Journal) Last(n int, upstream string) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	var last []Event
	for i := range len(j.events) {
		if len(last) == n {
			break
		}
		e := &j.events[(j.next+len(j.events)-1-i)%len(j.events)]
		if upstream == "" || e.Upstream == upstream {
			last = append(last, *e)
		}
	}
	return last
}
