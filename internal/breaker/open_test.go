package breaker

import (
	"testing"
	"time"
)

// opened is a breaker that has just opened.
func opened(t *testing.T, f func(t *testing.T, b *clocked)) {
	t.Helper()
	inBubble(t, func(t *testing.T, b *clocked) {
		repeat(t, b, failures, Failure)
		f(t, b)
	})
}

// probing is a breaker whose probe is out.
func probing(t *testing.T, f func(t *testing.T, b *clocked, probe *clockedPermit)) {
	t.Helper()
	opened(t, func(t *testing.T, b *clocked) {
		time.Sleep(pause + 1)
		f(t, b, admit(t, b))
	})
}

func TestOpenLastsThePause(t *testing.T) {
	opened(t, func(t *testing.T, b *clocked) {
		refuse(t, b)
		time.Sleep(pause)
		refuse(t, b) // the very end belongs to the pause
		wantState(t, b, Open)
		time.Sleep(time.Nanosecond)
		admit(t, b)
	})
}

func TestTheFirstAttemptAfterThePauseIsTheProbe(t *testing.T) {
	probing(t, func(t *testing.T, b *clocked, probe *clockedPermit) {
		wantChanges(t, probe.Changes, HalfOpen)
		wantState(t, b, HalfOpen)
		if !probe.Probe {
			t.Error("Probe: got false, want true")
		}
	})
}

func TestAnOpenBreakerStaysOpenUntilSomebodyAsks(t *testing.T) {
	opened(t, func(t *testing.T, b *clocked) {
		time.Sleep(10 * pause)
		wantState(t, b, Open)
	})
}

func TestOneProbeIsOutHoweverLongItTakes(t *testing.T) {
	probing(t, func(t *testing.T, b *clocked, _ *clockedPermit) {
		for range 10 {
			refuse(t, b)
			time.Sleep(pause)
		}
		wantState(t, b, HalfOpen)
	})
}

func TestASuccessfulProbeCloses(t *testing.T) {
	probing(t, func(t *testing.T, b *clocked, probe *clockedPermit) {
		wantChanges(t, probe.Done(Success), Closed)
		if admit(t, b).Probe {
			t.Error("Probe after closing: got true, want false")
		}
	})
}

func TestClosingStartsANewStreak(t *testing.T) {
	probing(t, func(t *testing.T, b *clocked, probe *clockedPermit) {
		probe.Done(Success)
		repeat(t, b, failures-1, Failure)
		wantState(t, b, Closed)
		wantChanges(t, call(t, b, Failure), Open)
	})
}

func TestAFailedProbeOpensForAWholePause(t *testing.T) {
	probing(t, func(t *testing.T, b *clocked, probe *clockedPermit) {
		time.Sleep(7 * time.Second) // the pause begins when the probe ends
		wantChanges(t, probe.Done(Failure), Open)
		time.Sleep(pause)
		refuse(t, b)
		time.Sleep(time.Nanosecond)
		admit(t, b)
	})
}

func TestAnIgnoredProbeGivesItsPermitBack(t *testing.T) {
	probing(t, func(t *testing.T, b *clocked, probe *clockedPermit) {
		for range 3 {
			wantChanges(t, probe.Done(Ignored))
			wantState(t, b, HalfOpen)
			probe = admit(t, b)
			if !probe.Probe {
				t.Fatal("Probe: got false, want true")
			}
			refuse(t, b)
		}
	})
}

func TestLateResultsChangeNothingWhileOpen(t *testing.T) {
	for _, late := range []Outcome{Success, Failure, Ignored} {
		inBubble(t, func(t *testing.T, b *clocked) {
			early := admit(t, b)
			repeat(t, b, failures, Failure)
			time.Sleep(pause / 2)
			wantChanges(t, early.Done(late))
			wantState(t, b, Open)
			time.Sleep(pause / 2)
			refuse(t, b) // a late failure does not lengthen the pause either
			time.Sleep(time.Nanosecond)
			admit(t, b)
		})
	}
}

func TestLateResultsChangeNothingWhileTheProbeIsOut(t *testing.T) {
	for _, late := range []Outcome{Success, Failure, Ignored} {
		inBubble(t, func(t *testing.T, b *clocked) {
			early := admit(t, b)
			repeat(t, b, failures, Failure)
			time.Sleep(pause + 1)
			probe := admit(t, b)
			wantChanges(t, early.Done(late))
			wantState(t, b, HalfOpen)
			refuse(t, b) // an ignored one must not give back a permit that it never had
			wantChanges(t, probe.Done(Success), Closed)
		})
	}
}

func TestLateFailuresDoNotCountAfterClosing(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		early := []*clockedPermit{admit(t, b), admit(t, b)}
		repeat(t, b, failures, Failure)
		time.Sleep(pause + 1)
		call(t, b, Success)
		repeat(t, b, failures-1, Failure)
		wantChanges(t, early[0].Done(Failure))
		wantChanges(t, early[1].Done(Success)) // nor does a success reset the new streak
		wantChanges(t, call(t, b, Failure), Open)
	})
}

// The pause being over is no reason to move: the half-open state would have no
// probe, and OpenUntil, by which the probe is scheduled, would be gone.
func TestALateResultAfterThePauseChangesNothing(t *testing.T) {
	for _, late := range []Outcome{Success, Failure, Ignored} {
		inBubble(t, func(t *testing.T, b *clocked) {
			early := admit(t, b)
			repeat(t, b, failures, Failure)
			time.Sleep(pause + 1)
			wantChanges(t, early.Done(late))
			wantState(t, b, Open)
		})
	}
}

func TestOpenUntilIsTheMomentOfTheNextProbe(t *testing.T) {
	opened(t, func(t *testing.T, b *clocked) {
		until := b.OpenUntil()
		if wait := time.Until(until); wait <= pause || wait > pause+10*time.Millisecond {
			t.Fatalf("time until OpenUntil(): got %v, want just over %v", wait, pause)
		}
		time.Sleep(time.Until(until))
		admit(t, b)
	})
}

func TestOpenUntilFollowsAFailedProbe(t *testing.T) {
	probing(t, func(t *testing.T, b *clocked, probe *clockedPermit) {
		time.Sleep(3 * time.Second)
		probe.Done(Failure)
		if wait := time.Until(b.OpenUntil()); wait <= pause {
			t.Errorf("time until OpenUntil(): got %v, want just over %v", wait, pause)
		}
	})
}

func TestOpenUntilIsZeroUnlessOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, b *clocked) {
		want := func(when string) {
			t.Helper()
			if got := b.OpenUntil(); !got.IsZero() {
				t.Errorf("OpenUntil() %s: got %v, want the zero time", when, got)
			}
		}
		want("of a new breaker")
		repeat(t, b, failures, Failure)
		time.Sleep(pause + 1)
		probe := admit(t, b)
		want("while half-open")
		probe.Done(Success)
		want("after closing")
	})
}
