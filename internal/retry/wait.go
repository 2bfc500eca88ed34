// Package retry knows how long to wait before the next attempt: the growing
// waits, the upstream's own wish, and the budget that keeps retries of a whole
// process from becoming a load of their own.
package retry

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Jitter says how much of a wait is left to chance.
type Jitter uint8

// Equal keeps half of a wait d and draws the rest: d/2 + U[0, d/2]. Full draws
// all of it: U[0, d].
const (
	Equal Jitter = iota
	None
	Full
)

// ParseJitter reads a jitter as it stands in flags and files.
func ParseJitter(s string) (Jitter, error) {
	for _, j := range []Jitter{Equal, None, Full} {
		if j.String() == s {
			return j, nil
		}
	}
	return 0, fmt.Errorf("%q is no jitter, use none, equal or full", s)
}

func (j Jitter) String() string { return [...]string{"equal", "none", "full"}[j] }

// Waits is the sequence of waits within one collection. It is not safe for
// concurrent use; each collection of an endpoint has its own.
type Waits struct {
	backoff backoff.ExponentialBackOff
	jitter  Jitter
}

// NewWaits starts a sequence: first, twice that, and so on up to the limit.
func NewWaits(first, limit time.Duration, j Jitter) *Waits {
	return &Waits{
		// The library's own jitter is symmetric about the wait and may exceed it.
		backoff: backoff.ExponentialBackOff{InitialInterval: min(first, limit), Multiplier: 2, MaxInterval: limit},
		jitter:  j,
	}
}

// Next is the next wait, with its jitter.
func (w *Waits) Next() time.Duration {
	d := w.backoff.NextBackOff()
	switch w.jitter {
	case None:
		return d
	case Full:
		return rand.N(d + 1)
	default:
		return d - d/2 + rand.N(d/2+1)
	}
}
