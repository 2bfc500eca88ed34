package retry

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// formula is the n-th wait without jitter as it is written: first·2ⁿ⁻¹, at most
// the limit. In whole numbers of any size, so that nothing rounds or overflows.
func formula(first, limit time.Duration, n int) time.Duration {
	d := new(big.Int).Lsh(big.NewInt(int64(first)), uint(n-1))
	if d.Cmp(big.NewInt(int64(limit))) > 0 {
		return limit
	}
	return time.Duration(d.Int64())
}

// settings are those that are accepted, in milliseconds as people write them.
func settings(t *rapid.T) (first, limit time.Duration) {
	ms := rapid.OneOf(rapid.Int64Range(1, 5000), rapid.Int64Range(1, 86_400_000), rapid.SampledFrom([]int64{1, 2, 999, 1000, 1001, 4000}))
	return time.Duration(ms.Draw(t, "first")) * time.Millisecond, time.Duration(ms.Draw(t, "limit")) * time.Millisecond
}

func TestWithoutJitterEveryWaitIsTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, limit := settings(t)
		w := newWaits(first, limit, None)
		for n := range 60 {
			if got, want := w.next(), formula(first, limit, n+1); got != want {
				t.Fatalf("wait %d of %v up to %v: got %v, want %v", n+1, first, limit, got, want)
			}
		}
	})
}

// The waits of many sequences with the same settings lie within the bounds that
// the formula gives, reach near to both ends, and have the mean of a draw from
// between them: 3/4 of the wait, and 1/2.
func TestWithJitterTheWaitsAreDrawnFromTheFormulasBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, limit := settings(t)
		for jitter, least := range map[Jitter]float64{Equal: 0.5, Full: 0} {
			const draws, waits = 300, 4
			var sums, low, high [waits]float64
			for draw := range draws {
				w := newWaits(first, limit, jitter)
				for n := range waits {
					d := float64(formula(first, limit, n+1))
					share := float64(w.next()) / d
					if share < least-1/d || share > 1 {
						t.Fatalf("%v, wait %d of %v up to %v: got %v of it, want %v to 1", jitter, n+1, first, limit, share, least)
					}
					if draw == 0 {
						low[n], high[n] = share, share
					}
					sums[n], low[n], high[n] = sums[n]+share, min(low[n], share), max(high[n], share)
				}
			}
			width := 1 - least
			for n := range waits {
				// The mean of 300 draws deviates by width/60; this is six times that,
				// and a bound is missed by a tenth once in 10^13.
				if mean := sums[n] / draws; mean < least+0.4*width || mean > least+0.6*width {
					t.Fatalf("%v, wait %d: got a mean of %v, want about %v", jitter, n+1, mean, least+width/2)
				}
				if low[n] > least+0.1*width || high[n] < 1-0.1*width {
					t.Fatalf("%v, wait %d: got %v to %v, want %v to 1", jitter, n+1, low[n], high[n], least)
				}
			}
		}
	})
}
