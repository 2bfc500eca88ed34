// Package poll collects upstreams: on a schedule and on demand, with retries after failed
// attempts and probes after the pause of a circuit breaker. Each upstream has a core that
// decides what to do from events and their times, without doing any I/O. The rest of the
// package carries out these decisions with a pool of workers, and publishes immutable views.
// Collections never wait for readers, and readers never wait for collections.
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

// ErrStopped means that Run is ending or has ended.
var ErrStopped = errors.New("collecting has ended")

// Options configure a Poller.
type Options struct {
	UserAgent string
	Hostname  string // of this machine, to spread exporters over the replicas of an upstream
	// Publish is called with every new view of an upstream, in order for each upstream.
	// It must not block.
	Publish func(*fleet.View)
	// Report is called with every event, from many goroutines. It must not block.
	Report func(Event)
	// Dial makes connections to upstreams; nil means the machine's network.
	Dial fleet.Dial
	// MaxConnections is the maximum number of open connections to upstreams; 0 means no
	// limit. A dial beyond it fails with EMFILE.
	MaxConnections int
}

// A Poller collects a set of upstreams. Its methods are safe for concurrent use.
type Poller struct {
	o       Options
	limiter *connLimiter
	shared

	mu        sync.Mutex
	queue     queue
	alarm     time.Time // when Run will wake up
	upstreams map[*fleet.Upstream]*upstream
	count     atomic.Int64 // number of upstreams
	stopped   bool         // Run is ending or has ended
	wake      chan struct{}
	tasks     chan *upstream // for idle workers; closed at the end of Run
	workers   int            // number of workers that Run has started; only Run uses it
	running   sync.WaitGroup
}

// New returns a Poller without upstreams. Call Run to start it.
func New(o Options) *Poller {
	now := time.Now()
	return &Poller{
		o: o, limiter: newConnLimiter(o.MaxConnections),
		shared:    shared{budget: retry.NewBudget(now), random: rand.N[time.Duration], began: now, parallelAfter: parallelAfter},
		upstreams: make(map[*fleet.Upstream]*upstream), wake: make(chan struct{}, 1), tasks: make(chan *upstream),
	}
}

// Add adds an upstream and publishes its first, empty view. A scheduled upstream is
// collected at once and then every interval while Run is running; others are collected
// only by CollectNow. Add returns an error if credentials or certificates cannot be read,
// and ErrStopped when Run is ending or has ended.
func (p *Poller) Add(ctx context.Context, u *fleet.Upstream, scheduled bool) error {
	s, err := newUpstream(ctx, p, u, scheduled)
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
	s.unpublished = true
	s.publish(false)
	s.mu.Unlock()
	return nil
}

// Remove removes an upstream, ends its collections and closes its connections. No view of
// it is published after Remove returns.
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

// CollectNow collects the documents of an upstream that the cache cannot serve, within
// the limit and the upstream's own timeout, and returns the resulting view. Concurrent
// calls share one collection. Run must be running, because it makes the retries. If ctx
// ends first, CollectNow returns the current view and late is true; the collection
// continues. The view is nil for an unknown upstream.
func (p *Poller) CollectNow(ctx context.Context, u *fleet.Upstream, limit time.Duration) (v *fleet.View, late bool) {
	p.mu.Lock()
	s := p.upstreams[u]
	p.mu.Unlock()
	if s == nil {
		return nil, false
	}
	return s.collectNow(ctx, limit)
}

// Run collects the upstreams until ctx ends. It returns when all collections have ended, and
// must not be called again.
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

// Run starts at most maxWorkers workers, because reusing their buffers and stacks is cheaper
// than collecting a whole fleet concurrently. When a worker has been busy with one upstream
// for slowAfter, another takes its place, so that hanging upstreams do not delay others.
const (
	maxWorkers = 8
	slowAfter  = 5 * time.Millisecond
)

// dispatch passes the upstreams that are due to workers and returns how long to sleep
// until the next is due.
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
		if p.workers < maxWorkers {
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

// work handles an upstream and then those that Run dispatches to idle workers.
func (p *Poller) work(s *upstream) {
	for s := s; s != nil; s = <-p.tasks {
		slow := time.AfterFunc(slowAfter, func() {
			p.mu.Lock()
			if !p.stopped {
				p.running.Go(func() { p.work(<-p.tasks) })
			}
			p.mu.Unlock()
			s.publishDeferred()
		})
		s.runDue()
		if !slow.Stop() {
			return
		}
	}
}

// moment returns the current time and the state of the process.
func (p *Poller) moment() moment {
	return moment{now: time.Now(), connections: p.Connections(), coalesce: p.count.Load() >= coalesceAbove}
}

// schedule sets the time when an upstream is due; the zero time means never. If quick is
// set, it does not postpone it: the end of the quick collection schedules it again.
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

// queue is a heap of upstreams ordered by when they are due.
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
