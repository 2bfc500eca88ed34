package blackbox

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// ledger is an upstream that never sends the same good document twice, and records the order and time of each, so
// that a test can check any exposed value at any time.
type ledger struct {
	*fake.Server
	name string // its address

	mu       sync.Mutex
	restarts int
	firstID  int // ID of the first documents since the last restart
	paths    map[string]*entries
}

// entries records the documents of one path.
type entries struct {
	next   int         // the ID of the next document
	order  map[int]int // by ID
	at     []time.Time // by order
	broken time.Time   // start of the current faults; zero if there are none
}

// The first IDs of good and of faulty documents, and the amount by which IDs fall at a restart.
const (
	goodID   = 50_000_000
	faultyID = 900_000_000
	idDrop   = 100_000
)

func openLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{Server: start(t), firstID: goodID, paths: map[string]*entries{}}
	l.name = l.Addr()
	for _, path := range v1Paths {
		l.paths[path] = &entries{next: goodID, order: map[int]int{}}
		l.Set(path, l.good(path))
	}
	return l
}

// good responds to each request with a new document.
func (l *ledger) good(path string) fake.Behaviour {
	return func(x *fake.Exchange) { fake.JSON(fake.Document(path, l.enter(path)))(x) }
}

func (l *ledger) enter(path string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.paths[path]
	id := e.next
	e.next++
	e.order[id] = len(e.at)
	e.at = append(e.at, time.Now())
	return id
}

// restart makes all counters fall.
func (l *ledger) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restarts++
	l.firstID -= idDrop
	for _, e := range l.paths {
		e.next = l.firstID
	}
}

// mark records whether paths return only faults from now on.
func (l *ledger) mark(broken bool, paths ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, path := range paths {
		switch e := l.paths[path]; {
		case !broken:
			e.broken = time.Time{}
		case e.broken.IsZero():
			e.broken = time.Now()
		}
	}
}

// entry returns the time at which document id of a path was sent, and the number of documents before it.
func (l *ledger) entry(path string, id int) (at time.Time, order int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.paths[path]
	order, ok = e.order[id]
	if ok {
		at = e.at[order]
	}
	return at, order, ok
}

func (l *ledger) brokenSince(path string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paths[path].broken
}

// fault returns a random fault of a path. Its document is not recorded.
func (l *ledger) fault(r *rand.Rand, path string) fake.Behaviour {
	faults := []func(string) fake.Behaviour{
		status(500), status(503), status(404), status(401), status(206), status(429, "Retry-After: 1"),
		cut("nothing"), cut("within a header"), cut("half of the body"), cut("all but a byte"),
		reset("nothing"), reset("half of the body"), hang("nothing"), hang("headers"), hang("all but a byte"),
		withHeader("no colon"), typed("Content-Type: text/html"), fixed("{}"), fixed("{"), fixed("null"),
		func(d string) fake.Behaviour { return fake.JSON(negative(d)) },
		func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte+1)) },
		func(d string) fake.Behaviour { return fake.JSON(d + d) },
		func(d string) fake.Behaviour { return fake.Late(time.Second, fake.JSON(d)) },
	}
	return faults[r.IntN(len(faults))](fake.Document(path, faultyID+r.IntN(1000)))
}

// change makes one random change to the upstream.
func (l *ledger) change(t *testing.T, r *rand.Rand) {
	switch r.IntN(10) {
	case 0:
		l.restart()
	case 1:
		l.mark(true, v1Paths...)
		l.Refuse()
	case 2:
		l.mark(true, v1Paths...)
		l.SetConnHandler([]fake.ConnHandler{fake.ResetOnAccept, fake.ResetOnFirstBytes, fake.CutOnFirstBytes, fake.HangOnAccept, fake.TLSAlert}[r.IntN(5)])
	case 3, 4, 5, 6:
		path := v1Paths[r.IntN(len(v1Paths))]
		l.mark(true, path)
		l.Set(path, l.fault(r, path))
	default:
		l.heal(t)
	}
}

// heal ends all faults.
func (l *ledger) heal(t *testing.T) {
	for _, path := range v1Paths {
		l.Set(path, l.good(path))
	}
	l.mark(false, v1Paths...)
	l.SetConnHandler(fake.Plain)
	if err := l.Listen(); err != nil {
		t.Error(err)
	}
}
