package breaker

import (
	"testing"
	"time"
)

// wantPause checks that the breaker is open for exactly the pause from now on.
func (f *fixture) wantPause() {
	f.Helper()
	f.refuse()
	f.sleep(pause)
	f.refuse() // the last moment belongs to the pause
	f.wantState(Open)
	f.sleep(1)
	f.admit()
}

func TestOpenLastsThePause(t *testing.T) {
	f := newFixture(t)
	f.open()
	f.wantPause()
}

func TestBreakerRemainsOpenUntilAnAttemptIsRequested(t *testing.T) {
	f := newFixture(t)
	f.open()
	f.sleep(10 * pause)
	f.wantState(Open)
}

func TestOnlyOneProbeIsAllowedAtATime(t *testing.T) {
	f := newFixture(t)
	f.open()
	f.probe()
	for range 10 {
		f.refuse()
		f.sleep(pause)
	}
	f.wantState(HalfOpen)
}

func TestSuccessfulProbeResetsTheFailures(t *testing.T) {
	f := newFixture(t)
	f.open()
	f.done(f.probe(), Success, Closed)
	if f.admit().Probe {
		t.Error("Probe after closing: got true, want false")
	}
	f.open()
}

func TestFailedProbeOpensForAFullPause(t *testing.T) {
	f := newFixture(t)
	f.open()
	p := f.probe()
	f.sleep(7 * time.Second) // the pause begins when the probe ends
	f.done(p, Failure, Open)
	f.wantPause()
}

func TestIgnoredProbeAllowsAnotherProbe(t *testing.T) {
	f := newFixture(t)
	f.open()
	p := f.probe()
	for range 3 {
		f.done(p, Ignored, HalfOpen)
		if p = f.admit(); !p.Probe {
			t.Fatal("Probe: got false, want true")
		}
		f.refuse()
	}
}

// eachLateResult calls check for each outcome, with a breaker that has opened during an
// early attempt. check ends that attempt with the outcome.
func eachLateResult(t *testing.T, check func(f *fixture, early Permit, late Outcome)) {
	for _, late := range outcomes {
		f := newFixture(t)
		early := f.admit()
		f.open()
		check(f, early, late)
	}
}

func TestLateResultsChangeNothingWhileOpen(t *testing.T) {
	eachLateResult(t, func(f *fixture, early Permit, late Outcome) {
		f.sleep(pause / 2)
		f.done(early, late, Open)
		f.sleep(pause / 2)
		f.refuse() // a late failure does not prolong the pause
		f.sleep(1)
		f.admit()
	})
}

// If a late result half-opened the breaker, OpenUntil would return the zero time, and no
// probe would be scheduled.
func TestLateResultsChangeNothingAfterThePause(t *testing.T) {
	eachLateResult(t, func(f *fixture, early Permit, late Outcome) {
		f.sleep(pause + 1)
		f.done(early, late, Open)
	})
}

func TestLateResultsChangeNothingDuringTheProbe(t *testing.T) {
	eachLateResult(t, func(f *fixture, early Permit, late Outcome) {
		p := f.probe()
		f.done(early, late, HalfOpen)
		f.refuse() // Ignored must not allow another probe
		f.done(p, Success, Closed)
	})
}

func TestLateResultsDoNotCountAfterClosing(t *testing.T) {
	f := newFixture(t)
	early := []Permit{f.admit(), f.admit()}
	f.open()
	f.done(f.probe(), Success, Closed)
	f.fail(failures - 1)
	f.done(early[0], Failure, Closed)
	f.done(early[1], Success, Closed) // does not reset the failures either
	f.attempt(Failure, Open)
}

func TestOpenUntilIsWhenTheNextProbeIsAllowed(t *testing.T) {
	f := newFixture(t)
	f.open()
	check := func() {
		t.Helper()
		until := f.b.OpenUntil()
		if wait := until.Sub(f.now); wait <= pause || wait > pause+10*time.Millisecond {
			t.Fatalf("time until OpenUntil(): got %v, want just over %v", wait, pause)
		}
		f.now = until
	}
	check()
	p := f.admit()
	f.sleep(3 * time.Second)
	f.done(p, Failure, Open)
	check()
}

func TestOpenUntilIsZeroUnlessOpen(t *testing.T) {
	f := newFixture(t)
	want := func(when string) {
		t.Helper()
		if got := f.b.OpenUntil(); !got.IsZero() {
			t.Errorf("OpenUntil() %s: got %v, want the zero time", when, got)
		}
	}
	want("for a new breaker")
	f.open()
	p := f.probe()
	want("while half-open")
	f.done(p, Success, Closed)
	want("after closing")
}
