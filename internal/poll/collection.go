package poll

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
)

// collection is a running collection of some endpoints of an upstream, within one
// deadline. Each endpoint is tried through its breaker, with retries.
type collection struct {
	*replica           // being collected now
	from     *replica  // unhealthy one that caused a failover, nil without a failover
	tried    int       // number of other replicas considered in the failover
	due      time.Time // zero for an initial or on-demand collection
	began    time.Time
	deadline time.Time
	eager    bool // a caller is waiting for the end

	progress    []progress // endpoints that failed last time are at the end
	sequential  bool       // make one request at a time, because file descriptors are scarce
	concurrency int        // number of endpoints to try at the same time, including their retries
	parallelAt  time.Time  // when to raise the concurrency
	detecting   bool       // the request that detects the API is in flight
	reset       bool       // a document showed a reset; a collection counts at most one
}

// progress is the state of one endpoint in one collection.
type progress struct {
	endpoint betanet.Endpoint
	failing  bool // its previous collection failed
	state    progressState
	attempts int       // number so far
	due      time.Time // when to make the next attempt, zero for now
	target   *endpoint // state that the attempts belong to; a change of API replaces it in the replica
	permit   breaker.Permit
	result            // of the last attempt
	pending  *Attempt // to be reported when the API is known
}

type progressState uint8

const (
	ready      progressState = iota // waiting for an attempt to be due
	requesting                      // an attempt is in flight
	undecided                       // 404, and the API is not known yet
	settled
)

// parallelAfter is how long a collection requests one endpoint at a time before it raises
// its concurrency to two, and how long it then waits before it raises it again. An upstream
// that responds quickly needs only one connection instead of three, which saves memory.
// Endpoints that failed last time, and all endpoints of an eager collection, do not wait.
const parallelAfter = 250 * time.Millisecond

// begin starts a collection of endpoints that are already marked busy.
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

// assign sets the replica and the endpoints that a collection requests next.
func (c *core) assign(col *collection, r *replica, endpoints []betanet.Endpoint) {
	col.replica, col.concurrency, col.parallelAt, col.reset = r, 0, c.now, false
	col.progress = make([]progress, 0, len(endpoints))
	for _, failing := range []bool{false, true} { // failing endpoints last, so that they do not delay the others
		for _, e := range endpoints {
			if failing == (r.endpoints[e].record.Failure != nil) {
				col.progress = append(col.progress, progress{endpoint: e, failing: failing})
			}
		}
	}
	col.sequential = c.connections != Parallel
	if col.sequential && r.wasParallel {
		c.do.idle = append(c.do.idle, r)
	}
	r.wasParallel = !col.sequential
}

// advance makes the attempts that are due in a collection, and ends the collection when
// nothing is left to do.
func (c *core) advance(col *collection) {
	for !col.detecting {
		for p := c.choose(col); p != nil; p = c.choose(col) {
			left := col.deadline.Sub(c.now)
			if c.closed || left <= 0 || col.sequential && left < c.minAttemptTime() {
				c.settle(col, p) // too late for a whole attempt
			} else {
				c.try(col, p)
			}
		}
		count := col.countStates()
		switch {
		case count[ready]+count[requesting] > 0:
			return
		case count[undecided] > 0:
			c.detectAPI(col)
		case !c.failover(col):
			c.end(col)
			return
		}
	}
}

// countStates returns the number of endpoints in each state.
func (col *collection) countStates() (n [settled + 1]int) {
	for i := range col.progress {
		n[col.progress[i].state]++
	}
	return n
}

// choose returns the endpoint to request now, or nil if none is due. It raises the
// concurrency when the endpoints being tried are slow. If sequential is set, every endpoint
// is tried once before any is retried, so that a hanging endpoint delays the others by only
// one attempt.
func (c *core) choose(col *collection) (first *progress) {
	if col.sequential && c.requests > 0 && !c.closed && col.deadline.After(c.now) {
		return nil
	}
	begun, working := 0, 0
	for i := range col.progress {
		p := &col.progress[i]
		if p.attempts > 0 || p.state == settled {
			begun++
		}
		if p.attempts > 0 && p.state <= requesting {
			working++
		}
	}
	another := working == col.concurrency
	for i := range col.progress {
		p := &col.progress[i]
		waits := p.attempts == 0 && !col.sequential && another && !c.due(col.parallelAt) || p.due.After(c.now)
		if p.state == ready && (!waits || c.closed) && (first == nil || p.due.Before(first.due)) {
			first = p
		}
	}
	if first != nil && first.attempts == 0 && another {
		col.concurrency++
		col.parallelAt = c.now.Add(c.shared.parallelAfter)
		if second := begun + 1; second < len(col.progress) && (col.eager || col.progress[second].failing) {
			col.parallelAt = c.now
		}
	}
	return first
}

// resumeAt returns when a collection is due to continue unless an event occurs first, or
// the zero time if it is only waiting for results.
func (c *core) resumeAt(col *collection) (first time.Time) {
	for i := range col.progress {
		p, at := &col.progress[i], col.progress[i].due
		switch {
		case p.state != ready:
			continue
		case col.sequential && !at.After(c.now):
			at = col.deadline // it continues when the request in flight completes
		case p.attempts == 0:
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
	started := col.replica
	if col.from != nil {
		started, c.failingOver = col.from, false
	}
	if c.connections == OneUnkept {
		c.do.idle = append(c.do.idle, started)
	}
	if c.inflight == col {
		c.inflight = nil
	}
	c.collections = slices.DeleteFunc(c.collections, func(o *collection) bool { return o == col })
	c.duration, c.collected = c.now.Sub(col.began), true
	c.do.changed, c.do.ended = true, true
	c.report(Ended{Duration: c.duration})
}
