package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// entry is an upstream with what it is found and sorted by.
type entry struct {
	view  *fleet.View
	title string
	state fleet.State
	summary
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

// result is all upstreams at one moment, counted, and those that were asked for.
type result struct {
	fleet   fleetStatus
	matched []*entry // sorted
}

// newResult finds the upstreams that are asked for. It makes nothing to show of
// them: of ten thousand a page shows a hundred.
func newResult(views []*fleet.View, q *query, now time.Time) (r result) {
	all := make([]entry, len(views))
	r.matched = make([]*entry, 0, len(views))
	text, counted := strings.ToLower(q.text), history.Point{}
	for i, v := range views {
		e := &all[i]
		*e = entry{v, v.Upstream.Title(), v.State(now), newSummary(v)}
		counted.Count(e.state, v.NotClosed())
		if q.accepts(e, text) {
			r.matched = append(r.matched, e)
		}
	}
	r.fleet.countsStatus = newCounts(&counted)
	slices.SortFunc(r.matched, q.compare)
	return r
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

// page returns the part of those that match which is asked for.
func (r *result) page(q *query) []*entry {
	from := min(q.offset, len(r.matched))
	to := len(r.matched)
	if q.limit > 0 {
		to = min(from+q.limit, to)
	}
	return r.matched[from:to]
}
