package fleet

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Buckets are the upper bounds of the classic buckets of every histogram in seconds,
// without +Inf.
var Buckets = [...]float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// Histogram counts durations in classic and native buckets. All methods are safe for
// concurrent use.
type Histogram struct{ h prometheus.Histogram }

// NewHistogram returns a histogram without observations.
func NewHistogram() Histogram {
	return Histogram{prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "seconds", Help: "Exposed under other names.", Buckets: Buckets[:],
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
	})}
}

// Observe adds a duration in seconds.
func (h Histogram) Observe(seconds float64) { h.h.Observe(seconds) }

// Snapshot returns the observations so far. Later observations do not change it.
func (h Histogram) Snapshot() *dto.Histogram {
	var m dto.Metric
	_ = h.h.Write(&m) // fails only on exemplars
	return m.Histogram
}
