package breaker

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"pgregory.net/rapid"
)

// reference is a breaker of sony/gobreaker with the outcomes of this package.
type reference struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	generation int // number of state changes
}

var errIgnored = errors.New("ignored")

func newReference(failures uint32) *reference {
	r := new(reference)
	r.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:   1,
		Timeout:       pause,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		IsSuccessful:  func(err error) bool { return err == nil },
		IsExcluded:    func(err error) bool { return err == errIgnored },
		OnStateChange: func(string, gobreaker.State, gobreaker.State) { r.generation++ },
	})
	return r
}

// compare runs a history on a breaker and on the reference, which uses time.Now, and returns
// the first difference. It does not report results of attempts from an earlier state,
// because gobreaker half-opens if it gets a result after the pause.
func compare(steps []step, limit uint32) (diff string) {
	type pair struct {
		permit     Permit
		done       func(error)
		generation int
	}
	b, r := New(limit, pause), newReference(limit)
	var attempts []pair
	for _, s := range steps {
		switch s.kind {
		case "sleep":
			time.Sleep(s.sleep)
		case "allow":
			p, err := b.Allow(time.Now())
			done, want := r.Allow()
			switch {
			case (err == nil) != (want == nil):
				return fmt.Sprintf("Allow(): got %v, want %v", err, want)
			case err == nil:
				attempts = append(attempts, pair{p, done, r.generation})
			}
		case "done":
			if len(attempts) == 0 {
				continue
			}
			i := s.which % len(attempts)
			p := attempts[i]
			attempts = slices.Delete(attempts, i, i+1)
			if p.generation == r.generation {
				b.Done(p.permit, s.outcome, time.Now())
				p.done(map[Outcome]error{Success: nil, Failure: ErrOpen, Ignored: errIgnored}[s.outcome])
			}
		}
		// Do not call State of gobreaker after the pause, because it half-opens.
		if b.State() == Open && time.Until(b.OpenUntil()) <= time.Millisecond {
			continue
		}
		if want := map[gobreaker.State]State{gobreaker.StateClosed: Closed, gobreaker.StateHalfOpen: HalfOpen, gobreaker.StateOpen: Open}[r.State()]; b.State() != want {
			return fmt.Sprintf("State(): got %v, want %v", b.State(), want)
		}
	}
	return ""
}

func TestEveryHistoryMatchesGobreaker(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.SampledFrom([]uint32{1, 2, failures}).Draw(r, "failures")
		steps := history(r)
		var diff string
		synctest.Test(t, func(*testing.T) { diff = compare(steps, limit) })
		if diff != "" {
			r.Fatal(diff)
		}
	})
}
