package status

import (
	"cmp"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// pageSize is the number of upstreams on a page if the query has no limit.
const pageSize = 100

// indexPage is the template data of the status page.
type indexPage struct {
	frame
	Status
	Counts    []stateCount
	Reasons   []reasonLink
	Tiles     []tile
	Span      string // time that the sparklines cover
	Form      form
	Columns   []column
	Rows      []row
	From      int    // number of the first row, from 1
	Previous  string // link; "" if there is none
	Next      string
	ProbeMode bool
	Probed    []probeRow // in probe mode
	Known     int        // number of upstreams that can be probed by name; set only if none is listed
	Table     incidentTable
	Exporter  exporterState
}

// stateCount is the number of upstreams in a state.
type stateCount struct {
	State fleet.State
	Count int
}

// reasonLink is a failure reason with a link that filters by it, or that removes the
// filter if the reason is chosen. In probe mode there is no link.
type reasonLink struct {
	reasonCount
	Link   string
	Chosen bool
}

// form is the filter form of the page.
type form struct {
	Text     string
	MaxText  int
	States   []choice
	Reasons  []betanet.Reason
	Sorts    []choice
	Order    string // "" for the default
	Limit    int    // 0 for the default
	Filtered bool
	Clear    string // link without the filter
}

// choice is an option of the form.
type choice struct {
	Value, Title string
	Chosen       bool
}

// column is a column of the table.
type column struct {
	Title  string
	Sorted string // ascending, descending or ""
	Link   string // sorts by the column, or reverses the order; "" if it cannot be sorted
	Class  string
}

// probeRow is a target that was probed.
type probeRow struct {
	history.Probe
	Age float64 // seconds
}

// IndexPage returns the status page with the upstreams that a query selects. If there is
// only one upstream, it returns the page of that upstream.
func (m *Model) IndexPage(rawQuery string, now time.Time) ([]byte, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	if q.limit == 0 {
		q.limit = pageSize
	}
	views := m.Registry.Views()
	r := newResult(m.entries(views, now), &q, now)
	s := m.summary(&r, now)
	if len(views) == 1 {
		return m.homePage(views[0], &s, now), nil
	}
	// The offset can be beyond the end, for example after the fleet has shrunk. Show the
	// last page then.
	q.offset = min(q.offset, max(0, (len(r.matched)-1)/q.limit*q.limit))
	points, c := m.History.Points(), &s.Fleet.Counts
	page := indexPage{
		frame: m.newFrame("", *s.Verdict, now), Status: s,
		Counts:  []stateCount{{fleet.Down, c.Down}, {fleet.Stale, c.Stale}, {fleet.Pending, c.Pending}, {fleet.Up, c.Up}},
		Reasons: newReasonLinks(r.situation.reasons, &q, m.ProbeMode),
		Tiles:   newTiles(s.Fleet, points, now), Form: newForm(&q), Columns: newColumns(q), From: q.offset + 1, ProbeMode: m.ProbeMode,
		Exporter: m.newExporterState(&s, now),
	}
	page.AsJSON = "api/v1/status" + q.encode()
	for _, e := range r.page(&q) {
		page.Rows = append(page.Rows, m.newRow(&page.frame, e, now))
	}
	for _, p := range s.Probes {
		page.Probed = append(page.Probed, probeRow{p, max(0, now.Sub(p.Time).Seconds())})
	}
	exists := func(name string) bool {
		_, found := slices.BinarySearchFunc(views, name, func(v *fleet.View, name string) int { return cmp.Compare(v.Upstream.DisplayName(), name) })
		return found
	}
	page.Table = m.newIncidentTable(&page.frame, s.Incidents, "", exists, now)
	page.Table.More += *s.Omitted
	if len(points) > 1 {
		page.Span = formatDuration(span(points, now).Seconds())
	}
	if m.Upstreams != nil && len(views) == 0 {
		page.Known = len(m.Upstreams())
	}
	if q.offset > 0 {
		page.Previous = q.withOffset(max(0, q.offset-q.limit)).link()
	}
	if end := q.offset + len(page.Rows); end < len(r.matched) {
		page.Next = q.withOffset(end).link()
	}
	return render("index.html", &page), nil
}

func newReasonLinks(reasons []reasonCount, q *query, probeMode bool) (all []reasonLink) {
	for _, r := range reasons {
		reason := betanet.Reason(r.Reason)
		l := reasonLink{reasonCount: r, Chosen: slices.Contains(q.reasons, reason)}
		linked := q.unfiltered()
		if !l.Chosen {
			linked.reasons = []betanet.Reason{reason}
		}
		if !probeMode {
			l.Link = linked.link()
		}
		all = append(all, l)
	}
	return all
}

func newForm(q *query) form {
	f := form{Text: q.text, MaxText: maxText, Filtered: q.filtered(), Reasons: q.reasons, Clear: q.unfiltered().link()}
	for _, s := range states {
		f.States = append(f.States, choice{string(s), string(s), slices.Contains(q.states, s)})
	}
	for i := range sortKeys {
		s := &sortKeys[i]
		f.Sorts = append(f.Sorts, choice{s.name, s.title, q.sort == s})
	}
	if q.descending {
		f.Order = "desc"
	}
	if q.limit != pageSize {
		f.Limit = q.limit
	}
	return f
}

// tableColumns are the columns of the table, with the names of their sort keys.
var tableColumns = []struct{ title, sort, class string }{
	{"Upstream", "name", ""},
	{"State", "state", ""},
	{"Last hour", "", "hour"},
	{"Messages", "", "n"},
	{"Loss", "", "n"},
	{"Latency", "", "n"},
	{"Mixnodes", "", "n"},
	{"Age", "age", "n"},
}

func newColumns(q query) (all []column) {
	for _, t := range tableColumns {
		c := column{Title: t.title, Class: t.class}
		if s := sortKeyNamed(t.sort); s != nil {
			linked := q.withOffset(0)
			linked.sort, linked.descending = s, false
			if q.sort == s {
				linked.descending = !q.descending
				c.Sorted = map[bool]string{false: "ascending", true: "descending"}[q.descending]
			}
			c.Link = linked.link()
		}
		all = append(all, c)
	}
	return all
}
