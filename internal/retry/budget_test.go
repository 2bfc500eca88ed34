package retry

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// spend takes retries until the budget is empty, and returns their number.
func spend(b *Budget, now time.Time) (n int) {
	for b.Take(now) {
		n++
	}
	return n
}

func TestBudget(t *testing.T) {
	type step struct {
		sleep  time.Duration
		firsts int // number of first attempts after the sleep
		want   int // number of retries that the budget then allows
	}
	const margin = time.Microsecond // for rounding errors
	for name, steps := range map[string][]step{
		"is full at the start":                         {{0, 0, 15}},
		"does not refill unless time passes":           {{0, 0, 15}, {0, 0, 0}},
		"refills one token per second":                 {{0, 0, 15}, {time.Second - 1, 0, 0}, {1 + margin, 0, 1}, {7*time.Second + margin, 0, 7}},
		"gains a retry from five first attempts":       {{0, 0, 15}, {0, 4, 0}, {0, 1, 1}},
		"does not grow beyond its size with time":      {{time.Hour, 0, 15}, {time.Hour, 0, 15}},
		"does not grow beyond its size with attempts":  {{0, 100, 15}, {0, 100, 15}},
		"keeps part of a token when it denies a retry": {{0, 0, 15}, {900 * time.Millisecond, 0, 0}, {101 * time.Millisecond, 0, 1}},
	} {
		now := ours
		b := NewBudget(now)
		for i, s := range steps {
			now = now.Add(s.sleep)
			for range s.firsts {
				b.Deposit(now)
			}
			if got := spend(b, now); got != s.want {
				t.Errorf("budget %s: step %d: got %d retries, want %d", name, i, got, s.want)
			}
		}
	}
}

// move is one step in the history of a budget.
type move struct {
	kind  string
	sleep time.Duration
}

// The model is a token bucket that counts in nanoseconds. Results are not compared if the
// model is within rounding errors of a whole token.
func TestBudgetMatchesTheModel(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) move {
		return move{
			kind:  rapid.SampledFrom([]string{"first", "take", "take", "sleep"}).Draw(t, "kind"),
			sleep: time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "sleep")),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		moves := rapid.SliceOfN(draw, 0, 200).Draw(r, "moves")
		const full, margin = 15 * time.Second, time.Microsecond
		now, model := ours, full
		b := NewBudget(now)
		for i, m := range moves {
			switch m.kind {
			case "sleep":
				now = now.Add(m.sleep)
				model = min(full, model+m.sleep)
			case "first":
				b.Deposit(now)
				model = min(full, model+time.Second/5)
			case "take":
				got, near := b.Take(now), (model-time.Second).Abs() < margin
				if want := model >= time.Second; got != want && !near {
					r.Fatalf("move %d: Take() with %v worth of tokens: got %v, want %v", i, model, got, want)
				}
				if got {
					model -= time.Second
				}
			}
		}
	})
}

func TestConcurrentCallersDoNotOverspendTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		start := time.Now()
		var retries atomic.Int64
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				for range 50 {
					b.Deposit(time.Now())
					for range 5 {
						if b.Take(time.Now()) {
							retries.Add(1)
						}
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		callers.Wait()
		earned := 15 + time.Since(start).Seconds() + 0.2*20*50
		if got := float64(retries.Load()); got > earned || got < earned-1-15 {
			t.Errorf("got %v retries, want %v or slightly fewer", got, earned)
		}
	})
}
