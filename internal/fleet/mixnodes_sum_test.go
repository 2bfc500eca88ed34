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

// nodeValue is the value that all counters of a node have in one document.
type nodeValue struct {
	id    string
	value uint64
}

// add adds a document in which each node has processed, dropped, forwarded and delayed
// the same number of packets, and reports whether a counter fell. It checks the result of
// s.add.
func add(s *mixnodeSums, counters ...nodeValue) (fell bool) {
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

func TestSumsGrowByTheIncreasesOfNodes(t *testing.T) {
	type document struct {
		counters []nodeValue
		total    uint64
		fell     bool
	}
	for _, c := range []struct {
		name    string
		retired int
		docs    []document
	}{
		{"a new node adds all of its packets", 10, []document{
			{[]nodeValue{{"a", 5}, {"b", 7}}, 12, false}, {[]nodeValue{{"a", 5}, {"b", 7}, {"c", 100}}, 112, false},
		}},
		{"a known node adds its increases", 10, []document{
			{[]nodeValue{{"a", 5}, {"b", 7}}, 12, false}, {[]nodeValue{{"a", 6}, {"b", 17}}, 23, false},
		}},
		{"a node whose counters fell has restarted", 10, []document{
			{[]nodeValue{{"a", 100}}, 100, false}, {[]nodeValue{{"a", 3}}, 103, true}, {[]nodeValue{{"a", 10}}, 110, false},
		}},
		{"a node that leaves subtracts nothing", 10, []document{
			{[]nodeValue{{"a", 100}, {"b", 1}}, 101, false}, {[]nodeValue{{"b", 1}}, 101, false},
		}},
		{"a node that comes back continues from its last values", 10, []document{
			{[]nodeValue{{"a", 100}}, 100, false}, {nil, 100, false}, {nil, 100, false}, {nil, 100, false}, {nil, 100, false}, {nil, 100, false}, {[]nodeValue{{"a", 130}}, 130, false},
		}},
		{"a node that comes back with lower counters has restarted", 10, []document{
			{[]nodeValue{{"a", 100}}, 100, false}, {nil, 100, false}, {[]nodeValue{{"a", 30}}, 130, true},
		}},
		{"a node comes back while another restarts", 10, []document{
			{[]nodeValue{{"a", 100}, {"b", 50}}, 150, false},
			{[]nodeValue{{"b", 60}}, 160, false},
			{[]nodeValue{{"a", 130}, {"b", 7}}, 197, true},
			{nil, 197, false},
		}},
		{"the nodes that left first are forgotten", 2, []document{
			{[]nodeValue{{"a", 10}, {"b", 10}, {"c", 10}}, 30, false},
			{[]nodeValue{{"b", 10}, {"c", 10}}, 30, false}, // a leaves first
			{[]nodeValue{{"c", 10}}, 30, false},
			{nil, 30, false},
			{[]nodeValue{{"b", 11}, {"c", 11}}, 32, false},            // remembered
			{[]nodeValue{{"b", 11}, {"c", 11}, {"a", 10}}, 42, false}, // forgotten, so it is new
		}},
		{"a sum saturates", 10, []document{
			{[]nodeValue{{"a", math.MaxUint64}, {"b", 5}}, math.MaxUint64, false},
			{[]nodeValue{{"a", 1}, {"b", 9}}, math.MaxUint64, true},
		}},
		{"a sum reaches the largest number exactly", 10, []document{
			{[]nodeValue{{"a", math.MaxUint64 - 5}, {"b", 5}}, math.MaxUint64, false},
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
	var all []nodeValue
	for i := range 50 {
		all = append(all, nodeValue{fmt.Sprint(i), 1})
	}
	for range 3 {
		add(s, all...)
	}
	wantTotal(t, s, 50)
}

func TestRetiredNodesAreBounded(t *testing.T) {
	s := newMixnodeSums(100)
	for i := range 5000 {
		add(s, nodeValue{fmt.Sprint(i), 1})
	}
	if got, want := len(s.nodes), 101; got != want {
		t.Errorf("nodes remembered: got %d, want %d", got, want)
	}
}

// model is a simple implementation to compare with: a list of all nodes, those seen last
// at the end.
type model struct {
	total float64 // far below 2^53
	last  []nodeValue
}

func (m *model) add(retired int, counters []nodeValue) (fell bool) {
	for _, c := range counters {
		before := uint64(0)
		if i := slices.IndexFunc(m.last, func(x nodeValue) bool { return x.id == c.id }); i >= 0 {
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
	counter := rapid.Custom(func(t *rapid.T) nodeValue {
		return nodeValue{rapid.SampledFrom(ids).Draw(t, "id"), rapid.Uint64Range(0, 20).Draw(t, "value")}
	})
	counters := rapid.Map(rapid.SliceOfNDistinct(counter, 0, len(ids), func(c nodeValue) string { return c.id }), func(l []nodeValue) []nodeValue {
		// Nodes that leave in the same document are forgotten in the order of their ids.
		slices.SortFunc(l, func(a, b nodeValue) int { return int(a.id[0]) - int(b.id[0]) })
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
			add(s, nodeValue{[]string{"a", "b", "c"}[i%3], v})
			if got := *s.sums.Uint(betanet.PacketsProcessed); got < before || got < v {
				t.Fatalf("document %d: messages: got %v after %v and a counter at %v, want no less than either", i, got, before, v)
			}
			before = *s.sums.Uint(betanet.PacketsProcessed)
		}
	})
}
