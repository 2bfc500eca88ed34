package fleet

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
)

// nodeCount is the value of a node's counters in one document.
type nodeCount struct {
	id    string
	value uint64
}

// add adds a document in which each node has processed, dropped, forwarded and delayed
// the same number of packets, and reports whether a counter fell. It checks the result of
// s.add.
func add(s *mixnodeSums, counters ...nodeCount) (fell bool) {
	d := make(betanettest.Mixnodes, 0, len(counters))
	for _, c := range counters {
		d = append(d, betanettest.Mixnode{
			ID: c.id, PacketsProcessed: c.value, PacketsDropped: new(c.value), PacketsForwarded: new(c.value), AvgLatencyMS: new(0.001),
		})
	}
	known := s.lastListed == 0 || len(d) == 0
	for _, c := range counters {
		last, seen := s.nodes[c.id]
		known = known || seen && last.document == s.lastListed
		fell = fell || c.value < last.counters[betanet.PacketsProcessed]
	}
	if got := s.add(d.Doc().Mixnodes); got != (fell || !known) {
		panic(fmt.Sprintf("reset: got %v, want %v; a counter fell: %v, a node was known: %v", got, fell || !known, fell, known))
	}
	return fell
}

// wantTotal checks that all sums are equal to want.
func wantTotal(t *testing.T, s *mixnodeSums, want uint64) {
	t.Helper()
	messages, dropped, forwarded := *s.sums.Uint(betanet.PacketsProcessed), *s.sums.Uint(betanet.PacketsDropped), *s.sums.Uint(betanet.PacketsForwarded)
	if messages != want || dropped != want || forwarded != want || s.latency.Packets != want {
		t.Errorf("sums: got %v, %v, %v and %v packets with a latency, want %v", messages, dropped, forwarded, s.latency.Packets, want)
	}
}

func TestSumsGrowByTheIncreasesOfCounters(t *testing.T) {
	type document struct {
		counters []nodeCount
		total    uint64
		fell     bool
	}
	for _, c := range []struct {
		name    string
		retired int
		docs    []document
	}{
		{"a new counter adds its whole value", 10, []document{
			{[]nodeCount{{"a", 5}, {"b", 7}}, 12, false}, {[]nodeCount{{"a", 5}, {"b", 7}, {"c", 100}}, 112, false},
		}},
		{"a known counter adds its increase", 10, []document{
			{[]nodeCount{{"a", 5}, {"b", 7}}, 12, false}, {[]nodeCount{{"a", 6}, {"b", 17}}, 23, false},
		}},
		{"a counter that fell has started again", 10, []document{
			{[]nodeCount{{"a", 100}}, 100, false}, {[]nodeCount{{"a", 3}}, 103, true}, {[]nodeCount{{"a", 10}}, 110, false},
		}},
		{"a counter that leaves subtracts nothing", 10, []document{
			{[]nodeCount{{"a", 100}, {"b", 1}}, 101, false}, {[]nodeCount{{"b", 1}}, 101, false},
		}},
		{"a counter that comes back continues from its last value", 10, []document{
			{[]nodeCount{{"a", 100}}, 100, false}, {nil, 100, false}, {nil, 100, false}, {nil, 100, false}, {nil, 100, false}, {nil, 100, false}, {[]nodeCount{{"a", 130}}, 130, false},
		}},
		{"a counter that comes back lower has started again", 10, []document{
			{[]nodeCount{{"a", 100}}, 100, false}, {nil, 100, false}, {[]nodeCount{{"a", 30}}, 130, true},
		}},
		{"a counter comes back while another starts again", 10, []document{
			{[]nodeCount{{"a", 100}, {"b", 50}}, 150, false},
			{[]nodeCount{{"b", 60}}, 160, false},
			{[]nodeCount{{"a", 130}, {"b", 7}}, 197, true},
			{nil, 197, false},
		}},
		{"the counters that left first are forgotten", 2, []document{
			{[]nodeCount{{"a", 10}, {"b", 10}, {"c", 10}}, 30, false},
			{[]nodeCount{{"b", 10}, {"c", 10}}, 30, false}, // a leaves first
			{[]nodeCount{{"c", 10}}, 30, false},
			{nil, 30, false},
			{[]nodeCount{{"b", 11}, {"c", 11}}, 32, false},            // remembered
			{[]nodeCount{{"b", 11}, {"c", 11}, {"a", 10}}, 42, false}, // forgotten, so it is new
		}},
		{"a sum saturates", 10, []document{
			{[]nodeCount{{"a", math.MaxUint64}, {"b", 5}}, math.MaxUint64, false},
			{[]nodeCount{{"a", 1}, {"b", 9}}, math.MaxUint64, true},
		}},
		{"a sum reaches the largest number exactly", 10, []document{
			{[]nodeCount{{"a", math.MaxUint64 - 5}, {"b", 5}}, math.MaxUint64, false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newMixnodeSums(c.retired)
			wantTotal(t, s, 0)
			for i, d := range c.docs {
				if got := add(s, d.counters...); got != d.fell {
					t.Errorf("document %d: fell: got %v, want %v", i, got, d.fell)
				}
				wantTotal(t, s, d.total)
			}
		})
	}
}

func TestOnlyRetiredNodesAreForgotten(t *testing.T) {
	s := newMixnodeSums(0)
	var all []nodeCount
	for i := range 50 {
		all = append(all, nodeCount{fmt.Sprint(i), 1})
	}
	for range 3 {
		add(s, all...)
	}
	wantTotal(t, s, 50)
}

func TestRetiredNodesAreBounded(t *testing.T) {
	s := newMixnodeSums(100)
	for i := range 5000 {
		add(s, nodeCount{fmt.Sprint(i), 1})
	}
	if got, want := len(s.nodes), 101; got != want {
		t.Errorf("nodes remembered: got %d, want %d", got, want)
	}
}

// model is the simplest implementation: a list of all nodes, with the last seen at the
// end.
type model struct {
	total float64 // far below 2^53
	last  []nodeCount
}

func (m *model) add(retired int, counters []nodeCount) (fell bool) {
	for _, c := range counters {
		before := uint64(0)
		if i := slices.IndexFunc(m.last, func(x nodeCount) bool { return x.id == c.id }); i >= 0 {
			before = m.last[i].value
			m.last = slices.Delete(m.last, i, i+1)
		}
		if c.value < before {
			before = 0
			fell = true
		}
		m.total += float64(c.value - before)
		m.last = append(m.last, c)
	}
	for len(m.last)-len(counters) > retired {
		m.last = m.last[1:]
	}
	return fell
}

func TestSumsNeverFallAndEqualTheModel(t *testing.T) {
	ids := []string{"a", "b", "c", "d", "e", "f", "g"}
	counter := rapid.Custom(func(t *rapid.T) nodeCount {
		return nodeCount{rapid.SampledFrom(ids).Draw(t, "id"), rapid.Uint64Range(0, 20).Draw(t, "value")}
	})
	counters := rapid.Map(rapid.SliceOfNDistinct(counter, 0, len(ids), func(c nodeCount) string { return c.id }), func(l []nodeCount) []nodeCount {
		// Nodes that leave in the same document are forgotten in the order of their ids.
		slices.SortFunc(l, func(a, b nodeCount) int { return int(a.id[0]) - int(b.id[0]) })
		return l
	})
	rapid.Check(t, func(t *rapid.T) {
		retired := rapid.IntRange(0, 4).Draw(t, "retired")
		s, m := newMixnodeSums(retired), new(model)
		before := uint64(0)
		for i, c := range rapid.SliceOfN(counters, 0, 40).Draw(t, "documents") {
			fell := add(s, c...)
			if want := m.add(retired, c); fell != want {
				t.Fatalf("document %d: fell: got %v, want %v", i, fell, want)
			}
			if got := *s.sums.Uint(betanet.PacketsProcessed); got < before || float64(got) != m.total {
				t.Fatalf("document %d: messages: got %v after %v, want %v", i, got, before, m.total)
			}
			before = *s.sums.Uint(betanet.PacketsProcessed)
		}
	})
}

func TestSumsOfLargeNumbersNeverFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newMixnodeSums(1)
		before := uint64(0)
		for i, v := range rapid.SliceOf(rapid.Uint64()).Draw(t, "values") {
			add(s, nodeCount{[]string{"a", "b", "c"}[i%3], v})
			if got := *s.sums.Uint(betanet.PacketsProcessed); got < before || got < v {
				t.Fatalf("document %d: messages: got %v after %v and a counter at %v, want no less than either", i, got, before, v)
			}
			before = *s.sums.Uint(betanet.PacketsProcessed)
		}
	})
}
