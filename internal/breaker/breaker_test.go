package breaker

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// The defaults of --breaker.failures and --breaker.open.
const (
	failures = 5
	pause    = 30 * time.Second
)

// inBubble runs a test on a fake clock, with a breaker made on it.
func inBubble(t *testing.T, f func(t *testing.T, b *clocked)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newClocked(failures, pause)) })
}

// admit asks for an attempt that must be let through.
func admit(t *testing.T, b *clocked) *clockedPermit {
	t.Helper()
	p, err := b.Allow()
	if err != nil {
		t.Fatalf("Allow(): got %v, want a permit", err)
	}
	return p
}

// refuse asks for an attempt that must not be let through.
func refuse(t *testing.T, b *clocked) {
	t.Helper()
	if p, err := b.Allow(); !errors.Is(err, ErrOpen) || p != nil {
		t.Fatalf("Allow(): got %v, %v, want no permit and ErrOpen", p, err)
	}
}

// call makes one whole attempt.
func call(t *testing.T, b *clocked, o Outcome) []State {
	t.Helper()
	return admit(t, b).Done(o)
}

// repeat makes a number of attempts that all end alike.
func repeat(t *testing.T, b *clocked, n int, o Outcome) {
	t.Helper()
	for range n {
		call(t, b, o)
	}
}

func wantState(t *testing.T, b *clocked, want State) {
	t.Helper()
	if got := b.State(); got != want {
		t.Fatalf("State(): got %v, want %v", got, want)
	}
}

func wantChanges(t *testing.T, got []State, want ...State) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("changes: got %v, want %v", got, want)
	}
}

func TestANewBreakerIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		wantState(t, b, Closed)
		p := admit(t, b)
		wantChanges(t, p.Changes)
		if p.Probe {
			t.Error("Probe of a closed breaker: got true, want false")
		}
	})
}

func TestOpensAtTheFifthFailureAndNotEarlier(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		for range failures - 1 {
			wantChanges(t, call(t, b, Failure))
			wantState(t, b, Closed)
		}
		wantChanges(t, call(t, b, Failure), Open)
		wantState(t, b, Open)
	})
}

func TestSuccessResetsTheStreak(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		repeat(t, b, failures-1, Failure)
		call(t, b, Success)
		repeat(t, b, failures-1, Failure)
		wantState(t, b, Closed)
		wantChanges(t, call(t, b, Failure), Open)
	})
}

func TestIgnoredDoesNotCount(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		repeat(t, b, failures-1, Failure)
		repeat(t, b, 3*failures, Ignored)
		wantState(t, b, Closed)
	})
}

func TestIgnoredDoesNotResetTheStreak(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		repeat(t, b, failures-1, Failure)
		call(t, b, Ignored)
		wantChanges(t, call(t, b, Failure), Open)
	})
}

func TestTimeDoesNotResetTheStreak(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		repeat(t, b, failures-1, Failure)
		time.Sleep(24 * time.Hour)
		wantChanges(t, call(t, b, Failure), Open)
	})
}

func TestFailuresOfAttemptsThatOverlapCountTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		var out []*clockedPermit
		for range failures {
			out = append(out, admit(t, b))
		}
		for _, p := range out[1:] {
			wantChanges(t, p.Done(Failure))
		}
		wantChanges(t, out[0].Done(Failure), Open)
	})
}

func TestTheNamesAreTheLabelValues(t *testing.T) {
	for state, want := range map[State]string{Closed: "closed", HalfOpen: "half_open", Open: "open"} {
		if got := state.String(); got != want {
			t.Errorf("String(): got %q, want %q", got, want)
		}
	}
}
