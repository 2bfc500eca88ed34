package breaker

import (
	"sync"
	"time"
)

// clocked is a breaker that is told the time of the bubble, under a lock.
type clocked struct {
	mu sync.Mutex
	b  Breaker
}

func newClocked(failures uint32, pause time.Duration) *clocked {
	return &clocked{b: New(failures, pause)}
}

// clockedPermit is a permit with the states that were entered by admitting it.
type clockedPermit struct {
	Permit
	Changes []State
	c       *clocked
}

func (c *clocked) Allow() (*clockedPermit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.b.Allow(time.Now())
	if err != nil {
		return nil, err
	}
	out := &clockedPermit{Permit: p, c: c}
	if p.HalfOpened {
		out.Changes = []State{c.b.State()}
	}
	return out, nil
}

func (p *clockedPermit) Done(o Outcome) []State {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if p.c.b.Done(p.Permit, o, time.Now()) {
		return []State{p.c.b.State()}
	}
	return nil
}

func (c *clocked) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.State()
}

func (c *clocked) OpenUntil() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.OpenUntil()
}
