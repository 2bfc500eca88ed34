package fleet

import (
	"cmp"
	"slices"
)

// Sum adds up counters that come, go and start anew, so that the total never
// falls: it grows by the increases of each. It is not safe for concurrent use.
type Sum struct {
	total    uint64
	round    uint64
	departed int // how many that left are remembered
	last     map[string]counter
}

// counter is the last value of one source and the round in which it was there.
type counter struct{ value, round uint64 }

// NewSum makes a Sum that remembers so many departed counters; the oldest go.
func NewSum(departed int) *Sum {
	return &Sum{departed: departed, last: make(map[string]counter)}
}

// Begin starts a round; counters not added until End have departed.
func (s *Sum) Begin() { s.round++ }

// Add takes in a counter's value. One never seen adds all of it, one that is
// back goes on from its last value, one that fell has started anew. Fell says
// that it did.
func (s *Sum) Add(name string, value uint64) (fell bool) {
	before := s.last[name].value
	s.last[name] = counter{value, s.round}
	s.total = addSaturated(s.total, Increase(before, value))
	return value < before
}

// End ends a round and forgets the oldest of too many departed counters.
func (s *Sum) End() {
	var gone []string
	for name, c := range s.last {
		if c.round != s.round {
			gone = append(gone, name)
		}
	}
	if len(gone) <= s.departed {
		return
	}
	slices.SortFunc(gone, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.last[a].round, s.last[b].round), cmp.Compare(a, b))
	})
	for _, name := range gone[:len(gone)-s.departed] {
		delete(s.last, name)
	}
}

// Total is the sum of all increases.
func (s *Sum) Total() uint64 { return s.total }
