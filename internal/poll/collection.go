package poll

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
)

// collection is one that is running: for each of some endpoints, within one
// deadline, retry( breaker( attempt ) ).
type collection struct {
	*replica           // that is asked now
	from     *replica  // that another is being looked for instead of, nil if none is
	tried    int       // replicas tried instead of it
	due      time.Time // zero if it was not due at a time: at start, or on demand
	began    time.Time
	deadline time.Time
	eager    bool // somebody waits for the end

	asks       []ask     // what failed last comes last
	inTurn     bool      // one at a time, because descriptors are few
	workers    int       // how many are begun at a time; each is then kept through its retries
	parallelAt time.Time // when there is to be another worker, zero for never
	detecting  bool      // the request that finds out the API is out
	reset      bool      // a document showed a reset, which is counted once
}

// ask is what becomes of one endpoint in one collection.
type ask struct {
	endpoint betanet.Endpoint
	failing  bool // it failed in an earlier collection already
	state    askState
	attempts int       // made so far
	due      time.Time // of the next attempt, zero for now
	of       *endpoint // asked last; a switch of API replaces it
	permit   breaker.Permit
	reply             // of the last attempt; nothing, if it was not made
	pending  *Attempt // where undecided
}

type askState uint8

const (
	ready     askState = iota // for its first attempt, or for the next when that is due
	out                       // an attempt is being made
	undecided                 // a 404 of an upstream whose API is not settled
	settled
)

// overtake is how long a collection may take before its other endpoints are asked
// over another connection. An upstream that answers as usual needs one, which
// saves two thirds of the memory; one that is slow or hangs is asked in parallel.
// So is what failed last, and one for whose answer somebody waits.
const overtake = 250 * time.Millisecond

// begin starts a collection of endpoints that are claimed.
func (c *core) begin(col *collection, endpoints []betanet.Endpoint) {
	col.began = c.now
	e := Began{Upstream: c.u, Replica: col.name, Endpoints: len(endpoints), Due: col.due}
	if !col.due.IsZero() {
		e.Delay = c.now.Sub(col.due)
	}
	c.report(e)
	c.collections = append(c.collections, col)
	c.assign(col, col.replica, endpoints)
	c.advance(col)
}

// assign makes a collection ask these endpoints of a replica.
func (c *core) assign(col *collection, r *replica, endpoints []betanet.Endpoint) {
	col.replica, col.workers, col.parallelAt, col.reset = r, 0, c.now, false
	col.asks = make([]ask, 0, len(endpoints))
	for _, failing := range []bool{false, true} { // so that they hold up nobody
		for _, e := range endpoints {
			if failing == (r.endpoints[e].record.Failure != nil) {
				col.asks = append(col.asks, ask{endpoint: e, failing: failing})
			}
		}
	}
	col.inTurn = c.connections != Parallel
	if col.inTurn && r.spread {
		c.do.idle = append(c.do.idle, r)
	}
	r.spread = !col.inTurn
}

// advance does what a collection can do now.
func (c *core) advance(col *collection) {
	for !col.detecting {
		for a := c.choose(col); a != nil; a = c.choose(col) {
			left := col.deadline.Sub(c.now)
			if c.closed || left <= 0 || col.inTurn && left < c.minAttemptTime() {
				c.settle(col, a) // what would be cut short is left for the next collection
			} else {
				c.try(col, a)
			}
		}
		count := col.count()
		switch {
		case count[ready]+count[out] > 0:
			return
		case count[undecided] > 0:
			c.detectAPI(col)
		case !c.failover(col):
			c.end(col)
			return
		}
	}
}

// count returns how many asks there are in each state.
func (col *collection) count() (n [settled + 1]int) {
	for i := range col.asks {
		n[col.asks[i].state]++
	}
	return n
}

// choose returns the ask that is due first, nil if none is to be tried now.
// Endpoints are begun one after the other, and another worker begins one
// meanwhile if that takes its time. When descriptors are few, all are asked once
// and then those again that are to be retried, one at a time over one
// connection, so that an endpoint that hangs holds up the others by one attempt.
func (c *core) choose(col *collection) (first *ask) {
	if col.inTurn && c.requests > 0 && !c.closed && col.deadline.After(c.now) {
		return nil
	}
	begun, working := 0, 0
	for i := range col.asks {
		a := &col.asks[i]
		if a.attempts > 0 || a.state == settled {
			begun++
		}
		if a.attempts > 0 && a.state <= out {
			working++
		}
	}
	another := working == col.workers
	for i := range col.asks {
		a := &col.asks[i]
		waits := a.attempts == 0 && !col.inTurn && another && !c.due(col.parallelAt) || a.due.After(c.now)
		if a.state == ready && (!waits || c.closed) && (first == nil || a.due.Before(first.due)) {
			first = a
		}
	}
	if first != nil && first.attempts == 0 && another {
		col.workers++
		col.parallelAt = c.now.Add(c.shared.overtake)
		if second := begun + 1; second < len(col.asks) && (col.eager || col.asks[second].failing) {
			col.parallelAt = c.now
		}
	}
	return first
}

// wakeAt is when a collection has something to do if nothing happens.
func (c *core) wakeAt(col *collection) (first time.Time) {
	for i := range col.asks {
		a, at := &col.asks[i], col.asks[i].due
		switch {
		case a.state != ready:
			continue
		case col.inTurn && !at.After(c.now):
			at = col.deadline // it may wait for another request until then
		case a.attempts == 0:
			at = col.parallelAt
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// end ends a collection.
func (c *core) end(col *collection) {
	asked := col.replica
	if col.from != nil {
		asked, c.failingOver = col.from, false
	}
	if c.connections == OneUnkept {
		c.do.idle = append(c.do.idle, asked)
	}
	if c.inflight == col {
		c.inflight = nil
	}
	c.collections = slices.DeleteFunc(c.collections, func(o *collection) bool { return o == col })
	c.duration, c.collected = c.now.Sub(col.began), true
	c.do.changed, c.do.ended = true, true
	c.report(Ended{Duration: c.duration})
}
