package breaker

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// step is one thing that happens to a breaker.
type step struct {
	kind    string // allow, done or sleep
	which   int    // done: which of the attempts that are out, modulo their number
	outcome Outcome
	sleep   time.Duration
}

// history draws what happens to a breaker: mostly failures, and sleeps that
// end just before, at and just after the end of a pause.
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
	// Short ones shrink well, only long ones see every state.
	n := rapid.SampledFrom([]int{8, 40, 150}).Draw(t, "length")
	return rapid.SliceOfN(draw, n/2, n).Draw(t, "history")
}

// model is what is promised, in the shortest form: nothing of it is taken
// from the code under test.
type model struct {
	limit     int
	state     State
	streak    int
	openedAt  time.Time
	probeOut  bool
	era       int // number of states entered so far
	everyMove []State
}

func (m *model) enter(s State) {
	m.state, m.streak, m.probeOut = s, 0, false
	m.era++
	m.everyMove = append(m.everyMove, s)
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
		if m.probeOut {
			return false, false
		}
	}
	m.probeOut = true
	return true, true
}

func (m *model) done(era int, o Outcome, now time.Time) {
	if era != m.era {
		return
	}
	switch {
	case o == Ignored:
		m.probeOut = false
	case m.state == HalfOpen && o == Success:
		m.enter(Closed)
	case o == Success:
		m.streak = 0
	case m.state == HalfOpen:
		m.enter(Open)
		m.openedAt = now
	default:
		if m.streak++; m.streak == m.limit {
			m.enter(Open)
			m.openedAt = now
		}
	}
}

// attempt is an admitted attempt that is not yet finished.
type attempt struct {
	permit *clockedPermit
	era    int
}

// replay runs a history on a breaker and on the model, and tells where they
// part. It runs inside a bubble, rapid outside of it.
func replay(steps []step, limit int) error {
	b, m := newClocked(uint32(limit), pause), &model{limit: limit}
	var out []attempt
	var moves []State
	probes := 0 // out now; counted apart from the model
	finish := func(i int, o Outcome) {
		a := out[i]
		out = slices.Delete(out, i, i+1)
		if a.permit.Probe {
			probes--
		}
		moves = append(moves, a.permit.Done(o)...)
		m.done(a.era, o, time.Now())
	}
	check := func(at string) error {
		switch until := b.OpenUntil(); {
		case b.State() != m.state:
			return fmt.Errorf("%s: State(): got %v, want %v", at, b.State(), m.state)
		case !slices.Equal(moves, m.everyMove):
			return fmt.Errorf("%s: changes: got %v, want %v", at, moves, m.everyMove)
		case probes > 1:
			return fmt.Errorf("%s: probes out: got %d, want at most 1", at, probes)
		case until.IsZero() == (m.state == Open):
			return fmt.Errorf("%s: OpenUntil() while %v: got %v", at, m.state, until)
		}
		return nil
	}
	for i, s := range steps {
		switch s.kind {
		case "sleep":
			time.Sleep(s.sleep)
		case "allow":
			p, err := b.Allow()
			admitted, probe := m.allow(time.Now())
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
			moves = append(moves, p.Changes...)
			out = append(out, attempt{p, m.era})
		case "done":
			if len(out) > 0 {
				finish(s.which%len(out), s.outcome)
			}
		}
		if err := check(fmt.Sprintf("step %d, %s", i, s.kind)); err != nil {
			return err
		}
	}
	for len(out) > 0 { // every admitted attempt is finished exactly once
		finish(0, Ignored)
	}
	if err := check("end"); err != nil {
		return err
	}
	time.Sleep(pause + 1)
	if _, err := b.Allow(); err != nil {
		return fmt.Errorf("a pause after everything is finished: Allow(): got %v, want a permit", err)
	}
	return path(moves)
}

// path checks that changes of state follow each other: closed, open, half-open
// and from there to either.
func path(moves []State) error {
	from := Closed
	for i, to := range moves {
		switch {
		case from == Closed && to == Open, from == Open && to == HalfOpen, from == HalfOpen && to != HalfOpen:
		default:
			return fmt.Errorf("change %d: got %v to %v, want a step of the path", i, from, to)
		}
		from = to
	}
	return nil
}

func TestEveryHistoryIsThatOfTheModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.SampledFrom([]int{1, 2, failures}).Draw(r, "failures")
		steps := history(r)
		var err error
		synctest.Test(t, func(*testing.T) { err = replay(steps, limit) })
		if err != nil {
			r.Fatal(err)
		}
	})
}
