// Package poll decides when an upstream is asked: on the grid, after a failed
// attempt, when a breaker's pause is over, and on demand. The core decides for
// one upstream, from what happened and when; the rest of the package carries
// that out: a pool of workers, connections, and the publishing of immutable
// views. Nothing here waits for a reader, and no reader waits for a collection.
package poll

import (
	"container/heap"
	"context"
	"errors"
	"math/rand/v2"
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
	o    Options
	gate *gate
	shared

	mu        sync.Mutex
	queue     queue
	alarm     time.Time // until which Run sleeps
	upstreams map[*fleet.Upstream]*upstream
	count     atomic.Int64 // of upstreams
	stopped   bool         // Run has ended, or is about to
	wake      chan struct{}
	tasks     chan *upstream // for workers that are idle; closed at the end of Run
	workers   int            // that are in place; belongs to Run
	running   sync.WaitGroup
}

// New makes a Poller that does nothing until Run.
func New(o Options) *Poller {
	now := time.Now()
	return &Poller{
		o: o, gate: newGate(o.Connections),
		shared:    shared{budget: retry.NewBudget(now), random: rand.N[time.Duration], began: now, overtake: overtake},
		upstreams: make(map[*fleet.Upstream]*upstream), wake: make(chan struct{}, 1), tasks: make(chan *upstream),
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
	s.unseen = true
	s.publish(false)
	s.mu.Unlock()
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

// CollectNow collects an upstream now, within the limit and the upstream's own, but
// for what the cache can answer, and returns what is known then. Calls at the
// same time share one collection. It waits at most until ctx ends; late says
// that the collection goes on without it. The view is nil if the upstream is not
// in the set.
func (p *Poller) CollectNow(ctx context.Context, u *fleet.Upstream, limit time.Duration) (v *fleet.View, late bool) {
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
			p.mu.Unlock()
			close(p.tasks)
			for _, s := range all {
				s.close()
			}
			p.running.Wait()
			return
		case <-p.wake:
		case <-timer.C:
		}
		timer.Reset(p.dispatch(ctx))
	}
}

// What is due is done by a few workers: many collections at once, because most of
// each is waiting, but not a whole fleet, because buffers and stacks that are
// used again at once cost less. One that is slow gives its place to another
// worker, so that upstreams that hang hold up nobody.
const (
	places   = 8
	patience = 5 * time.Millisecond
)

// dispatch hands what is due to the workers, and returns how long to sleep until
// something may be due again.
func (p *Poller) dispatch(ctx context.Context) time.Duration {
	for {
		p.mu.Lock()
		now := time.Now()
		p.alarm = now.Add(time.Hour)
		if len(p.queue) > 0 {
			p.alarm = p.queue[0].at
		}
		if wait := p.alarm.Sub(now); wait > 0 {
			p.mu.Unlock()
			return wait
		}
		s := heap.Pop(&p.queue).(*upstream)
		p.mu.Unlock()
		select {
		case p.tasks <- s:
			continue
		default:
		}
		if p.workers < places {
			p.workers++
			p.running.Go(func() { p.work(s) })
			continue
		}
		select {
		case p.tasks <- s:
		case <-ctx.Done():
		}
	}
}

// work calls an upstream and then those that Run hands over: a
// goroutine that has grown its stack is worth keeping.
func (p *Poller) work(s *upstream) {
	for s := s; s != nil; s = <-p.tasks {
		slow := time.AfterFunc(patience, func() {
			p.mu.Lock()
			if !p.stopped {
				p.running.Go(func() { p.work(<-p.tasks) })
			}
			p.mu.Unlock()
			s.show()
		})
		s.passed()
		if !slow.Stop() {
			return
		}
	}
}

// moment is what the process is like now.
func (p *Poller) moment() moment {
	return moment{now: time.Now(), connections: p.Connections(), coalesce: p.count.Load() >= coalesceAbove}
}

// schedule has an upstream called at a time, instead of the one before; the zero
// time is never. If it is quick, the one before may stay if it is earlier.
func (p *Poller) schedule(s *upstream, at time.Time, quick bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	queued := s.index >= 0
	if queued && (at.Equal(s.at) || quick && !at.Before(s.at)) {
		return
	}
	s.at = at
	switch {
	case at.IsZero() && queued:
		heap.Remove(&p.queue, s.index)
	case at.IsZero():
	case queued:
		heap.Fix(&p.queue, s.index)
	default:
		heap.Push(&p.queue, s)
	}
	if s.index == 0 && at.Before(p.alarm) {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// queue is a heap of upstreams by the time at which they are to be called.
type queue []*upstream

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	s := x.(*upstream)
	s.index = len(*q)
	*q = append(*q, s)
}

func (q *queue) Pop() any {
	old := *q
	s := old[len(old)-1]
	old[len(old)-1] = nil
	s.index = -1
	*q = old[:len(old)-1]
	return s
}
