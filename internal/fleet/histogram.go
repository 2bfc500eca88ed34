package fleet

// Buckets are the upper bounds of every histogram, in seconds; what exceeds the
// last falls into +Inf.
var Buckets = [...]float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// Histogram counts durations. It is a value; Observe changes the one it is
// called on.
type Histogram struct {
	Below [len(Buckets)]uint64 // how many per bucket, not cumulative
	Count uint64
	Sum   float64 // seconds
}

// Observe counts a duration in seconds.
func (h *Histogram) Observe(seconds float64) {
	for i, bound := range Buckets {
		if seconds <= bound {
			h.Below[i]++
			break
		}
	}
	h.Count++
	h.Sum += seconds
}
