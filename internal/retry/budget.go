package retry

import (
	"sync"
	"time"
)

// The budget's figures.
const (
	budgetCap      = 15.0
	budgetPerSec   = 1.0
	budgetPerFirst = 0.2
)

// Budget bounds the retries of the whole process: when everything fails at
// once, retries must not triple the load. All methods may be called at the
// same time.
type Budget struct {
	mu     sync.Mutex
	tokens float64
	at     time.Time
}

// NewBudget returns a full budget.
func NewBudget(now time.Time) *Budget { return &Budget{tokens: budgetCap, at: now} }

// First adds the share that a first attempt earns.
func (b *Budget) First(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	b.tokens = min(budgetCap, b.tokens+budgetPerFirst)
}

// Take pays for one retry, or reports that there is nothing left to pay with.
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

// refill adds what the time since the last call earned. A caller that read the
// clock before that call and comes later adds nothing.
func (b *Budget) refill(now time.Time) {
	if now.After(b.at) {
		b.tokens = min(budgetCap, b.tokens+now.Sub(b.at).Seconds()*budgetPerSec)
		b.at = now
	}
}
