package retry

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// spend takes as often as the budget lets it.
func spend(b *Budget) int {
	n := 0
	for b.Take(time.Now()) {
		n++
	}
	return n
}

func wantSpent(t *testing.T, b *Budget, want int) {
	t.Helper()
	if got := spend(b); got != want {
		t.Errorf("retries paid for: got %d, want %d", got, want)
	}
}

func TestABudgetIsFullAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { wantSpent(t, NewBudget(time.Now()), 15) })
}

func TestAnEmptyBudgetStaysEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		spend(b)
		wantSpent(t, b, 0)
	})
}

func TestABudgetRefillsOneASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		spend(b)
		time.Sleep(time.Second - 1)
		wantSpent(t, b, 0)
		time.Sleep(1 + time.Microsecond) // what is left of the second, and of rounding
		wantSpent(t, b, 1)
		time.Sleep(7*time.Second + time.Microsecond)
		wantSpent(t, b, 7)
	})
}

func TestFiveFirstAttemptsEarnARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		spend(b)
		for range 4 {
			b.First(time.Now())
		}
		wantSpent(t, b, 0)
		b.First(time.Now())
		wantSpent(t, b, 1)
	})
}

func TestTimeFillsABudgetNoMoreThanFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		time.Sleep(time.Hour)
		wantSpent(t, b, 15)
		time.Sleep(time.Hour)
		wantSpent(t, b, 15)
	})
}

func TestFirstAttemptsFillABudgetNoMoreThanFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		for range 100 {
			b.First(time.Now())
		}
		wantSpent(t, b, 15)
		for range 100 {
			b.First(time.Now())
		}
		wantSpent(t, b, 15)
	})
}

func TestARetryCostsNothingWhenItIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		spend(b)
		for range 10 {
			time.Sleep(90 * time.Millisecond)
			b.Take(time.Now())
		}
		time.Sleep(101 * time.Millisecond)
		wantSpent(t, b, 1)
	})
}

// move is one thing that happens to a budget.
type move struct {
	kind  string
	sleep time.Duration
}

// A history of moves must agree with a bucket that is counted in whole
// nanoseconds of refill; rounding may shift a token by a hair, so the model
// leaves out the answers that are so close.
func TestABudgetPaysAsItsRuleSays(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) move {
		return move{
			kind:  rapid.SampledFrom([]string{"first", "take", "take", "sleep"}).Draw(t, "kind"),
			sleep: time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "sleep")),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		moves := rapid.SliceOfN(one, 0, 200).Draw(r, "moves")
		var wrong string
		synctest.Test(t, func(*testing.T) { wrong = settle(moves) })
		if wrong != "" {
			r.Fatal(wrong)
		}
	})
}

func settle(moves []move) string {
	const full, hair = 15 * time.Second, time.Microsecond
	b, model := NewBudget(time.Now()), full
	for _, m := range moves {
		switch m.kind {
		case "sleep":
			time.Sleep(m.sleep)
			model = min(full, model+m.sleep)
		case "first":
			b.First(time.Now())
			model = min(full, model+time.Second/5)
		case "take":
			got, near := b.Take(time.Now()), (model-time.Second).Abs() < hair
			if want := model >= time.Second; got != want && !near {
				return "Take() with " + model.String() + " worth of refill did not follow the rule"
			}
			if got {
				model -= time.Second
			}
		}
	}
	return ""
}

func TestABudgetIsNotOverspentInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Now())
		start := time.Now()
		var paid atomic.Int64
		var users sync.WaitGroup
		for range 20 {
			users.Go(func() {
				for range 50 {
					b.First(time.Now())
					for range 5 {
						if b.Take(time.Now()) {
							paid.Add(1)
						}
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		users.Wait()
		earned := 15 + time.Since(start).Seconds() + 0.2*20*50
		if got := float64(paid.Load()); got > earned || got < earned-1-15 {
			t.Errorf("retries paid for: got %v, want nearly %v and not more", got, earned)
		}
	})
}
