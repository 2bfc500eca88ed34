package retry

import (
	"sync"
	"time"
)

// The size of the budget and what it gains, in tokens. A retry takes one token.
const (
	budgetCap        = 15.0
	budgetPerSec     = 1.0
	budgetPerAttempt = 0.2 // for a first attempt
)

// A Budget is a token bucket that limits the retries of the whole process, so that
// retries do not triple the load when everything fails at once. Its methods are
// safe for concurrent use.
type Budget struct {
	mu     sync.Mutex
	tokens float64
	at     time.Time // of the last refill
}

// NewBudget returns a full budget.
func NewBudget(now time.Time) *Budget { return &Budget{tokens: budgetCap, at: now} }

// Deposit adds the fraction of a token that a first attempt earns.
func (b *Budget) Deposit(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	b.tokens = min(budgetCap, b.tokens+budgetPerAttempt)
}

// Take takes the token for one retry and reports whether the budget had one.
func (b *Budget) Take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// refill adds the tokens for the time since the last refill. It adds none if a concurrent
// caller has already refilled up to a later time.
func (b *Budget) refill(now time.Time) {
	if now.After(b.at) {
		b.tokens = min(budgetCap, b.tokens+now.Sub(b.at).Seconds()*budgetPerSec)
		b.at = now
	}
}
