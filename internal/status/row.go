package status

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// row is an upstream in the table: its last hour.
type row struct {
	Name, Page   string
	Replicas     int
	State        fleet.State
	Since        time.Time
	SinceSeconds float64
	Why          string // in short, "" if nothing fails
	WhyMore      string // the endpoints that fail, "" for all
	Hour         hourBar
	Spark        string // the path of the sparkline of the message rate
	SparkWords   string
	Old          bool // values are not of the last collection
	Rate         string
	Quiet        bool // no traffic for a while, and there was some before
	Loss         string
	Latency      string
	Mixnodes     string
	FewMixnodes  bool
	AgeSeconds   *float64
}

// newRow describes the hour of an upstream. It is made from its status, as the JSON
// is.
func (m *Model) newRow(f *frame, e *entry, now time.Time) row {
	past := m.History.Past(e.view, now)
	u := newUpstreamInShort(e.view, e.summary, &past, now)
	r := row{
		Name: u.Name, Page: f.Path(u.Name), Replicas: u.Replicas, State: u.State, Since: past.Since, Hour: newHourBar(&past),
		Old: u.State == fleet.Stale || u.State == fleet.Down || e.view.Overdue(now), AgeSeconds: u.AgeSeconds,
		Loss: optional(u.Recent.Loss, percent), Latency: optional(u.Recent.LatencySeconds, latency), Rate: optional(u.Recent.MessagesPerSecond, perSecond),
	}
	if u.Since != nil {
		r.SinceSeconds = max(0, now.Sub(*u.Since).Seconds())
	}
	if rate := u.Recent.MessagesPerSecond; rate != nil && *rate == 0 && !past.Traffic.IsZero() {
		r.Quiet = now.Sub(past.Traffic) >= history.QuietAfter
	}
	r.Mixnodes, r.FewMixnodes = mixnodesText(u.Values.Active, u.Values.Peers)
	r.Spark, r.SparkWords = sparkPath(&past.Messages), sparkWords(&past.Messages, perSecond)
	r.Why, r.WhyMore = whyFailing(e.view)
	return r
}

// mixnodesText is how many mixnodes are active of how many, and whether those are
// few: less than half.
func mixnodesText(active, total *uint64) (text string, few bool) {
	switch {
	case active == nil && total == nil:
		return unknown, false
	case total == nil:
		return number(active), false
	case active == nil:
		return unknown + " of " + number(total), false
	}
	return number(active) + " of " + number(total), 2*float64(*active) < float64(*total)
}

// whyFailing tells in short why endpoints fail, and which if not all do. why is "" if
// none does.
func whyFailing(v *fleet.View) (why, endpoints string) {
	var texts, names []string
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		if e.Failure == nil {
			continue
		}
		if text := failureText(e.Failure); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		names = append(names, e.Endpoint.String())
	}
	if len(names) == len(v.Endpoints) {
		names = nil // all of them, which is the usual case
	}
	return strings.Join(texts, ", "), strings.Join(names, ", ")
}

// hourBar is the state in each minute of an hour, as the paths of an SVG and in
// words. Neighbouring minutes are one stroke, which the style breaks into dashes.
type hourBar struct {
	Up, Stale, Down, Unknown string
	Words                    string
}

func newHourBar(p *history.Past) hourBar {
	var b hourBar
	paths := map[string]*string{"up": &b.Up, "stale": &b.Stale, "down": &b.Down, "unknown": &b.Unknown}
	minutes := make(map[string]int)
	for i := 0; i < history.Minutes; {
		state, n := p.States[i], 1
		for i+n < history.Minutes && p.States[i+n] == state {
			n++
		}
		*paths[state] += "M" + itoa(i) + " 5h" + itoa(n)
		minutes[state] += n
		i += n
	}
	var words []string
	for _, state := range []string{"down", "stale", "up", "unknown"} {
		if n := minutes[state]; n > 0 {
			words = append(words, state+" "+itoa(n)+nbsp+"min")
		}
	}
	b.Words = "Last hour: " + strings.Join(words, ", ")
	return b
}

// The size of a row's sparkline in its own units.
const (
	rowSparkWidth  = history.Minutes
	rowSparkHeight = 20
)

// sparkPath draws a number of each minute, from 0 up to the highest. What is not
// known is a gap.
func sparkPath(values *[history.Minutes]float64) string {
	_, highest, known := extremes(values)
	if known == 0 {
		return ""
	}
	var path strings.Builder
	drawn := false
	for i, v := range values {
		if math.IsNaN(v) {
			drawn = false
			continue
		}
		y := rowSparkHeight - 1
		if highest > 0 {
			y = rowSparkHeight - 1 - int(math.Round(v/highest*(rowSparkHeight-2)))
		}
		switch {
		case !drawn: // a minute alone has to be seen too
			path.WriteString("M" + itoa(i) + " " + itoa(y) + "h1")
		default:
			path.WriteString("L" + itoa(i+1) + " " + itoa(y))
		}
		drawn = true
	}
	return path.String()
}

// extremes are the lowest and the highest of an hour, and how many are known.
func extremes(values *[history.Minutes]float64) (lowest, highest float64, known int) {
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			continue
		case known == 0:
			lowest, highest = v, v
		default:
			lowest, highest = min(lowest, v), max(highest, v)
		}
		known++
	}
	return lowest, highest, known
}

// sparkWords tells what a line of an hour shows.
func sparkWords(values *[history.Minutes]float64, words func(float64) string) string {
	lowest, highest, known := extremes(values)
	if known == 0 {
		return "unknown in the last hour"
	}
	return "lowest " + words(lowest) + ", highest " + words(highest) + " in the last hour"
}

// sortIncidents puts open incidents first and then what happened last.
func sortIncidents(rows []incidentRow) {
	slices.SortStableFunc(rows, func(a, b incidentRow) int {
		if a.Open() != b.Open() {
			if a.Open() {
				return -1
			}
			return 1
		}
		return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.Upstream, b.Upstream))
	})
}
