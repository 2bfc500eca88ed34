package test

import (
	"sync"
	"testing"
	"time"
)

// stallDetector feels whether the machine lets processes run. What is late because it
// does not is no fault of theirs.
type stallDetector struct {
	mu    sync.Mutex
	beats []stall
}

// stall is a time at which the pulse was late, and by how much.
type stall struct {
	at time.Time
	by time.Duration
}

// stallLimit is a lateness beyond what full cores explain.
const stallLimit = 250 * time.Millisecond

// newStallDetector starts a pulse, which ends with the test.
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
				p.beats = append(p.beats, stall{now, by})
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

// stalled is how much the pulse was late at most since a time, 0 if it never was
// late by a stall.
func (p *stallDetector) stalled(since time.Time) (longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.beats {
		if b.at.After(since) {
			longest = max(longest, b.by)
		}
	}
	return longest
}
