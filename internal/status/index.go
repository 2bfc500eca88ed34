package status

import (
	"fmt"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// pageSize is how many upstreams are on a page unless a query says otherwise.
const pageSize = 100

// indexPage is what the template of the status page gets.
type indexPage struct {
	Status
	TelemetryPath string
	JSON          string // the same for programs
	Tiles         []tile
	Span          string // of the sparklines
	Form          form
	Columns       []column
	Rows          []row
	From          int    // of the first row, from 1
	Previous      string // link, "" for none
	Next          string
	ProbeMode     bool
	Names         int // upstreams that are configured, listed or not
	Events        []eventRow
	Parts         []part // of the exporter itself
}

// form is the filter as it holds.
type form struct {
	Text     string
	MaxText  int
	States   []choice
	Sort     string // "" for the default, as the following
	Order    string
	Limit    int
	Filtered bool
	Clear    string // link without the filter
}

// choice is a state that can be asked for.
type choice struct {
	State  fleet.State
	Chosen bool
}

// column is a head of the table, by which it can be sorted.
type column struct {
	Title  string
	Sorted string // ascending, descending or ""
	Link   string // sorts by it, or the other way round
}

var titles = map[string]string{
	"name": "Upstream", "state": "State", "age": "Age of data", "breaker": "Breaker", "error": "Last error", "next": "Next collection",
}

// row is an upstream in the table.
type row struct {
	upstreamStatus
	Failing *endpointStatus // the first endpoint that fails, nil if none does
	Others  int             // endpoints that fail besides
}

// IndexPage returns the page of all upstreams, of which a query asks for some.
func (m *Model) IndexPage(rawQuery string, now time.Time) ([]byte, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	if q.limit == 0 {
		q.limit = pageSize
	}
	views := m.Registry.Views()
	r := newResult(views, &q, now)
	// Of a page beyond the end, which a shrinking fleet leaves behind, the last is shown.
	q.offset = min(q.offset, max(0, (len(r.matched)-1)/q.limit*q.limit))
	points := m.History.Series.Points()
	s := m.list(r, &q, views, points, now)
	page := indexPage{
		Status: s, TelemetryPath: m.TelemetryPath, JSON: "/api/v1/status" + q.url()[1:],
		Tiles: newTiles(s.Fleet, points, now), Form: newForm(&q), Columns: newColumns(q), Rows: newRows(s.Upstreams),
		From: q.offset + 1, ProbeMode: m.ProbeMode, Events: newEventRows(s.Events, views, now),
		Parts: newParts(&s, now),
	}
	if len(points) > 1 {
		page.Span = formatDuration(span(points, now).Seconds())
	}
	if m.Names != nil && len(views) == 0 {
		page.Names = len(m.Names())
	}
	if q.offset > 0 {
		page.Previous = q.moved(max(0, q.offset-q.limit)).url()
	}
	if end := q.offset + len(s.Upstreams); end < len(r.matched) {
		page.Next = q.moved(end).url()
	}
	return render("index.html", page), nil
}

// moved is the query from another offset.
func (q query) moved(offset int) query {
	q.offset = offset
	return q
}

func newForm(q *query) form {
	f := form{Text: q.text, MaxText: maxText, Filtered: q.filtered()}
	for _, s := range []fleet.State{fleet.Up, fleet.Stale, fleet.Down, fleet.Pending} {
		f.States = append(f.States, choice{s, slices.Contains(q.states, s)})
	}
	if q.sort != &sortings[0] {
		f.Sort = q.sort.name
	}
	if q.descending {
		f.Order = "desc"
	}
	if q.limit != pageSize {
		f.Limit = q.limit
	}
	clear := q.moved(0)
	clear.text, clear.states = "", nil
	f.Clear = clear.url()
	return f
}

func newColumns(q query) (all []column) {
	for i := range sortings {
		c := column{Title: titles[sortings[i].name]}
		other := q.moved(0)
		other.sort, other.descending = &sortings[i], false
		if q.sort == &sortings[i] {
			other.descending = !q.descending
			c.Sorted = map[bool]string{false: "ascending", true: "descending"}[q.descending]
		}
		c.Link = other.url()
		all = append(all, c)
	}
	return all
}

func newRows(upstreams []upstreamStatus) []row {
	rows := make([]row, len(upstreams))
	for i := range upstreams {
		r := &rows[i]
		r.upstreamStatus = upstreams[i]
		for j := range r.Endpoints {
			switch e := &r.Endpoints[j]; {
			case e.Reason == "":
			case r.Failing == nil:
				r.Failing = e
			default:
				r.Others++
			}
		}
	}
	return rows
}

// tile is a number of the fleet with its past.
type tile struct {
	Key   string // as the sparkline's series is called in the JSON
	Name  string
	Value string
	Note  string
	State fleet.State // "" of what is no state
	Link  string
	Alarm bool
	sparkline
}

func newTiles(f *fleetStatus, points []history.Point, now time.Time) []tile {
	// Counts are of this moment, and the newest point is some seconds old.
	live := append(points[:len(points):len(points)], history.Point{At: now, Up: f.Up, Stale: f.Stale, Down: f.Down, Pending: f.Pending, NotClosed: f.NotClosed})
	counted := func(of func(*history.Point) int) value {
		return func(p *history.Point) *float64 {
			n := float64(of(p))
			return &n
		}
	}
	state := func(s fleet.State, n int, of func(*history.Point) int) tile {
		return tile{
			Key: string(s), Name: capital(string(s)), Value: grouped(uint64(n)), State: s, Link: "/?state=" + string(s),
			sparkline: newSparkline(live, now, counted(of), count),
		}
	}
	rate := func(key, name string, current *float64, of value, words func(float64) string) tile {
		t := tile{Key: key, Name: name, Value: unknown, Note: "unknown", sparkline: newSparkline(points, now, of, words)}
		if current != nil {
			t.Value, t.Note = words(*current), ""
		}
		return t
	}
	up := state(fleet.Up, f.Up, func(p *history.Point) int { return p.Up })
	up.Note = fmt.Sprintf("of %s", grouped(uint64(f.Upstreams)))
	return []tile{
		up,
		state(fleet.Stale, f.Stale, func(p *history.Point) int { return p.Stale }),
		state(fleet.Down, f.Down, func(p *history.Point) int { return p.Down }),
		state(fleet.Pending, f.Pending, func(p *history.Point) int { return p.Pending }),
		{
			Key: "breakers", Name: "Breakers open", Value: grouped(uint64(f.NotClosed)), Link: "/?sort=breaker", Alarm: f.NotClosed > 0,
			sparkline: newSparkline(live, now, counted(func(p *history.Point) int { return p.NotClosed }), count),
		},
		rate("messages", "Messages", f.Messages, func(p *history.Point) *float64 { return p.Messages }, perSecond),
		rate("sent", "Sent", f.BytesSent, func(p *history.Point) *float64 { return p.BytesSent }, bytesPerSecond),
		rate("received", "Received", f.BytesReceived, func(p *history.Point) *float64 { return p.BytesReceived }, bytesPerSecond),
		rate("loss", "Loss", f.Loss, func(p *history.Point) *float64 { return p.Loss }, percent),
		rate("latency", "Latency", f.LatencySeconds, func(p *history.Point) *float64 { return p.LatencySeconds }, latency),
	}
}

// One tells the events' template that they are of any upstream.
func (indexPage) One() bool { return false }
