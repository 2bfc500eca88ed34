package test

import (
	"sync"
	"testing"
	"time"
)

// A stallDetector detects times when the machine does not run this process, so that tests can
// distinguish them from delays caused by the programs.
type stallDetector struct {
	mu     sync.Mutex
	stalls []stall
}

// A stall is the time when a timer fired late, and its delay.
type stall struct {
	at    time.Time
	delay time.Duration
}

// stallLimit is a delay that busy cores do not explain.
const stallLimit = 250 * time.Millisecond

// newStallDetector starts a detector and stops it when the test ends.
func newStallDetector(t *testing.T) *stallDetector {
	t.Helper()
	const period = 20 * time.Millisecond
	d, stop, stopped := new(stallDetector), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for last := time.Now(); ; {
			select {
			case <-stop:
				return
			case <-time.After(period):
			}
			now := time.Now()
			if delay := now.Sub(last) - period; delay > stallLimit {
				d.mu.Lock()
				d.stalls = append(d.stalls, stall{now, delay})
				d.mu.Unlock()
			}
			last = now
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return d
}

// stalled returns the longest stall since a time, or 0.
func (d *stallDetector) stalled(since time.Time) (longest time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.stalls {
		if s.at.After(since) {
			longest = max(longest, s.delay)
		}
	}
	return longest
}
