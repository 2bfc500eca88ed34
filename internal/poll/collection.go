package poll

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// limit is how long a collection may go on: until ctx ends, because it is not
// wanted any more, or until the deadline.
type limit struct {
	ctx      context.Context
	deadline time.Time
	hurry    bool // somebody waits for the end
}

func (l limit) left() time.Duration { return time.Until(l.deadline) }

// sleepUntil waits, or reports that the limit comes first.
func (l limit) sleepUntil(at time.Time) bool {
	d := time.Until(at)
	switch {
	case d <= 0:
		return true
	case at.After(l.deadline):
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// collect makes one collection of endpoints that the caller has claimed.
func (r *replica) collect(lim limit, endpoints []betanet.Endpoint) {
	c := collection{replica: r, limit: lim, asks: make([]ask, 0, len(endpoints))}
	r.mu.Lock()
	for _, failing := range []bool{false, true} { // so that they hold up nobody
		for _, e := range endpoints {
			if failing == (r.endpoints[e].record.Failure != nil) {
				c.asks = append(c.asks, ask{endpoint: e, failing: failing})
			}
		}
	}
	r.mu.Unlock()
	if r.p.Connections() == Parallel {
		r.spread.Store(true)
		c.parallel()
		c.workers.Wait()
	} else {
		if r.spread.Swap(false) {
			r.client.Close()
		}
		c.inTurn()
	}
	c.settlePending()
}

// collection is one that is running.
type collection struct {
	*replica
	limit
	asks    []ask // what failed last comes last
	next    atomic.Int32
	workers sync.WaitGroup
	reset   bool // a document showed a reset, which is counted once; guarded by the replica's mutex
}

// ask is what becomes of one endpoint in one collection.
type ask struct {
	endpoint betanet.Endpoint
	failing  bool             // it failed in an earlier collection already
	attempts int              // made so far
	breaker  *breaker.Breaker // asked last; a switch of API replaces the endpoint's
	waits    *retry.Waits
	due      time.Time // of the next attempt, zero for now
	answer
}

// end settles what the collection of an endpoint came to, unless that is not
// known yet.
func (c *collection) end(a *ask) {
	if a.pending == nil {
		c.settle(a)
		c.release(a.endpoint)
	}
}

// overtake is how long a collection may take before its other endpoints are asked
// over another connection. An upstream that answers as usual needs one, which
// saves two thirds of the memory; one that is slow or hangs is asked in parallel.
// So is what failed last, and one for whose answer somebody waits.
const overtake = 250 * time.Millisecond

// parallel asks the endpoints that nobody has taken, one after the other, and
// has another do the same meanwhile if that takes its time.
func (c *collection) parallel() {
	var slow *time.Timer
	switch second := int(c.next.Load()) + 1; {
	case second >= len(c.asks):
	case c.hurry || c.asks[second].failing || c.p.overtake == 0:
		c.workers.Go(c.parallel)
	default:
		c.workers.Add(1)
		slow = time.AfterFunc(c.p.overtake, func() {
			defer c.workers.Done()
			c.parallel()
		})
	}
	var l leash
	for i := int(c.next.Add(1)) - 1; i < len(c.asks); i = int(c.next.Add(1)) - 1 {
		a := &c.asks[i]
		for c.try(c.limit, &l, a) && c.sleepUntil(a.due) {
		}
		c.end(a)
	}
	l.end()
	if slow != nil && slow.Stop() {
		c.workers.Done()
	}
}

// inTurn asks one endpoint after the other over one connection: once each, and
// then those again that are to be retried, so that an endpoint that hangs holds
// up the others by one attempt at most. What would be cut short by the end of
// the collection is left for the next.
func (c *collection) inTurn() {
	open := make([]*ask, len(c.asks))
	for i := range open {
		open[i] = &c.asks[i]
	}
	var l leash
	defer l.end()
	for len(open) > 0 {
		slices.SortStableFunc(open, func(a, b *ask) int { return a.due.Compare(b.due) })
		a := open[0]
		if c.sleepUntil(a.due) && c.left() >= c.worthwhile() && c.tryAlone(&l, a) {
			continue
		}
		c.end(a)
		open = open[1:]
	}
}

// worthwhile is the least time for which an attempt is begun late: one that is
// cut shorter would blame the upstream for our delay.
func (s *upstream) worthwhile() time.Duration { return min(time.Second, s.u.Settings.RequestTimeout/2) }

// tryAlone is try while no other request of the upstream is out, as a breaker's
// probe may be.
func (c *collection) tryAlone(l *leash, a *ask) (again bool) {
	select {
	case c.line <- struct{}{}: // as nearly always: a timer would cost more than the rest
	default:
		t := time.NewTimer(c.left())
		defer t.Stop()
		select {
		case c.line <- struct{}{}:
		case <-t.C:
			return false
		case <-c.ctx.Done():
			return false
		}
	}
	defer func() { <-c.line }()
	return c.try(c.limit, l, a)
}
