// Package retry knows how long to wait before the next attempt: the growing
// waits, the upstream's own wish, and the budget that keeps retries of a whole
// process from becoming a load of their own.
package retry

import (
	"fmt"
	"time"
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

// Wait returns the n-th wait, counted from 1: the first, doubled for each one
// before it up to the limit, with its jitter. random draws from [0, n).
func (j Jitter) Wait(n int, first, limit time.Duration, random func(n time.Duration) time.Duration) time.Duration {
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
