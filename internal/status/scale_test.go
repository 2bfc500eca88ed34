package status

import (
	"encoding/json"
	"testing"
	"time"
)

// indexSizes returns a function that renders the first page of n upstreams and returns
// its size.
func indexSizes(tb testing.TB, n int) func() (bytes int) {
	m := modelOf(many(n)...)
	return func() int {
		page, err := m.IndexPage("", time.Now())
		if err != nil {
			tb.Fatal(err)
		}
		return len(page)
	}
}

// The cost of a page depends on its hundred rows, even with ten thousand upstreams. The
// test counts allocations, because time depends on other work on the machine.
func TestAPageOf10000UpstreamsCostsAsMuchAsAPageOf100(t *testing.T) {
	small, large := indexSizes(t, 100), indexSizes(t, 10_000)
	allocs := testing.AllocsPerRun(5, func() { small() })
	if got := testing.AllocsPerRun(5, func() { large() }); got > 1.2*allocs {
		t.Errorf("10 000 upstreams need %.0f allocations, want at most 1.2 times the %.0f of 100", got, allocs)
	}
	if s, l := small(), large(); float64(l) > 1.2*float64(s) {
		t.Errorf("a page of 10 000 upstreams has %d bytes, want at most 1.2 times the %d of 100", l, s)
	}
}

func BenchmarkIndexOf100(b *testing.B)   { benchmarkIndex(b, 100) }
func BenchmarkIndexOf10000(b *testing.B) { benchmarkIndex(b, 10_000) }

func benchmarkIndex(b *testing.B, n int) {
	index := indexSizes(b, n)
	var size int
	for b.Loop() {
		size = index()
	}
	b.ReportMetric(float64(size), "bytes/page")
}

// BenchmarkStatusOf10000 measures the cost of listing every upstream.
func BenchmarkStatusOf10000(b *testing.B) {
	m := modelOf(many(10_000)...)
	for b.Loop() {
		s, err := m.Status("", time.Now())
		if err == nil {
			_, err = json.Marshal(s)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
