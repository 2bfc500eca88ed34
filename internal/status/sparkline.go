package status

import (
	"math"
	"strconv"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// sparkline shows the last hour of one value of the fleet, as SVG paths and as text.
// Unknown values are gaps.
type sparkline struct{ Line, Area, Text string }

// The size of the view box of a sparkline, and the approximate maximum number of its dots.
const (
	sparkWidth  = 120
	sparkHeight = 24
	sparkDots   = 120
	sparkMargin = 1.5 // above and below the line, for its stroke
	// minSpan is the shortest time that the full width represents, so that two points
	// after a start do not look like an hour.
	minSpan = 5 * time.Minute
)

// A pick function returns a value of a point, nil if it is unknown.
type pick func(*history.Point) *float64

func newSparkline(points []history.Point, now time.Time, of pick, show func(float64) string) sparkline {
	values := make([]float64, len(points))
	for i := range points {
		values[i] = math.NaN()
		if v := of(&points[i]); v != nil {
			values[i] = *v
		}
	}
	covered := span(points, now)
	within := " in the last " + formatDuration(covered.Seconds())
	lowest, highest, known := extremes(values)
	if known == 0 {
		return sparkline{Text: "unknown" + within}
	}
	text := "unknown now"
	if last := values[len(values)-1]; !math.IsNaN(last) {
		text = "now " + show(last)
	}
	text += ", " + rangeText(lowest, highest, show) + within
	if gaps := len(points) - known; gaps > 0 {
		text += ", unknown for " + formatDuration(float64(gaps)*history.Step.Seconds()) + " of it"
	}
	d := drawing{height: sparkHeight}
	scale := 0.0 // the axis starts at 0, so that a small change looks small
	if highest > 0 {
		scale = (sparkHeight - 2*sparkMargin) / highest
	}
	x := func(at time.Time) float64 {
		return max(0, sparkWidth*(1-now.Sub(at).Seconds()/max(covered, minSpan).Seconds()))
	}
	var run []xy
	var end time.Time // of the run
	flush := func() {
		if len(run) > 0 {
			d.add(run, run[0].x, max(x(end), run[0].x+0.5)) // even a single point has a width
		}
		run = run[:0]
	}
	for _, next := range downsample(points, values) {
		// Points are missing if the process was stopped.
		if next.gap || next.from.Sub(end) > history.Step*5/2 {
			flush()
		}
		if !next.gap {
			run = append(run, xy{x(next.from), sparkHeight - sparkMargin - next.mean*scale})
			end = next.to
		}
	}
	flush()
	return sparkline{string(d.line), string(d.area), text}
}

// span returns how far back the points go.
func span(points []history.Point, now time.Time) time.Duration {
	if len(points) == 0 {
		return 0
	}
	return now.Sub(points[0].At)
}

// dot is one or more adjacent points of a sparkline.
type dot struct {
	from, to time.Time
	mean     float64
	n        int
	gap      bool // one of the points is unknown
}

// downsample merges adjacent points into no more than about sparkDots dots. A dot with an
// unknown point is a gap, so that the line is not drawn over an outage.
func downsample(points []history.Point, values []float64) (dots []dot) {
	perDot := (len(points) + sparkDots - 1) / sparkDots
	var group int64
	for i := range points {
		at := points[i].At
		// Groups depend only on the time, so that the line keeps its shape as time passes.
		g := at.Unix() / int64(history.Step.Seconds()) / int64(perDot)
		if len(dots) == 0 || g != group || perDot == 1 {
			dots, group = append(dots, dot{from: at}), g
		}
		d := &dots[len(dots)-1]
		d.to = at
		if math.IsNaN(values[i]) {
			d.gap = true
		} else {
			d.n++
			d.mean += (values[i] - d.mean) / float64(d.n)
		}
	}
	return dots
}

// drawing is a line and the area below it, as SVG paths.
type drawing struct {
	height     float64
	line, area []byte
}

type xy struct{ x, y float64 }

// add draws a line through points. It extends the line horizontally from the first point
// to left and from the last point to right.
func (d *drawing) add(points []xy, left, right float64) {
	if len(points) == 0 {
		return
	}
	d.line = appendStep(d.line, 'M', left, points[0].y)
	d.area = appendStep(appendStep(d.area, 'M', left, d.height), 'L', left, points[0].y)
	for _, p := range append(points, xy{right, points[len(points)-1].y}) {
		if p.x > left {
			d.line, d.area = appendStep(d.line, 'L', p.x, p.y), appendStep(d.area, 'L', p.x, p.y)
		}
	}
	d.area = append(appendStep(d.area, 'L', right, d.height), 'Z')
}

func appendStep(path []byte, command byte, x, y float64) []byte {
	path = strconv.AppendFloat(append(path, command), x, 'f', 1, 64)
	return strconv.AppendFloat(append(path, ' '), y, 'f', 1, 64)
}
