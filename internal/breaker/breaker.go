// Package breaker stops requests to an endpoint that keeps failing. It adds to
// sony/gobreaker that an outcome can be ignored, that every change of state comes
// back as a value, and that the end of a pause is known.
package breaker

import (
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// State is what a breaker lets through: everything, nothing, or one probe.
type State uint8

// The states, in the order in which they are shown.
const (
	Closed State = iota
	HalfOpen
	Open
	NumStates
)

// String is the value of the label state.
func (s State) String() string { return [NumStates]string{"closed", "half_open", "open"}[s] }

// Outcome is how an admitted attempt ended.
type Outcome uint8

// Ignored says nothing about the upstream: it neither counts nor resets the
// failures, and gives a probe's permit back.
const (
	Success Outcome = iota
	Failure
	Ignored
)

// ErrOpen means that no request may leave now.
var ErrOpen = errors.New("circuit breaker is open")

// Breaker guards one endpoint. All methods may be called at the same time.
type Breaker struct {
	mu        sync.Mutex
	cb        *gobreaker.TwoStepCircuitBreaker[struct{}] // nil before the first attempt
	failures  uint32
	pause     time.Duration
	state     State
	openUntil time.Time
	entered   int // states since New
	changes   []State
}

// New makes a closed breaker that opens at the given number of consecutive
// failures and then lasts for the pause.
func New(failures uint32, pause time.Duration) *Breaker {
	return &Breaker{failures: failures, pause: pause}
}

// circuit returns gobreaker's half of the breaker. It is made for the first
// attempt, because an upstream has endpoints that are never asked. The caller
// holds b.mu.
func (b *Breaker) circuit() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	if b.cb != nil {
		return b.cb
	}
	b.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:  1,
		Timeout:      b.pause,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= b.failures },
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return err == errIgnored },
		// Called under gobreaker's lock and, as all calls go through us, under
		// b.mu: it may touch the fields and nothing else.
		OnStateChange: func(_ string, _, to gobreaker.State) { b.changed(to) },
	})
	return b.cb
}

var (
	errFailure = errors.New("failure")
	errIgnored = errors.New("ignored")
)

// A Permit is the right to make one attempt.
type Permit struct {
	// Probe says that this is the only attempt let through while half-open.
	Probe bool
	// Changes are the states entered by admitting it, nil if none.
	Changes []State
	b       *Breaker
	entered int // b.entered when it was admitted
	done    func(error)
}

// Allow asks for an attempt. On nil the caller must call Done on the permit
// exactly once, from any goroutine. ErrOpen means that no request may leave
// now: the pause lasts, or a probe is out.
func (b *Breaker) Allow() (*Permit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	done, err := b.circuit().Allow()
	changes := b.take()
	if err != nil {
		return nil, ErrOpen
	}
	return &Permit{Probe: b.state == HalfOpen, Changes: changes, b: b, entered: b.entered, done: done}, nil
}

// Done reports how the attempt ended and returns the states entered by it. An
// attempt that was admitted in an earlier state changes nothing.
func (p *Permit) Done(o Outcome) []State {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if p.entered != p.b.entered {
		return nil // gobreaker would half-open for a late result after the pause
	}
	switch o {
	case Success:
		p.done(nil)
	case Failure:
		p.done(errFailure)
	default:
		p.done(errIgnored)
	}
	return p.b.take()
}

// State is the state last entered. An open breaker stays open until the first
// attempt after its pause is admitted.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// OpenUntil is the first moment at which an attempt is admitted again. It is
// the zero time unless the breaker is open.
func (b *Breaker) OpenUntil() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != Open {
		return time.Time{}
	}
	return b.openUntil
}

func (b *Breaker) changed(to gobreaker.State) {
	switch to {
	case gobreaker.StateOpen:
		b.state = Open
		// gobreaker admits strictly after the pause.
		b.openUntil = time.Now().Add(b.pause + time.Millisecond)
	case gobreaker.StateHalfOpen:
		b.state = HalfOpen
	default:
		b.state = Closed
	}
	b.entered++
	b.changes = append(b.changes, b.state)
}

func (b *Breaker) take() []State {
	c := b.changes
	b.changes = nil
	return c
}
