package test

import (
	"sync"
	"testing"
	"time"
)

// stallDetector detects times in which the machine runs no processes, to distinguish them
// from delays of the programs.
type stallDetector struct {
	mu     sync.Mutex
	stalls []stall
}

// stall is the time at which a timer was late, and its delay.
type stall struct {
	at time.Time
	by time.Duration
}

// stallLimit is a delay that busy cores alone do not explain.
const stallLimit = 250 * time.Millisecond

// newStallDetector starts a detector that ends with the test.
func newStallDetector(t *testing.T) *stallDetector {
	t.Helper()
	const period = 20 * time.Millisecond
	p, end, ended := new(stallDetector), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for last := time.Now(); ; {
			select {
			case <-end:
				return
			case <-time.After(period):
			}
			now := time.Now()
			if by := now.Sub(last) - period; by > stallLimit {
				p.mu.Lock()
				p.stalls = append(p.stalls, stall{now, by})
				p.mu.Unlock()
			}
			last = now
		}
	}()
	t.Cleanup(func() {
		close(end)
		<-ended
	})
	return p
}

// stalled returns the longest stall since a time, or 0.
func (p *stallDetector) stalled(since time.Time) (longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.stalls {
		if b.at.After(since) {
			longest = max(longest, b.by)
		}
	}
	return longest
}
