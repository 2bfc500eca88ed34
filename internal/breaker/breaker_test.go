package breaker

import (
	"errors"
	"testing"
	"time"
)

// The defaults of --breaker.failures and --breaker.open.
const (
	failures = 5
	pause    = 30 * time.Second
)

var outcomes = []Outcome{Success, Failure, Ignored}

// fixture is a breaker with its own clock.
type fixture struct {
	*testing.T
	b   Breaker
	now time.Time
}

func newFixture(t *testing.T) *fixture {
	return &fixture{t, New(failures, pause), time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)}
}

func (f *fixture) sleep(d time.Duration) { f.now = f.now.Add(d) }

// admit requests an attempt, which must be allowed.
func (f *fixture) admit() Permit {
	f.Helper()
	p, err := f.b.Allow(f.now)
	if err != nil {
		f.Fatalf("Allow(): got %v, want a permit", err)
	}
	return p
}

// refuse requests an attempt, which must not be allowed.
func (f *fixture) refuse() {
	f.Helper()
	if p, err := f.b.Allow(f.now); !errors.Is(err, ErrOpen) || p != (Permit{}) {
		f.Fatalf("Allow(): got %v, %v, want no permit and ErrOpen", p, err)
	}
}

func (f *fixture) wantState(want State) {
	f.Helper()
	if got := f.b.State(); got != want {
		f.Fatalf("State(): got %v, want %v", got, want)
	}
}

// done ends an attempt and checks the resulting state.
func (f *fixture) done(p Permit, o Outcome, want State) {
	f.Helper()
	changes := f.b.State() != want
	if got := f.b.Done(p, o, f.now); got != changes {
		f.Fatalf("Done(): got %v, want %v", got, changes)
	}
	f.wantState(want)
}

// attempt makes an attempt and checks the resulting state.
func (f *fixture) attempt(o Outcome, want State) {
	f.Helper()
	f.done(f.admit(), o, want)
}

// fail makes n failed attempts, none of which may open the breaker.
func (f *fixture) fail(n int) {
	f.Helper()
	for range n {
		f.attempt(Failure, Closed)
	}
}

// open makes failed attempts until the breaker opens.
func (f *fixture) open() {
	f.Helper()
	f.fail(failures - 1)
	f.attempt(Failure, Open)
}

// probe starts the probe of an open breaker after its pause.
func (f *fixture) probe() Permit {
	f.Helper()
	f.sleep(pause + 1)
	p := f.admit()
	if !p.Probe || !p.HalfOpened {
		f.Fatalf("Allow() after the pause: got %+v, want a probe that half-opens", p)
	}
	f.wantState(HalfOpen)
	return p
}

func TestNewBreakerIsClosed(t *testing.T) {
	f := newFixture(t)
	f.wantState(Closed)
	if p := f.admit(); p.Probe || p.HalfOpened {
		t.Errorf("Allow(): got %+v, want a permit for an attempt that is not a probe", p)
	}
	f.wantState(Closed)
}

func TestBreakerOpensAfterFiveFailures(t *testing.T) { newFixture(t).open() }

func TestSuccessResetsTheFailures(t *testing.T) {
	f := newFixture(t)
	f.fail(failures - 1)
	f.attempt(Success, Closed)
	f.open()
}

func TestIgnoredAttemptsNeitherAddToNorResetTheFailures(t *testing.T) {
	f := newFixture(t)
	f.fail(failures - 1)
	for range 3 * failures {
		f.attempt(Ignored, Closed)
	}
	f.attempt(Failure, Open)
}

func TestTimeDoesNotResetTheFailures(t *testing.T) {
	f := newFixture(t)
	f.fail(failures - 1)
	f.sleep(24 * time.Hour)
	f.attempt(Failure, Open)
}

func TestFailuresOfOverlappingAttemptsAddUp(t *testing.T) {
	f := newFixture(t)
	var started []Permit
	for range failures {
		started = append(started, f.admit())
	}
	for _, p := range started[1:] {
		f.done(p, Failure, Closed)
	}
	f.done(started[0], Failure, Open)
}

func TestStateNamesAreTheLabelValues(t *testing.T) {
	for state, want := range map[State]string{Closed: "closed", HalfOpen: "half_open", Open: "open"} {
		if got := state.String(); got != want {
			t.Errorf("String(): got %q, want %q", got, want)
		}
	}
}
