// Package breaker stops requests to an endpoint that keeps failing. A breaker has
// neither a clock nor a lock: the caller passes the time and serializes its calls.
package breaker

import (
	"errors"
	"time"
)

// State is the state of a breaker. It determines which attempts are allowed: all (Closed),
// one probe (HalfOpen) or none (Open).
type State uint8

// The states, in the order in which they are exposed.
const (
	Closed State = iota
	HalfOpen
	Open
	NumStates
)

// String returns the name of the state, as in the label state.
func (s State) String() string { return [NumStates]string{"closed", "half_open", "open"}[s] }

// Outcome is how an attempt ended.
type Outcome uint8

// The outcomes. Ignored means that the attempt revealed nothing about the upstream: it
// neither adds to the failures nor resets them, and the next attempt of a half-open
// breaker is another probe.
const (
	Success Outcome = iota
	Failure
	Ignored
)

// ErrOpen means that no request may be sent now.
var ErrOpen = errors.New("circuit breaker is open")

// A Breaker allows or denies attempts to request one endpoint. Create it with New.
type Breaker struct {
	pause      time.Duration
	openedAt   time.Time // start of the pause
	threshold  uint32    // number of consecutive failures that opens it
	failures   uint32    // number of consecutive failures
	generation uint32    // number of state changes
	state      State
	probing    bool // a probe is running
}

// New returns a closed breaker. It opens after the given number of consecutive failures
// and stays open for the pause.
func New(failures uint32, pause time.Duration) Breaker {
	return Breaker{threshold: failures, pause: pause}
}

// A Permit is the right to make one attempt.
type Permit struct {
	Probe      bool // the only attempt allowed while half-open
	HalfOpened bool // granting it half-opened the breaker
	generation uint32
}

// Allow requests permission for an attempt. On a nil error the caller must call Done
// with the permit exactly once. ErrOpen means that no request may be sent now, because
// a probe is running or the pause is not over; its last moment still belongs to it.
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

// Done records how an attempt ended and reports whether that changed the state.
// It ignores attempts that were allowed before the last change of state.
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

// State returns the state. An open breaker remains open until it allows the first
// attempt after its pause.
func (b *Breaker) State() State { return b.state }

// OpenUntil returns when an open breaker may next be asked for an attempt: a millisecond
// after the pause, because Allow still denies attempts at its very end. It returns the
// zero time unless the breaker is open.
func (b *Breaker) OpenUntil() time.Time {
	if b.state != Open {
		return time.Time{}
	}
	return b.openedAt.Add(b.pause + time.Millisecond)
}
