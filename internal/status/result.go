package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// sortKey is a value to sort upstreams by.
type sortKey struct {
	name, title string
	// known reports whether an entry has a value; nil if all have. Entries without a
	// value come last in either order.
	known   func(e *entry) bool
	compare func(a, b *entry) int
}

// sortKeys are the accepted sort keys. The first is the default: problems first, and
// among problems of the same state the longest first.
var sortKeys = []sortKey{
	{"problems", "problems first", nil, func(a, b *entry) int { return cmp.Or(a.rank-b.rank, a.since.Compare(b.since)) }},
	{"name", "name", nil, func(a, b *entry) int { return strings.Compare(a.name, b.name) }},
	{"state", "state", nil, func(a, b *entry) int { return a.rank - b.rank }},
	{"age", "age of data", func(e *entry) bool { return !e.oldest.IsZero() }, func(a, b *entry) int { return b.oldest.Compare(a.oldest) }},
	{"breaker", "breaker", nil, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(b.breaker, a.breaker), a.openUntil.Compare(b.openUntil))
	}},
	{"error", "reason", func(e *entry) bool { return e.reason != "" }, func(a, b *entry) int { return strings.Compare(a.reason, b.reason) }},
	{"next", "next collection", func(e *entry) bool { return !e.next.IsZero() }, func(a, b *entry) int { return a.next.Compare(b.next) }},
}

// sortKeyNamed returns the sort key with a name, or nil.
func sortKeyNamed(name string) *sortKey {
	if i := slices.IndexFunc(sortKeys, func(k sortKey) bool { return k.name == name }); i >= 0 {
		return &sortKeys[i]
	}
	return nil
}

// result has the state of all upstreams at one moment, and the upstreams that a query
// selects.
type result struct {
	situation situation // of all upstreams
	matched   []*entry  // in no particular order
}

// newResult selects upstreams. It does not prepare them for display, because a page shows
// only a hundred of perhaps ten thousand.
func newResult(all []*entry, q *query, now time.Time) (r result) {
	r.matched = make([]*entry, 0, len(all))
	text, reasons := strings.ToLower(q.text), make(reasonTally)
	var ranks [len(states)]int
	for _, e := range all {
		ranks[e.rank]++
		r.situation.add(e, now)
		if e.reason != "" {
			reasons.add(e.view)
		}
		if q.accepts(e, text) {
			r.matched = append(r.matched, e)
		}
	}
	for rank, n := range ranks {
		r.situation.counts.Add(states[rank], n)
	}
	if len(all) == 1 {
		r.situation.only, r.situation.since = plain(all[0].name), all[0].since
	}
	r.situation.reasons = reasons.sorted()
	return r
}

// accepts reports whether the query selects an upstream. text is q.text in lower case.
func (q *query) accepts(e *entry, text string) bool {
	if len(q.states) > 0 && !slices.Contains(q.states, e.state) {
		return false
	}
	if len(q.reasons) > 0 && !slices.ContainsFunc(e.view.Endpoints, q.hasReason) {
		return false
	}
	return text == "" || strings.Contains(strings.ToLower(e.name), text) || strings.Contains(strings.ToLower(e.view.URL.String()), text)
}

// hasReason reports whether an endpoint fails for a reason in the query.
func (q *query) hasReason(e fleet.EndpointView) bool {
	return e.Failure != nil && slices.Contains(q.reasons, e.Failure.Reason)
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
	return cmp.Or(c, strings.Compare(a.name, b.name))
}

// partialSort decides when page sorts only the beginning, which is faster if the page ends
// within the first 1/partialSort of the upstreams.
const partialSort = 32

// page returns the selected upstreams in the query's order, from its offset and up to its
// limit. It may sort r.matched.
func (r *result) page(q *query) []*entry {
	from, to := min(q.offset, len(r.matched)), len(r.matched)
	if q.limit > 0 {
		to = min(from+q.limit, to)
	}
	if to > len(r.matched)/partialSort {
		slices.SortFunc(r.matched, q.compare)
		return r.matched[from:to]
	}
	first := make([]*entry, 0, to+1)
	for _, e := range r.matched {
		if len(first) < to || q.compare(e, first[to-1]) < 0 {
			i, _ := slices.BinarySearchFunc(first, e, q.compare)
			first = slices.Insert(first, i, e)
			first = first[:min(len(first), to)]
		}
	}
	return first[from:]
}
