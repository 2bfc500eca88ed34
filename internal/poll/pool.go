package poll

import (
	"container/heap"
	"time"
)

// What is due runs in a pool: many collections at once, because most of each is
// waiting, but not a whole fleet, because buffers and stacks that are used again
// at once cost less. A collection that is slow gives its place to the next, so
// that upstreams that hang hold up nobody.
const (
	places   = 8
	patience = 5 * time.Millisecond
)

// pool is the state of the pool, guarded by the poller's mutex.
type pool struct {
	busy int       // places that are taken
	full bool      // so that Run waits for one
	idle int       // workers that wait for a task
	hand chan task // a task for an idle worker; closed at the end of Run
}

// dispatch starts what is due, as far as there are places, and tells how long to
// sleep until something may be due again.
func (p *Poller) dispatch(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.pool.busy < places {
		t, due := p.due(now)
		if !due {
			break
		}
		p.pool.busy++
		if p.pool.idle > 0 {
			p.pool.idle--
			p.pool.hand <- t // there is room for one each
		} else {
			p.running.Go(func() { p.work(t) })
		}
	}
	switch {
	case p.pool.busy == places:
		p.pool.full = true
		return time.Hour // who leaves rouses
	case len(p.queue) == 0:
		return time.Hour // schedule rouses
	}
	return p.queue[0].at.Sub(now)
}

// work does one task after the other, as long as something is due, and then
// waits for more: a goroutine that has grown its stack is worth keeping.
func (p *Poller) work(t task) {
	for more := true; more; {
		ifSlow := t.slow
		slow := time.AfterFunc(patience, func() {
			p.leave()
			if ifSlow != nil {
				ifSlow()
			}
		})
		t.do(t.at)
		inPlace := slow.Stop()
		t, more = p.more(inPlace)
	}
}

// more is the next task of a worker, which may have lost its place. It is false
// if there are workers enough, or Run has ended.
func (p *Poller) more(inPlace bool) (task, bool) {
	if inPlace {
		p.mu.Lock()
		t, due := p.due(time.Now())
		p.mu.Unlock()
		if due {
			return t, true
		}
		p.leave()
	}
	p.mu.Lock()
	stay := !p.stopped && p.pool.idle < places
	if stay {
		p.pool.idle++
	}
	p.mu.Unlock()
	if !stay {
		return task{}, false
	}
	t, ok := <-p.pool.hand
	return t, ok
}

// leave gives back a place of the pool.
func (p *Poller) leave() {
	p.mu.Lock()
	p.pool.busy--
	full := p.pool.full
	p.pool.full = false
	p.mu.Unlock()
	if full {
		p.rouse()
	}
}

// due takes out the first task of the queue if its time has come, but nothing
// after the end of Run. The caller holds the mutex.
func (p *Poller) due(now time.Time) (task, bool) {
	if p.stopped || len(p.queue) == 0 || p.queue[0].at.After(now) {
		return task{}, false
	}
	return heap.Pop(&p.queue).(task), true
}
