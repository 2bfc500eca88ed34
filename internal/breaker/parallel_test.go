package breaker

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Many goroutines use one breaker; the fake clock makes their pauses short but
// not their races.
func TestParallelUseKeepsOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newClocked(failures, pause)
		var probes atomic.Int32
		var entered [NumStates]atomic.Int32
		count := func(changes []State) {
			for _, s := range changes {
				entered[s].Add(1)
			}
		}
		attempt := func() {
			p, err := b.Allow()
			if err != nil {
				time.Sleep(time.Duration(rand.Int64N(int64(pause))))
				return
			}
			count(p.Changes)
			if p.Probe && probes.Add(1) > 1 {
				t.Error("probes out: got 2, want 1")
			}
			time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
			if p.Probe {
				probes.Add(-1)
			}
			// A breaker that mostly fails goes through all its states.
			count(p.Done([]Outcome{Failure, Failure, Failure, Failure, Success, Ignored}[rand.IntN(6)]))
		}
		var users sync.WaitGroup
		for range 16 {
			users.Go(func() {
				for range 500 {
					attempt()
					b.State()
					b.OpenUntil()
				}
			})
		}
		users.Wait()
		opened, halfOpened, closed := entered[Open].Load(), entered[HalfOpen].Load(), entered[Closed].Load()
		if halfOpened == 0 || closed == 0 {
			t.Fatalf("entered half-open %d and closed %d times, want each at least once", halfOpened, closed)
		}
		// Of states entered in turn, none is entered much more often than its neighbour.
		if opened-halfOpened < 0 || opened-halfOpened > 1 || closed > halfOpened {
			t.Errorf("entered open %d, half-open %d, closed %d times, want a path", opened, halfOpened, closed)
		}
	})
}
