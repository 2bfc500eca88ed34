package status

import (
	"encoding/json"
	"testing"
	"time"
)

// indexOf answers with the first page of a fleet of n again and again.
func indexOf(tb testing.TB, n int) (ask func() (bytes int64)) {
	tb.Helper()
	m := quiet(&Model{Registry: registry(many(n)...)})
	return func() int64 {
		page, err := m.IndexPage("", time.Now())
		if err != nil {
			tb.Fatal(err)
		}
		return int64(len(page))
	}
}

// What a page makes and sends is that of its hundred rows, also of ten thousand
// upstreams. Objects are counted and not time, which other work on the machine
// would change.
func TestAPageOf10000CostsWhatAPageOf100Does(t *testing.T) {
	small, large := indexOf(t, 100), indexOf(t, 10_000)
	objects := testing.AllocsPerRun(5, func() { small() })
	if got := testing.AllocsPerRun(5, func() { large() }); got > 1.2*objects {
		t.Errorf("10 000 upstreams make %.0f objects, want at most 1.2 times the %.0f of 100", got, objects)
	}
	if s, l := small(), large(); float64(l) > 1.2*float64(s) {
		t.Errorf("a page of 10 000 upstreams has %d bytes, want at most 1.2 times the %d of 100", l, s)
	}
}

func BenchmarkIndexOf100(b *testing.B)   { benchmarkIndex(b, 100) }
func BenchmarkIndexOf10000(b *testing.B) { benchmarkIndex(b, 10_000) }

func benchmarkIndex(b *testing.B, n int) {
	ask := indexOf(b, n)
	var size int64
	for b.Loop() {
		size = ask()
	}
	b.ReportMetric(float64(size), "bytes/page")
}

// What it would be to make a row of each upstream.
func BenchmarkStatusOf10000(b *testing.B) {
	m := quiet(&Model{Registry: registry(many(10_000)...)})
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
