package status

import (
	"cmp"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// pageSize is how many upstreams are on a page unless a query says otherwise.
const pageSize = 100

// indexPage is what the template of the status page gets.
type indexPage struct {
	frame
	Status
	Counts    []stateCount
	Reasons   []reasonLink
	Tiles     []tile
	Span      string // of the sparklines
	Form      form
	Columns   []column
	Rows      []row
	From      int    // of the first row, from 1
	Previous  string // link, "" for none
	Next      string
	ProbeMode bool
	Probed    []probeRow // in probe mode
	Names     int        // upstreams that are configured, listed or not
	Table     incidentTable
	Exporter  exporterState
}

// stateCount is a number of upstreams, and the link to them.
type stateCount struct {
	State fleet.State
	Count int
	Link  string
}

// reasonLink is a reason for which upstreams fail, and the link to them.
type reasonLink struct {
	reasonCount
	Link   string
	Chosen bool
}

// form is the filter that applies.
type form struct {
	Text     string
	MaxText  int
	States   []choice
	Reasons  []string
	Sorts    []sortChoice
	Order    string // "" for the default, as the following
	Limit    int
	Filtered bool
	Clear    string // link without the filter
}

// choice is a state that can be asked for.
type choice struct {
	State  fleet.State
	Chosen bool
}

// sortChoice is an order that can be asked for.
type sortChoice struct {
	Name, Title string
	Chosen      bool
}

// column is a head of the table. Some sort it.
type column struct {
	Title  string
	Sorted string // ascending, descending or ""
	Link   string // sorts by it, or the other way round; "" if nothing does
	Class  string
}

var sortTitles = map[string]string{
	"problems": "problems first", "name": "name", "state": "state", "age": "age of data", "breaker": "breaker", "error": "reason", "next": "next collection",
}

// IndexPage returns the page of all upstreams, of which a query asks for some. The
// page of the only upstream is the home page as well.
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
	// Of a page beyond the end, which a shrinking fleet leaves behind, the last is shown.
	q.offset = min(q.offset, max(0, (len(r.matched)-1)/q.limit*q.limit))
	points := m.History.Points()
	page := indexPage{
		frame: m.newFrame("", *s.Verdict, now), Status: s, Counts: newCountLinks(&s.Fleet.countsStatus), Reasons: newReasonLinks(&r.situation, &q, s.Probes != nil),
		Tiles: newTiles(s.Fleet, points, now), Form: newForm(&q), Columns: newColumns(q), From: q.offset + 1, ProbeMode: m.ProbeMode,
		Probed: newProbeRows(s.Probes, now), Exporter: m.newExporterState(&s, now),
	}
	page.AsJSON = "api/v1/status" + trimDot(q.url())
	for _, e := range r.page(&q) {
		page.Rows = append(page.Rows, m.newRow(&page.frame, e, now))
	}
	there := func(title string) bool {
		_, found := slices.BinarySearchFunc(views, title, func(v *fleet.View, title string) int { return cmp.Compare(v.Upstream.DisplayName(), title) })
		return found
	}
	page.Table = m.newIncidents(&page.frame, s.Incidents, "", there, now)
	page.Table.More += *s.Omitted
	if len(points) > 1 {
		page.Span = formatDuration(span(points, now).Seconds())
	}
	if m.Names != nil && len(views) == 0 {
		page.Names = len(m.Names())
	}
	if q.offset > 0 {
		page.Previous = q.moved(max(0, q.offset-q.limit)).url()
	}
	if end := q.offset + len(page.Rows); end < len(r.matched) {
		page.Next = q.moved(end).url()
	}
	return render("index.html", &page), nil
}

// trimDot returns a link to the page itself as a query, "" for none.
func trimDot(link string) string {
	if link == "./" {
		return ""
	}
	return link
}

// moved is the query from another offset.
func (q query) moved(offset int) query {
	q.offset = offset
	return q
}

func newCountLinks(c *countsStatus) []stateCount {
	return []stateCount{
		{fleet.Down, c.Down, "?state=down"},
		{fleet.Stale, c.Stale, "?state=stale"},
		{fleet.Pending, c.Pending, "?state=pending"},
		{fleet.Up, c.Up, "?state=up"},
	}
}

// newReasonLinks returns the reasons for which upstreams fail. A link adds one to
// what is asked for, or leaves it out again.
func newReasonLinks(s *situation, q *query, probed bool) (all []reasonLink) {
	for _, r := range s.reasons {
		l := reasonLink{reasonCount: r, Chosen: slices.Contains(q.reasons, r.Reason)}
		other := q.moved(0)
		other.text, other.states, other.reasons = "", nil, nil
		if !l.Chosen {
			other.reasons = []string{r.Reason}
		}
		if !probed {
			l.Link = other.url()
		}
		all = append(all, l)
	}
	return all
}

func newForm(q *query) form {
	f := form{Text: q.text, MaxText: maxText, Filtered: q.filtered(), Reasons: q.reasons}
	for _, s := range states {
		f.States = append(f.States, choice{s, slices.Contains(q.states, s)})
	}
	for i := range sortings {
		name := sortings[i].name
		f.Sorts = append(f.Sorts, sortChoice{name, sortTitles[name], q.sort == &sortings[i]})
	}
	if q.descending {
		f.Order = "desc"
	}
	if q.limit != pageSize {
		f.Limit = q.limit
	}
	clear := q.moved(0)
	clear.text, clear.states, clear.reasons = "", nil, nil
	f.Clear = clear.url()
	return f
}

// tableColumns describes the columns of the table: title, order and class.
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
		if i := slices.IndexFunc(sortings, func(s sorting) bool { return s.name == t.sort }); i >= 0 {
			other := q.moved(0)
			other.sort, other.descending = &sortings[i], false
			if q.sort == &sortings[i] {
				other.descending = !q.descending
				c.Sorted = map[bool]string{false: "ascending", true: "descending"}[q.descending]
			}
			c.Link = other.url()
		}
		all = append(all, c)
	}
	return all
}

// probeRow is a target that was probed.
type probeRow struct {
	history.Probe
	Age float64 // seconds
}

func newProbeRows(all []history.Probe, now time.Time) (rows []probeRow) {
	for _, p := range all {
		rows = append(rows, probeRow{p, max(0, now.Sub(p.Time).Seconds())})
	}
	return rows
}
