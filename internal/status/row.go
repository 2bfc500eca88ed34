package status

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// row is an upstream in the table.
type row struct {
	Name, Page   string
	Replicas     int
	State        fleet.State
	Since        time.Time
	SinceSeconds float64
	Why          string // why endpoints fail; "" if none does
	Failing      string // the endpoints that fail; "" if all do
	Hour         hourBar
	Spark        string // path of the sparkline of the message rate
	SparkText    string
	Old          bool // the values are not from the last collection
	Rate         string
	Quiet        bool // no traffic for history.QuietAfter, but some before
	Loss         string
	Latency      string
	Mixnodes     string
	FewMixnodes  bool // fewer than half are active
	AgeSeconds   *float64
}

// newRow returns the row of an upstream. It has the same values as the JSON.
func (m *Model) newRow(f *frame, e *entry, now time.Time) row {
	hour := m.History.Hour(e.view, now)
	u := newUpstreamWithHistory(e, &hour, now)
	r := row{
		Name: u.Name, Page: f.upstreamLink(u.Name), Replicas: u.Replicas, State: u.State, Since: hour.Since, Hour: newHourBar(&hour),
		Old: u.State == fleet.Stale || u.State == fleet.Down || e.view.Overdue(now), AgeSeconds: u.AgeSeconds,
		Loss: optional(u.Recent.Loss, percent), Latency: optional(u.Recent.LatencySeconds, latency), Rate: optional(u.Recent.MessagesPerSecond, perSecond),
	}
	if u.Since != nil {
		r.SinceSeconds = max(0, now.Sub(*u.Since).Seconds())
	}
	if rate := u.Recent.MessagesPerSecond; rate != nil && *rate == 0 && !hour.Traffic.IsZero() {
		r.Quiet = now.Sub(hour.Traffic) >= history.QuietAfter
	}
	r.Mixnodes, r.FewMixnodes = mixnodesText(u.Values.Active, u.Values.Peers)
	r.Spark, r.SparkText = sparkPath(hour.Messages[:]), hourText(hour.Messages[:], perSecond)
	r.Why, r.Failing = failuresText(e.view)
	return r
}

// mixnodesText returns the numbers of active mixnodes and of all mixnodes, and whether
// fewer than half are active.
func mixnodesText(active, total *uint64) (text string, few bool) {
	switch {
	case total == nil:
		return number(active), false
	case active == nil:
		return unknown + " of " + number(total), false
	default:
		return number(active) + " of " + number(total), 2*float64(*active) < float64(*total)
	}
}

// failuresText returns why endpoints fail, "" if none does, and which ones fail, "" if
// all do.
func failuresText(v *fleet.View) (why, endpoints string) {
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
		names = nil
	}
	return strings.Join(texts, ", "), strings.Join(names, ", ")
}

// hourBar shows the state in each minute of an hour, as SVG paths and as text. Adjacent
// minutes with the same state are one stroke, which the style sheet breaks into dashes.
type hourBar struct {
	Up, Stale, Down, Unknown string
	Text                     string
}

func newHourBar(hour *history.Hour) hourBar {
	paths, minutes := make(map[string]string), make(map[string]int)
	for i := 0; i < history.Minutes; {
		state, n := hour.States[i], 1
		for i+n < history.Minutes && hour.States[i+n] == state {
			n++
		}
		paths[state] += "M" + strconv.Itoa(i) + " 5h" + strconv.Itoa(n)
		minutes[state] += n
		i += n
	}
	var texts []string
	for _, state := range []string{"down", "stale", "up", "unknown"} {
		if n := minutes[state]; n > 0 {
			texts = append(texts, state+" "+strconv.Itoa(n)+nbsp+"min")
		}
	}
	return hourBar{paths["up"], paths["stale"], paths["down"], paths["unknown"], "Last hour: " + strings.Join(texts, ", ")}
}

// The size of the view box of a row's sparkline.
const (
	rowSparkWidth  = history.Minutes
	rowSparkHeight = 20
)

// sparkPath returns the path of a sparkline with a value for each minute, scaled from 0
// to the highest. Unknown minutes are gaps.
func sparkPath(values []float64) string {
	_, highest, _ := extremes(values)
	var path strings.Builder
	gap := true
	for i, v := range values {
		if math.IsNaN(v) {
			gap = true
			continue
		}
		y := rowSparkHeight - 1
		if highest > 0 {
			y -= int(math.Round(v / highest * (rowSparkHeight - 2)))
		}
		if gap { // even a single minute has a width
			path.WriteString("M" + strconv.Itoa(i) + " " + strconv.Itoa(y) + "h1")
		} else {
			path.WriteString("L" + strconv.Itoa(i+1) + " " + strconv.Itoa(y))
		}
		gap = false
	}
	return path.String()
}

// hourText describes the range of the values in an hour.
func hourText(values []float64, show func(float64) string) string {
	lowest, highest, known := extremes(values)
	if known == 0 {
		return "unknown in the last hour"
	}
	return rangeText(lowest, highest, show) + " in the last hour"
}

func rangeText(lowest, highest float64, show func(float64) string) string {
	return "lowest " + show(lowest) + ", highest " + show(highest)
}

// extremes returns the lowest and the highest of the known numbers, 0 if there are none,
// and how many are known.
func extremes(values []float64) (lowest, highest float64, known int) {
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if known == 0 {
			lowest, highest = v, v
		}
		lowest, highest = min(lowest, v), max(highest, v)
		known++
	}
	return lowest, highest, known
}
