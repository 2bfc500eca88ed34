package status

import (
	"strconv"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// sparkline is the last hour of one number of the fleet, as the paths of an SVG
// and in words. What was not known is a gap.
type sparkline struct{ Line, Area, Words string }

// The size of a sparkline in its own units, and its number of dots: more than
// that would not be seen.
const (
	sparkWidth  = 120
	sparkHeight = 24
	sparkDots   = 120
	sparkMargin = 1.5 // below and above the line, for its width
	// leastSpan is the least time that the width stands for: two points after a
	// start are no history.
	leastSpan = 5 * time.Minute
)

// value finds a number in a point, nil where it is not known.
type value func(*history.Point) *float64

// newSparkline draws a number of the points, and says it with words for its
// values.
func newSparkline(points []history.Point, now time.Time, of value, words func(float64) string) sparkline {
	covered := span(points, now)
	lowest, highest, known := bounds(points, of)
	if known == 0 {
		return sparkline{Words: "unknown in the last " + formatDuration(covered.Seconds())}
	}
	d := drawing{now: now, width: max(covered, leastSpan), highest: highest}
	var run []dot
	for _, next := range thinned(points, of) {
		// Where points were not taken the process stood still.
		if n := len(run); n > 0 && (next.gap || next.from.Sub(run[n-1].to) > history.Step*5/2) {
			d.add(run)
			run = run[:0]
		}
		if !next.gap {
			run = append(run, next)
		}
	}
	d.add(run)
	text := "unknown now"
	if last := of(&points[len(points)-1]); last != nil {
		text = "now " + words(*last)
	}
	text += ", lowest " + words(lowest) + ", highest " + words(highest) + " in the last " + formatDuration(covered.Seconds())
	if gaps := len(points) - known; gaps > 0 {
		text += ", unknown for " + formatDuration(float64(gaps)*history.Step.Seconds()) + " of it"
	}
	return sparkline{string(d.line), string(d.area), text}
}

// span is how far the points go back.
func span(points []history.Point, now time.Time) time.Duration {
	if len(points) == 0 {
		return 0
	}
	return now.Sub(points[0].At)
}

// bounds are the lowest and the highest value, and how many are known.
func bounds(points []history.Point, of value) (lowest, highest float64, known int) {
	for i := range points {
		v := of(&points[i])
		if v == nil {
			continue
		}
		if known == 0 {
			lowest, highest = *v, *v
		}
		lowest, highest = min(lowest, *v), max(highest, *v)
		known++
	}
	return lowest, highest, known
}

// dot is one or more neighbouring points of a trend.
type dot struct {
	from, to time.Time
	mean     float64
	n        int
	gap      bool // one of them is not known
}

// thinned joins neighbouring points until few enough are left. A dot that holds
// an unknown value is a gap: no outage is drawn over.
func thinned(points []history.Point, of value) (dots []dot) {
	each := (len(points) + sparkDots - 1) / sparkDots
	var group int64
	for i := range points {
		p := &points[i]
		// Points stay in their groups while the trend moves on, so that the line
		// does not change its shape with every look at it.
		g := p.At.Unix() / int64(history.Step.Seconds()) / int64(each)
		if len(dots) == 0 || g != group || each == 1 {
			dots, group = append(dots, dot{from: p.At}), g
		}
		d := &dots[len(dots)-1]
		d.to = p.At
		if v := of(p); v == nil {
			d.gap = true
		} else {
			d.n++
			d.mean += (*v - d.mean) / float64(d.n)
		}
	}
	return dots
}

// drawing is the paths of a sparkline that ends now.
type drawing struct {
	now        time.Time
	width      time.Duration
	highest    float64
	line, area []byte
}

// add draws dots without a gap between them.
func (d *drawing) add(run []dot) {
	if len(run) == 0 {
		return
	}
	left := d.x(run[0].from)
	right := max(d.x(run[len(run)-1].to), left+0.5) // one point alone has to be seen as well
	d.area = to(d.area, 'M', left, sparkHeight)
	command := byte('M')
	for _, p := range run {
		d.line, d.area = to(d.line, command, d.x(p.from), d.y(p.mean)), to(d.area, 'L', d.x(p.from), d.y(p.mean))
		command = 'L'
	}
	end := d.y(run[len(run)-1].mean)
	d.line, d.area = to(d.line, 'L', right, end), to(d.area, 'L', right, end)
	d.area = append(to(d.area, 'L', right, sparkHeight), 'Z')
}

func (d *drawing) x(at time.Time) float64 {
	return max(0, sparkWidth*(1-d.now.Sub(at).Seconds()/d.width.Seconds()))
}

// y is from 0 up to the highest, so that a small change looks small.
func (d *drawing) y(v float64) float64 {
	share := 0.0
	if d.highest > 0 {
		share = v / d.highest
	}
	return sparkHeight - sparkMargin - share*(sparkHeight-2*sparkMargin)
}

// to adds a step to a path.
func to(path []byte, command byte, x, y float64) []byte {
	path = strconv.AppendFloat(append(path, command), x, 'f', 1, 64)
	return strconv.AppendFloat(append(path, ' '), y, 'f', 1, 64)
}
