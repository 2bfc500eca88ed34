// Package breaker stops requests to an endpoint that keeps failing. A breaker has
// neither a clock nor a lock: the time is an argument, and the caller serializes
// its calls.
package breaker

import (
	"errors"
	"time"
)

// State selects the attempts that a breaker allows: all, none, or one probe.
type State uint8

// The states, in the order in which they are shown.
const (
	Closed State = iota
	HalfOpen
	Open
	NumStates
)

// String returns the value of the label state.
func (s State) String() string { return [NumStates]string{"closed", "half_open", "open"}[s] }

// Outcome is how an admitted attempt ended.
type Outcome uint8

// Ignored means that the attempt shows nothing about the upstream: it neither counts
// nor resets the failures, and returns the permit of a probe.
const (
	Success Outcome = iota
	Failure
	Ignored
)

// ErrOpen means that no request may be sent now.
var ErrOpen = errors.New("circuit breaker is open")

// Breaker guards one endpoint.
type Breaker struct {
	pause      time.Duration
	openedAt   time.Time // start of the pause
	threshold  uint32    // number of consecutive failures that opens it
	failures   uint32    // consecutive
	generation uint32    // number of states since New
	state      State
	probing    bool // the probe has not ended
}

// New returns a closed breaker that opens at the given number of consecutive
// failures, each time for the pause.
func New(failures uint32, pause time.Duration) Breaker {
	return Breaker{threshold: failures, pause: pause}
}

// A Permit is the right to make one attempt.
type Permit struct {
	Probe      bool // the only attempt allowed while half-open
	HalfOpened bool // it moved the breaker from open to half-open
	generation uint32
}

// Allow requests permission for an attempt. On a nil error the caller must call Done
// with the permit exactly once. ErrOpen means that no request may be sent now: during
// the pause, including its last moment, and until a probe has ended.
func (b *Breaker) Allow(now time.Time) (Permit, error) {
	halfOpened := b.state == Open && now.Sub(b.openedAt) > b.pause
	switch {
	case halfOpened:
		b.enter(HalfOpen)
	case b.state == Open || b.probing:
		return Permit{}, ErrOpen
	}
	b.probing = b.state == HalfOpen
	return Permit{Probe: b.probing, HalfOpened: halfOpened, generation: b.generation}, nil
}

// Done records how an attempt ended, and reports whether that changed the state.
// An attempt that was admitted in an earlier state changes nothing.
func (b *Breaker) Done(p Permit, o Outcome, now time.Time) (changed bool) {
	if p.generation != b.generation {
		return false
	}
	switch {
	case o == Ignored:
		b.probing = false
	case o == Success && !p.Probe:
		b.failures = 0
	case o == Success:
		b.enter(Closed)
	case p.Probe || b.failures+1 >= b.threshold:
		b.enter(Open)
		b.openedAt = now
	default:
		b.failures++
	}
	return p.generation != b.generation
}

func (b *Breaker) enter(s State) {
	b.state, b.failures, b.probing = s, 0, false
	b.generation++
}

// State returns the state. An open breaker stays open until it admits the first
// attempt after its pause.
func (b *Breaker) State() State { return b.state }

// OpenUntil returns when to make the first attempt after the pause: a
// millisecond later, because the end belongs to the pause. It is the zero time
// unless the breaker is open.
func (b *Breaker) OpenUntil() time.Time {
	if b.state != Open {
		return time.Time{}
	}
	return b.openedAt.Add(b.pause + time.Millisecond)
}
