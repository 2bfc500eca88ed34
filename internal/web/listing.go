package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/history"
)

// entry is an upstream with what it is found and sorted by.
type entry struct {
	view  *fleet.View
	title string
	state fleet.State
	brief
}

// sorting is an order of upstreams, ascending.
type sorting struct {
	name string
	// known tells whether an entry has what is sorted by; nil if all have. Those
	// that have not come last, in either order.
	known   func(e *entry) bool
	compare func(a, b *entry) int
}

// sortings are the orders there are, the first the default.
var sortings = []sorting{
	{"name", nil, func(a, b *entry) int { return strings.Compare(a.title, b.title) }},
	{"state", nil, func(a, b *entry) int { return slices.Index(states, a.state) - slices.Index(states, b.state) }},
	{"age", func(e *entry) bool { return !e.oldest.IsZero() }, func(a, b *entry) int { return b.oldest.Compare(a.oldest) }},
	{"breaker", nil, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(b.breaker, a.breaker), a.openUntil.Compare(b.openUntil))
	}},
	{"error", func(e *entry) bool { return e.reason != "" }, func(a, b *entry) int { return strings.Compare(a.reason, b.reason) }},
	{"next", func(e *entry) bool { return !e.next.IsZero() }, func(a, b *entry) int { return a.next.Compare(b.next) }},
}

// listing is all upstreams at one moment, counted, and those that were asked for.
type listing struct {
	fleet   fleetStatus
	matched []*entry // sorted
}

// newListing finds the upstreams that are asked for. It makes nothing to show of
// them: of ten thousand a page shows a hundred.
func newListing(views []*fleet.View, q *query, now time.Time) (l listing) {
	all := make([]entry, len(views))
	l.matched = make([]*entry, 0, len(views))
	text, counted := strings.ToLower(q.text), history.Point{}
	for i, v := range views {
		e := &all[i]
		*e = entry{v, v.Upstream.Title(), v.State(now), newBrief(v)}
		counted.Count(e.state, v.NotClosed())
		if q.accepts(e, text) {
			l.matched = append(l.matched, e)
		}
	}
	l.fleet.countsStatus = newCounts(&counted)
	slices.SortFunc(l.matched, q.compare)
	return l
}

func (q *query) accepts(e *entry, text string) bool {
	if len(q.states) > 0 && !slices.Contains(q.states, e.state) {
		return false
	}
	return text == "" || strings.Contains(strings.ToLower(e.title), text) || strings.Contains(strings.ToLower(e.view.URL.String()), text)
}

func (q *query) compare(a, b *entry) int {
	if known := q.sort.known; known != nil && known(a) != known(b) {
		if known(a) {
			return -1
		}
		return 1
	}
	c := q.sort.compare(a, b)
	if q.descending {
		c = -c
	}
	return cmp.Or(c, strings.Compare(a.title, b.title))
}

// part is the part of those that match which is asked for.
func (l *listing) part(q *query) []*entry {
	from := min(q.offset, len(l.matched))
	to := len(l.matched)
	if q.limit > 0 {
		to = min(from+q.limit, to)
	}
	return l.matched[from:to]
}
