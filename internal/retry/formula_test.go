package retry

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// formula returns the n-th wait without jitter by its definition: first·2ⁿ⁻¹, but at
// most limit. It uses big integers, which do not overflow.
func formula(first, limit time.Duration, n int) time.Duration {
	d := new(big.Int).Lsh(big.NewInt(int64(first)), uint(n-1))
	if d.Cmp(big.NewInt(int64(limit))) > 0 {
		return limit
	}
	return time.Duration(d.Int64())
}

// settings draws valid settings in whole milliseconds.
func settings(t *rapid.T) (first, limit time.Duration) {
	ms := rapid.OneOf(rapid.Int64Range(1, 5000), rapid.Int64Range(1, 86_400_000), rapid.SampledFrom([]int64{1, 2, 999, 1000, 1001, 4000}))
	return time.Duration(ms.Draw(t, "first")) * time.Millisecond, time.Duration(ms.Draw(t, "limit")) * time.Millisecond
}

func TestEveryWaitMatchesTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Draw nanoseconds, because half of an odd wait is rounded.
		first := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "first"))
		limit := time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "limit"))
		for n := 1; n <= 60; n++ {
			d := formula(first, limit, n)
			for jitter, least := range map[Jitter]time.Duration{None: d, Equal: d / 2, Full: 0} {
				if got := wait(jitter, n, first, limit); got < least || got > d {
					t.Fatalf("%v, wait %d of %d up to %d: got %d, want %d to %d", jitter, n, first, limit, got, least, d)
				}
			}
		}
	})
}

// Clients that failed at the same time must not retry at the same time. So the waits must
// be within the bounds of the formula, come close to both bounds, and have the mean of a
// uniform distribution: 3/4 of the wait for Equal, 1/2 for Full.
func TestJitteredWaitsAreUniform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, limit := settings(t)
		for jitter, least := range map[Jitter]float64{Equal: 0.5, Full: 0} {
			const draws, waits = 300, 4
			var sums, low, high [waits]float64
			for draw := range draws {
				for n := range waits {
					d := float64(formula(first, limit, n+1))
					share := float64(wait(jitter, n+1, first, limit)) / d
					if share < least-1/d || share > 1 {
						t.Fatalf("%v, wait %d of %v up to %v: got a share of %v, want %v to 1", jitter, n+1, first, limit, share, least)
					}
					if draw == 0 {
						low[n], high[n] = share, share
					}
					sums[n], low[n], high[n] = sums[n]+share, min(low[n], share), max(high[n], share)
				}
			}
			width := 1 - least
			for n := range waits {
				// The standard deviation of the mean of 300 draws is width/60, and the mean
				// may be off by six times that. The probability that no draw is within a
				// tenth of a bound is 1e-13.
				if mean := sums[n] / draws; mean < least+0.4*width || mean > least+0.6*width {
					t.Fatalf("%v, wait %d: got a mean of %v, want about %v", jitter, n+1, mean, least+width/2)
				}
				if low[n] > least+0.1*width || high[n] < 1-0.1*width {
					t.Fatalf("%v, wait %d: got shares from %v to %v, want about %v to 1", jitter, n+1, low[n], high[n], least)
				}
			}
		}
	})
}
