package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// entry is an upstream with what it is found and sorted by. It never changes.
type entry struct {
	view  *fleet.View
	title string
	state fleet.State
	rank  int       // of the state: what needs a person first
	since time.Time // when the state began; zero for one that is up or pending
	until time.Time // when the state changes because a value expires, zero for never
	summary
}

// newEntry describes a view, except since when its state lasts.
func newEntry(v *fleet.View, now time.Time) *entry {
	e := &entry{view: v, title: v.Upstream.DisplayName(), state: v.State(now), until: v.Expires(now), summary: newSummary(v)}
	e.rank = slices.Index(states[:], e.state)
	return e
}

// current reports whether the entry describes a view at a moment.
func (e *entry) current(v *fleet.View, now time.Time) bool {
	return e != nil && e.view == v && (e.until.IsZero() || now.Before(e.until))
}

// entries describes all upstreams. Most of them are as they were at the last look, and
// are not looked at again.
func (m *Model) entries(views []*fleet.View, now time.Time) []*entry {
	m.mu.Lock()
	before := m.last
	m.mu.Unlock()
	all := make([]*entry, len(views))
	for i, v := range views {
		if i < len(before) && before[i].current(v, now) {
			all[i] = before[i]
		} else {
			all[i] = newEntry(v, now)
		}
		if e := all[i]; e.state == fleet.Down || e.state == fleet.Stale {
			if since := m.History.Since(v, now); !since.Equal(e.since) {
				changed := *e
				changed.since = since
				all[i] = &changed
			}
		}
	}
	m.mu.Lock()
	m.last = all
	m.mu.Unlock()
	return all
}

// sorting is an order of upstreams, ascending.
type sorting struct {
	name string
	// known tells whether an entry has what is sorted by; nil if all have. Those
	// that have not come last, in either order.
	known   func(e *entry) bool
	compare func(a, b *entry) int
}

// sortings are the orders there are, the first the default: what needs a person
// first, and of that what has lasted longest.
var sortings = []sorting{
	{"problems", nil, func(a, b *entry) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return a.since.Compare(b.since)
	}},
	{"name", nil, func(a, b *entry) int { return strings.Compare(a.title, b.title) }},
	{"state", nil, byState},
	{"age", func(e *entry) bool { return !e.oldest.IsZero() }, func(a, b *entry) int { return b.oldest.Compare(a.oldest) }},
	{"breaker", nil, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(b.breaker, a.breaker), a.openUntil.Compare(b.openUntil))
	}},
	{"error", func(e *entry) bool { return e.reason != "" }, func(a, b *entry) int { return strings.Compare(a.reason, b.reason) }},
	{"next", func(e *entry) bool { return !e.next.IsZero() }, func(a, b *entry) int { return a.next.Compare(b.next) }},
}

func byState(a, b *entry) int { return a.rank - b.rank }

// result is all upstreams at one moment, counted, and those that were asked for.
type result struct {
	situation situation // of all
	matched   []*entry  // of which page gives the part that is asked for, sorted
}

// newResult finds the upstreams that are asked for. It makes nothing to show of
// them: of ten thousand a page shows a hundred.
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
		countState(&r.situation.counts, states[rank], n)
	}
	if len(all) == 1 {
		r.situation.only, r.situation.since = plain(all[0].title), all[0].since
	}
	r.situation.reasons = reasons.sorted()
	return r
}

func (q *query) accepts(e *entry, text string) bool {
	if len(q.states) > 0 && !slices.Contains(q.states, e.state) {
		return false
	}
	if len(q.reasons) > 0 && !q.hasReason(e) {
		return false
	}
	return text == "" || strings.Contains(strings.ToLower(e.title), text) || strings.Contains(strings.ToLower(e.view.URL.String()), text)
}

// hasReason reports whether an endpoint fails for a reason that is asked for.
func (q *query) hasReason(e *entry) bool {
	if e.reason == "" {
		return false
	}
	for i := range e.view.Endpoints {
		if f := e.view.Endpoints[i].Failure; f != nil && slices.Contains(q.reasons, string(f.Reason)) {
			return true
		}
	}
	return false
}

func (q *query) compare(a, b *entry) int {
	if known := q.sort.known; known != nil && known(a) != known(b) {
		if known(a) {
			return -1
		}
		return 1
	}
	c := q.sort.compare(a, b)
	switch {
	case c == 0:
		return strings.Compare(a.title, b.title)
	case q.descending:
		return -c
	default:
		return c
	}
}

// page sorts those that match as far as is needed, and returns the part of them that
// is asked for.
func (r *result) page(q *query) []*entry {
	from := min(q.offset, len(r.matched))
	to := len(r.matched)
	if q.limit > 0 {
		to = min(from+q.limit, to)
	}
	r.first(to, q.compare)
	return r.matched[from:to]
}

// first moves the first n of those that match to the front, in order. A page of a
// hundred of ten thousand does not sort the rest.
func (r *result) first(n int, compare func(a, b *entry) int) {
	rest := r.matched
	for len(rest) > 4*n+16 {
		// Those that are after the greatest of a sample are dropped from the search, as long
		// as enough remain.
		sample := make([]*entry, 0, 2*n+16)
		for i := range cap(sample) {
			sample = append(sample, rest[i*len(rest)/cap(sample)])
		}
		slices.SortFunc(sample, compare)
		pivot := sample[min(len(sample)-1, 4*len(sample)*n/len(rest)+8)]
		i := 0
		for j, e := range rest {
			if compare(e, pivot) <= 0 {
				rest[i], rest[j] = e, rest[i]
				i++
			}
		}
		if i < n || i == len(rest) {
			break
		}
		rest = rest[:i]
	}
	slices.SortFunc(rest, compare)
}
