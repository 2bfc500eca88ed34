// Package retry computes how long to wait before the next attempt: exponential
// backoff with jitter, and the upstream's Retry-After. A budget limits the
// retries of the whole process.
package retry

import (
	"fmt"
	"time"
)

// Jitter is how much of a wait is random.
type Jitter uint8

// The kinds of jitter. Equal keeps half of a wait d and randomizes the rest:
// d/2 + U[0, d/2]. Full randomizes all of it: U[0, d].
const (
	Equal Jitter = iota
	None
	Full
)

// ParseJitter parses the name of a kind of jitter: none, equal or full.
func ParseJitter(s string) (Jitter, error) {
	for _, j := range []Jitter{Equal, None, Full} {
		if j.String() == s {
			return j, nil
		}
	}
	return 0, fmt.Errorf("%q is not a valid jitter, use none, equal or full", s)
}

// String returns the name that ParseJitter accepts.
func (j Jitter) String() string { return [...]string{"equal", "none", "full"}[j] }

// Wait returns the n-th wait, counted from 1: first doubled n-1 times, but at most limit,
// with jitter applied. random must return a uniform random number in [0, bound).
func (j Jitter) Wait(n int, first, limit time.Duration, random func(bound time.Duration) time.Duration) time.Duration {
	d := min(first, limit)
	for ; n > 1 && d < limit; n-- {
		d += min(d, limit-d)
	}
	switch j {
	case None:
		return d
	case Full:
		return random(d + 1)
	default:
		return d - d/2 + random(d/2+1)
	}
}
