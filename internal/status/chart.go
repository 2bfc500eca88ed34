package status

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// chart is a number of an upstream in each minute of the last hour.
type chart struct {
	Key, Title string
	Now        string // of the last five minutes
	Words      string
	Line, Area string // the paths of an SVG of chartWidth by chartHeight
	Top, Mid   string // values of the axis; 0 is at the bottom
}

// The size of a chart in its own units: ten for each minute.
const (
	chartWidth  = history.Minutes * 10
	chartHeight = 120
)

func newChart(key, title string, values *[history.Minutes]float64, recent *float64, words func(float64) string) chart {
	c := chart{Key: key, Title: title, Now: optional(recent, words), Words: sparkWords(values, words)}
	_, highest, _ := extremes(values)
	top := roundUp(highest)
	c.Top, c.Mid = words(top), words(top/2)
	var line, area strings.Builder
	for i := 0; i < history.Minutes; {
		if math.IsNaN(values[i]) {
			i++
			continue
		}
		from := i
		for i < history.Minutes && !math.IsNaN(values[i]) {
			i++
		}
		drawRun(&line, &area, values[from:i], from, top)
	}
	c.Line, c.Area = line.String(), area.String()
	return c
}

// drawRun draws minutes without a gap between them. A minute alone is a short line.
func drawRun(line, area *strings.Builder, values []float64, from int, top float64) {
	y := func(v float64) string { return strconv.FormatFloat(chartHeight-v/top*(chartHeight-4)-2, 'f', 1, 64) }
	left, right := itoa(from*10), itoa((from+len(values))*10)
	line.WriteString("M" + left + " " + y(values[0]))
	area.WriteString("M" + left + " " + itoa(chartHeight) + "V" + y(values[0]))
	for i, v := range values {
		step := "L" + itoa((from+i)*10+5) + " " + y(v)
		line.WriteString(step)
		area.WriteString(step)
	}
	line.WriteString("H" + right)
	area.WriteString("H" + right + "V" + itoa(chartHeight) + "Z")
}

// roundUp returns the next of 1, 2 and 5 times a power of ten, so that an axis has
// a value that is easy to read.
func roundUp(x float64) float64 {
	if x <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, step := range []float64{1, 2, 5} {
		if x <= step*power*(1+1e-9) {
			return step * power
		}
	}
	return 10 * power
}

// minuteRow is a minute of an upstream in numbers.
type minuteRow struct {
	At                         time.Time
	State, Messages, Loss, Lat string
}

// newMinutes returns the minutes of which something is known, the newest first.
func newMinutes(p *history.Past) (rows []minuteRow) {
	for i := history.Minutes - 1; i >= 0; i-- {
		if p.States[i] == "unknown" && math.IsNaN(p.Messages[i]) {
			continue
		}
		rows = append(rows, minuteRow{
			p.Ends.Add(-time.Duration(history.Minutes-i) * time.Minute), p.States[i],
			knownText(p.Messages[i], perSecond), knownText(p.Loss[i], percent), knownText(p.Latency[i], latency),
		})
	}
	return rows
}

// knownText shows a number, or that it is not known.
func knownText(x float64, show func(float64) string) string {
	if math.IsNaN(x) {
		return unknown
	}
	return show(x)
}
