package retry

import (
	"sync"
	"time"
)

// The budget of the process: its size, and what it gains a second and with each
// first attempt.
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

// NewBudget is a full budget.
func NewBudget() *Budget { return &Budget{tokens: budgetCap, at: time.Now()} }

// First adds the share that a first attempt earns.
func (b *Budget) First() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	b.tokens = min(budgetCap, b.tokens+budgetPerFirst)
}

// Take pays for one retry, or reports that there is nothing left to pay with.
func (b *Budget) Take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *Budget) refill() {
	now := time.Now()
	b.tokens = min(budgetCap, b.tokens+now.Sub(b.at).Seconds()*budgetPerSec)
	b.at = now
}
