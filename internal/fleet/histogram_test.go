package fleet

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
)

// classic is a classic histogram.
type classic struct {
	Count   uint64
	Sum     float64
	Buckets [len(Buckets)]uint64 // cumulative
}

// observations returns the histogram of the given durations in seconds.
func observations(seconds ...float64) (c classic) {
	for _, s := range seconds {
		c.Count++
		c.Sum += s
		for i, bound := range Buckets {
			if s <= bound {
				c.Buckets[i]++
			}
		}
	}
	return c
}

// classicOf returns the classic part of a histogram, and checks that it has a native part.
func classicOf(t *testing.T, h *dto.Histogram) (c classic) {
	t.Helper()
	if h == nil {
		return c
	}
	c.Count, c.Sum = h.GetSampleCount(), h.GetSampleSum()
	if len(h.Bucket) != len(Buckets) || h.GetSchema() != 3 || h.GetZeroThreshold() == 0 {
		t.Fatalf("got %d buckets, schema %d, zero threshold %v, want classic and native buckets", len(h.Bucket), h.GetSchema(), h.GetZeroThreshold())
	}
	for i, b := range h.Bucket {
		if b.GetUpperBound() != Buckets[i] {
			t.Errorf("bucket %d ends at %v, want %v", i, b.GetUpperBound(), Buckets[i])
		}
		c.Buckets[i] = b.GetCumulativeCount()
	}
	return c
}

func wantObservations(t *testing.T, what string, got *dto.Histogram, seconds ...float64) {
	t.Helper()
	if diff := cmp.Diff(observations(seconds...), classicOf(t, got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestBucketsIncludeTheirUpperBounds(t *testing.T) {
	for _, bound := range append(Buckets[:], 60) { // 60 is only in +Inf
		h := NewHistogram()
		h.Observe(bound)
		h.Observe(math.Nextafter(bound, math.Inf(1)))
		wantObservations(t, "the bound and just above", h.Snapshot(), bound, math.Nextafter(bound, math.Inf(1)))
	}
}

func TestBucketsAreAsDocumented(t *testing.T) {
	want := [...]float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}
	if Buckets != want {
		t.Errorf("Buckets: got %v, want %v", Buckets, want)
	}
}

func TestLaterObservationsDoNotChangeASnapshot(t *testing.T) {
	h := NewHistogram()
	h.Observe(1)
	before := h.Snapshot()
	h.Observe(2)
	wantObservations(t, "before", before, 1)
	wantObservations(t, "after", h.Snapshot(), 1, 2)
}
