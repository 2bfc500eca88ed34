package breaker

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// step is one step in the history of a breaker.
type step struct {
	kind    string        // allow, done or sleep
	which   int           // for done: index of the running attempt, modulo their number
	outcome Outcome       // for done
	sleep   time.Duration // for sleep
}

// history draws the steps of a history: mostly failures, and sleeps that often end just
// before, at or just after the end of a pause.
func history(t *rapid.T) []step {
	draw := rapid.Custom(func(t *rapid.T) step {
		return step{
			kind:    rapid.SampledFrom([]string{"allow", "allow", "allow", "done", "done", "done", "sleep"}).Draw(t, "kind"),
			which:   rapid.IntRange(0, 9).Draw(t, "which"),
			outcome: rapid.SampledFrom([]Outcome{Failure, Failure, Failure, Success, Ignored}).Draw(t, "outcome"),
			sleep: rapid.OneOf(
				rapid.SampledFrom([]time.Duration{1, pause - 1, pause, pause + 1, pause + 1}),
				rapid.Map(rapid.Int64Range(0, int64(2*pause)), func(n int64) time.Duration { return time.Duration(n) }),
			).Draw(t, "sleep"),
		}
	})
	// Short histories are easier to shrink, but only long ones reach every state.
	n := rapid.SampledFrom([]int{8, 40, 150}).Draw(t, "length")
	return rapid.SliceOfN(draw, n/2, n).Draw(t, "history")
}

// model is a second implementation of a breaker, independent of the code under test.
type model struct {
	limit      int
	state      State
	failures   int // consecutive
	openedAt   time.Time
	probing    bool
	generation int // number of state changes
	changes    []State
}

func (m *model) enter(s State) {
	m.state, m.failures, m.probing = s, 0, false
	m.generation++
	m.changes = append(m.changes, s)
}

func (m *model) allow(now time.Time) (admitted, probe bool) {
	switch m.state {
	case Closed:
		return true, false
	case Open:
		if now.Sub(m.openedAt) <= pause {
			return false, false
		}
		m.enter(HalfOpen)
	case HalfOpen:
		if m.probing {
			return false, false
		}
	}
	m.probing = true
	return true, true
}

func (m *model) done(generation int, o Outcome, now time.Time) {
	if generation != m.generation {
		return
	}
	switch {
	case o == Ignored:
		m.probing = false
	case m.state == HalfOpen && o == Success:
		m.enter(Closed)
	case o == Success:
		m.failures = 0
	case m.state == HalfOpen:
		m.enter(Open)
		m.openedAt = now
	default:
		if m.failures++; m.failures == m.limit {
			m.enter(Open)
			m.openedAt = now
		}
	}
}

// running is an attempt that has not ended.
type running struct {
	permit     Permit
	generation int // of the model, when the attempt was allowed
}

// replay compares a breaker with the model after each step of a history.
func replay(steps []step, limit int) error {
	b, m := New(uint32(limit), pause), &model{limit: limit}
	var now time.Time
	var attempts []running
	var changes []State
	probes := 0 // number of running probes, counted independently of the model
	finish := func(i int, o Outcome) {
		a := attempts[i]
		attempts = slices.Delete(attempts, i, i+1)
		if a.permit.Probe {
			probes--
		}
		if b.Done(a.permit, o, now) {
			changes = append(changes, b.State())
		}
		m.done(a.generation, o, now)
	}
	check := func(at string) error {
		var until time.Time
		if m.state == Open {
			until = m.openedAt.Add(pause + time.Millisecond)
		}
		switch {
		case b.State() != m.state:
			return fmt.Errorf("%s: State(): got %v, want %v", at, b.State(), m.state)
		case !slices.Equal(changes, m.changes):
			return fmt.Errorf("%s: changes: got %v, want %v", at, changes, m.changes)
		case probes > 1:
			return fmt.Errorf("%s: probes: got %d, want at most 1", at, probes)
		case b.OpenUntil() != until:
			return fmt.Errorf("%s: OpenUntil() while %v: got %v, want %v", at, m.state, b.OpenUntil(), until)
		}
		return nil
	}
	for i, s := range steps {
		switch s.kind {
		case "sleep":
			now = now.Add(s.sleep)
		case "allow":
			p, err := b.Allow(now)
			admitted, probe := m.allow(now)
			switch {
			case admitted != (err == nil), !admitted && !errors.Is(err, ErrOpen):
				return fmt.Errorf("step %d: Allow(): got %v, want admitted = %v", i, err, admitted)
			case !admitted:
				continue
			case p.Probe != probe:
				return fmt.Errorf("step %d: Probe: got %v, want %v", i, p.Probe, probe)
			}
			if probe {
				probes++
			}
			if p.HalfOpened {
				changes = append(changes, b.State())
			}
			attempts = append(attempts, running{p, m.generation})
		case "done":
			if len(attempts) > 0 {
				finish(s.which%len(attempts), s.outcome)
			}
		}
		if err := check(fmt.Sprintf("step %d, %s", i, s.kind)); err != nil {
			return err
		}
	}
	for len(attempts) > 0 { // every attempt ends exactly once
		finish(0, Ignored)
	}
	if err := check("end"); err != nil {
		return err
	}
	if _, err := b.Allow(now.Add(pause + 1)); err != nil {
		return fmt.Errorf("Allow() a pause after the end of all attempts: got %v, want a permit", err)
	}
	return checkOrder(changes)
}

// checkOrder checks the order of state changes: from closed to open, from open to half-open,
// and from half-open to closed or open.
func checkOrder(changes []State) error {
	from := Closed
	for i, to := range changes {
		switch {
		case from == Closed && to == Open, from == Open && to == HalfOpen, from == HalfOpen && to != HalfOpen:
		default:
			return fmt.Errorf("change %d: got %v to %v, which is not allowed", i, from, to)
		}
		from = to
	}
	return nil
}

func TestEveryHistoryMatchesTheModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.SampledFrom([]int{1, 2, failures}).Draw(r, "failures")
		if err := replay(history(r), limit); err != nil {
			r.Fatal(err)
		}
	})
}
