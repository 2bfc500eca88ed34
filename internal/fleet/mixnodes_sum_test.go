package fleet

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"pgregory.net/rapid"
)

// named is one counter of one round.
type named struct {
	name  string
	value uint64
}

// round adds a document whose nodes have processed, dropped, forwarded and
// delayed packets in fixed proportions, and reports whether a counter fell. All
// sums are checked against one another.
func round(s *mixnodeSums, counters ...named) (fell bool) {
	d := make(betanettest.Mixnodes, 0, len(counters))
	for _, c := range counters {
		d = append(d, betanettest.Mixnode{
			ID: c.name, PacketsProcessed: c.value, PacketsDropped: ptr(c.value), PacketsForwarded: ptr(c.value), AvgLatencyMS: ptr(0.001),
		})
	}
	known := s.lastListed == 0 || len(d) == 0
	for _, c := range counters {
		last, seen := s.nodes[c.name]
		known = known || seen && last.document == s.lastListed
		fell = fell || c.value < last.counters[betanet.PacketsProcessed]
	}
	if got := s.add(d.Doc().Mixnodes); got != (fell || !known) {
		panic(fmt.Sprintf("reset: got %v, want %v where a counter fell: %v, and a node was known: %v", got, fell || !known, fell, known))
	}
	return fell
}

func wantTotal(t *testing.T, s *mixnodeSums, want uint64) {
	t.Helper()
	messages, dropped, forwarded := *s.sums.Uint(betanet.PacketsProcessed), *s.sums.Uint(betanet.PacketsDropped), *s.sums.Uint(betanet.PacketsForwarded)
	if messages != want || dropped != want || forwarded != want || s.latency.Packets != want {
		t.Errorf("sums: got %v, %v, %v and %v packets with a latency, want %v", messages, dropped, forwarded, s.latency.Packets, want)
	}
}

func TestACounterThatAppearsAddsAllOfIt(t *testing.T) {
	s := newMixnodeSums(10)
	wantTotal(t, s, 0)
	round(s, named{"a", 5}, named{"b", 7})
	wantTotal(t, s, 12)
	round(s, named{"a", 5}, named{"b", 7}, named{"c", 100})
	wantTotal(t, s, 112)
}

func TestASumGrowsByTheIncreases(t *testing.T) {
	s := newMixnodeSums(10)
	round(s, named{"a", 5}, named{"b", 7})
	round(s, named{"a", 6}, named{"b", 17})
	wantTotal(t, s, 23)
}

func TestACounterThatFellHasStartedAnew(t *testing.T) {
	s := newMixnodeSums(10)
	round(s, named{"a", 100})
	if got := round(s, named{"a", 3}); !got {
		t.Errorf("fell: got %v, want true", got)
	}
	wantTotal(t, s, 103)
	if got := round(s, named{"a", 10}); got {
		t.Errorf("fell: got %v, want false", got)
	}
	wantTotal(t, s, 110)
}

func TestACounterThatLeavesTakesNothingAway(t *testing.T) {
	s := newMixnodeSums(10)
	round(s, named{"a", 100}, named{"b", 1})
	round(s, named{"b", 1})
	wantTotal(t, s, 101)
}

func TestACounterThatIsBackGoesOnFromItsLast(t *testing.T) {
	s := newMixnodeSums(10)
	round(s, named{"a", 100})
	for range 5 {
		round(s)
	}
	if got := round(s, named{"a", 130}); got {
		t.Errorf("fell: got %v, want false", got)
	}
	wantTotal(t, s, 130)
}

func TestACounterThatIsBackLowerHasStartedAnew(t *testing.T) {
	s := newMixnodeSums(10)
	round(s, named{"a", 100})
	round(s)
	if got := round(s, named{"a", 30}); !got {
		t.Errorf("fell: got %v, want true", got)
	}
	wantTotal(t, s, 130)
}

func TestTheOldestDepartedAreForgotten(t *testing.T) {
	s := newMixnodeSums(2)
	round(s, named{"a", 10}, named{"b", 10}, named{"c", 10})
	round(s, named{"b", 10}, named{"c", 10}) // a leaves first
	round(s, named{"c", 10})
	round(s)
	wantTotal(t, s, 30)
	round(s, named{"b", 11}, named{"c", 11}) // remembered
	wantTotal(t, s, 32)
	round(s, named{"b", 11}, named{"c", 11}, named{"a", 10}) // forgotten, as new as any
	wantTotal(t, s, 42)
}

func TestOnlyTheDepartedAreForgotten(t *testing.T) {
	s := newMixnodeSums(0)
	var all []named
	for i := range 50 {
		all = append(all, named{fmt.Sprint(i), 1})
	}
	for range 3 {
		round(s, all...)
	}
	wantTotal(t, s, 50)
}

func TestMemoryIsBounded(t *testing.T) {
	s := newMixnodeSums(100)
	for i := range 5000 {
		round(s, named{fmt.Sprint(i), 1})
	}
	if got, want := len(s.nodes), 101; got != want {
		t.Errorf("counters remembered: got %d, want %d", got, want)
	}
}

func TestASumSaturates(t *testing.T) {
	s := newMixnodeSums(10)
	round(s, named{"a", math.MaxUint64}, named{"b", 5})
	wantTotal(t, s, math.MaxUint64)
	round(s, named{"a", 1}, named{"b", 9})
	wantTotal(t, s, math.MaxUint64)
}

func TestASumReachesTheLargestNumberExactly(t *testing.T) {
	s := newMixnodeSums(10)
	round(s, named{"a", math.MaxUint64 - 5}, named{"b", 5})
	wantTotal(t, s, math.MaxUint64)
}

// model is the rule in the plainest form: all that was ever seen, in the order
// in which it was seen last.
type model struct {
	total float64 // far from where it would round
	last  []named
	here  map[string]bool
}

func (m *model) round(departed int, counters []named) (fell bool) {
	m.here = make(map[string]bool)
	for _, c := range counters {
		m.here[c.name] = true
		before := uint64(0)
		if i := slices.IndexFunc(m.last, func(x named) bool { return x.name == c.name }); i >= 0 {
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
	for len(m.last)-len(counters) > departed {
		m.last = m.last[1:]
	}
	return fell
}

func TestASumNeverFallsAndIsThatOfTheModel(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	counter := rapid.Custom(func(t *rapid.T) named {
		return named{rapid.SampledFrom(names).Draw(t, "name"), rapid.Uint64Range(0, 20).Draw(t, "value")}
	})
	counters := rapid.Map(rapid.SliceOfNDistinct(counter, 0, len(names), func(c named) string { return c.name }), func(l []named) []named {
		// Of those that left in one round the first by name goes first.
		slices.SortFunc(l, func(a, b named) int { return int(a.name[0]) - int(b.name[0]) })
		return l
	})
	rapid.Check(t, func(t *rapid.T) {
		departed := rapid.IntRange(0, 4).Draw(t, "departed")
		s, m := newMixnodeSums(departed), new(model)
		before := uint64(0)
		for i, c := range rapid.SliceOfN(counters, 0, 40).Draw(t, "rounds") {
			fell := round(s, c...)
			if want := m.round(departed, c); fell != want {
				t.Fatalf("round %d: fell: got %v, want %v", i, fell, want)
			}
			if got := *s.sums.Uint(betanet.PacketsProcessed); got < before || float64(got) != m.total {
				t.Fatalf("round %d: messages: got %v after %v, want %v", i, got, before, m.total)
			}
			before = *s.sums.Uint(betanet.PacketsProcessed)
		}
	})
}

func TestASumOfLargeNumbersNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newMixnodeSums(1)
		before := uint64(0)
		for i, v := range rapid.SliceOf(rapid.Uint64()).Draw(t, "values") {
			round(s, named{[]string{"a", "b", "c"}[i%3], v})
			if got := *s.sums.Uint(betanet.PacketsProcessed); got < before || got < v {
				t.Fatalf("round %d: messages: got %v after %v and a counter at %v, want no less than either", i, got, before, v)
			}
			before = *s.sums.Uint(betanet.PacketsProcessed)
		}
	})
}
