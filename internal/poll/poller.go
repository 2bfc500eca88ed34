// Package poll decides when an upstream is asked: on the grid, after a failed
// attempt, when a breaker's pause is over, and on demand. A collection is,
// within one deadline and for each endpoint,
//
//	retry( breaker( attempt ) )
//
// Endpoints are asked one after the other over one connection as long as the
// upstream answers quickly, and in parallel otherwise (docs/adr/0006-scale.md).
// Nothing here waits for a reader, and no reader waits for a collection: what is
// known is published as immutable views.
package poll

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// ErrStopped means that the end of Run has come.
var ErrStopped = errors.New("collecting has ended")

// Options are what a Poller needs from outside.
type Options struct {
	UserAgent string
	Hostname  string // of this machine, which spreads exporters over replicas
	// Publish takes every new view of an upstream, those of one upstream in
	// order. It must not block.
	Publish func(*fleet.View)
	Report  func(Event) // must not block
	// Dial makes connections to upstreams, nil for the network's.
	Dial fleet.Dial
	// Connections is how many connections to upstreams may be open, 0 for no
	// limit. More are refused like by a system that has no descriptors left.
	Connections int
}

// Poller collects a set of upstreams.
type Poller struct {
	o      Options
	budget *retry.Budget
	gate   *gate
	began  time.Time
	// overtake is that of collections; with 0 all endpoints are asked at once.
	overtake time.Duration

	mu        sync.Mutex
	queue     queue
	pool      pool
	upstreams map[*fleet.Upstream]*upstream
	count     atomic.Int64 // of upstreams
	stopped   bool         // Run has ended, or is about to
	wake      chan struct{}
	running   sync.WaitGroup
}

// New makes a Poller that does nothing until Run.
func New(o Options) *Poller {
	return &Poller{
		o: o, budget: retry.NewBudget(), gate: newGate(o.Connections), began: time.Now(), overtake: overtake,
		upstreams: make(map[*fleet.Upstream]*upstream), wake: make(chan struct{}, 1),
		pool: pool{hand: make(chan task, places)},
	}
}

// Add takes an upstream into the set and publishes its first, empty view. With a
// grid it is collected at once and then on the grid, both while Run runs; without
// one only on demand. The error is that of credentials or certificates that
// cannot be read, or ErrStopped.
func (p *Poller) Add(ctx context.Context, u *fleet.Upstream, grid bool) error {
	s, err := newUpstream(ctx, p, u, grid)
	if err != nil {
		return err
	}
	now := time.Now()
	if grid {
		s.next = firstTick(u, now)
	}
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		s.close()
		return ErrStopped
	}
	p.upstreams[u] = s
	p.count.Store(int64(len(p.upstreams)))
	p.mu.Unlock()
	s.mu.Lock()
	s.publish()
	s.mu.Unlock()
	if grid {
		p.schedule(task{at: now, do: s.first, slow: s.show})
		p.schedule(task{at: s.next, do: s.tick, slow: s.show})
	}
	return nil
}

// Remove ends the collections of an upstream and its connections. After it, no
// view of the upstream is published any more.
func (p *Poller) Remove(u *fleet.Upstream) {
	p.mu.Lock()
	s := p.upstreams[u]
	delete(p.upstreams, u)
	p.count.Store(int64(len(p.upstreams)))
	p.mu.Unlock()
	if s != nil {
		s.close()
	}
}

// Demand collects an upstream now, within the limit and the upstream's own, but
// for what the cache can answer, and returns what is known then. Calls at the
// same time share one collection. It waits at most until ctx ends; late says
// that the collection goes on without it. The view is nil if the upstream is not
// in the set.
func (p *Poller) Demand(ctx context.Context, u *fleet.Upstream, limit time.Duration) (v *fleet.View, late bool) {
	p.mu.Lock()
	s := p.upstreams[u]
	p.mu.Unlock()
	if s == nil {
		return nil, false
	}
	return s.demand(ctx, limit)
}

// Run collects until ctx ends, and returns when all collections have ended.
func (p *Poller) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			p.mu.Lock()
			all := p.upstreams
			p.upstreams, p.stopped = make(map[*fleet.Upstream]*upstream), true
			close(p.pool.hand)
			p.mu.Unlock()
			for _, s := range all {
				s.close()
			}
			p.running.Wait()
			return
		case <-p.wake:
		case <-timer.C:
		}
		timer.Reset(p.dispatch(time.Now()))
	}
}

func (p *Poller) schedule(t task) {
	p.mu.Lock()
	heap.Push(&p.queue, t)
	first := p.queue[0].at.Equal(t.at)
	p.mu.Unlock()
	if first {
		p.rouse()
	}
}

// rouse makes Run look at the queue again.
func (p *Poller) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// task is something to do at a time.
type task struct {
	at   time.Time
	do   func(due time.Time)
	slow func() // called if do has not ended after patience; may be nil
}

// queue is a heap of tasks by time.
type queue []task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(task)) }
func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = task{}
	*q = old[:len(old)-1]
	return t
}
