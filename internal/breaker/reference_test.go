package breaker

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"pgregory.net/rapid"
)

// reference is sony/gobreaker with the design's outcomes.
type reference struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	entered int
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
		OnStateChange: func(string, gobreaker.State, gobreaker.State) { r.entered++ },
	})
	return r
}

// compare runs a history on a breaker and on the reference. Results of an
// earlier state are left out: gobreaker half-opens for one that comes after the
// pause.
func compare(steps []step, limit uint32) (diff string) {
	type pair struct {
		permit  *clockedPermit
		done    func(error)
		entered int
	}
	b, r := newClocked(limit, pause), newReference(limit)
	var out []pair
	for _, s := range steps {
		switch s.kind {
		case "sleep":
			time.Sleep(s.sleep)
		case "allow":
			p, err := b.Allow()
			done, want := r.Allow()
			switch {
			case (err == nil) != (want == nil):
				return "Allow(): got " + errText(err) + ", want " + errText(want)
			case err == nil:
				out = append(out, pair{p, done, r.entered})
			}
		case "done":
			if len(out) == 0 {
				continue
			}
			i := s.which % len(out)
			p := out[i]
			out = slices.Delete(out, i, i+1)
			if p.entered == r.entered {
				p.permit.Done(s.outcome)
				p.done(map[Outcome]error{Success: nil, Failure: ErrOpen, Ignored: errIgnored}[s.outcome])
			}
		}
		// gobreaker's own State half-opens at the end of the pause.
		if b.State() == Open && time.Until(b.OpenUntil()) <= time.Millisecond {
			continue
		}
		if want := map[gobreaker.State]State{gobreaker.StateClosed: Closed, gobreaker.StateHalfOpen: HalfOpen, gobreaker.StateOpen: Open}[r.State()]; b.State() != want {
			return "State(): got " + b.State().String() + ", want " + want.String()
		}
	}
	return ""
}

func errText(err error) string {
	if err == nil {
		return "a permit"
	}
	return err.Error()
}

func TestEveryHistoryIsThatOfGobreaker(t *testing.T) {
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
