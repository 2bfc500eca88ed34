package status

import (
	"math"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// chart shows one value of an upstream in each minute of the last hour.
type chart struct {
	Key, Title string
	Recent     string // mean of the last five minutes
	Text       string // range of the values
	Line, Area string // SVG paths in a view box of chartWidth by chartHeight
	Top, Mid   string // labels of the axis; the bottom is 0
}

// The size of the view box of a chart, ten units for each minute.
const (
	chartWidth  = history.Minutes * 10
	chartHeight = 120
)

// newChart returns a chart of the values of an hour, one for each minute. NaN is unknown
// and leaves a gap. show formats a value.
func newChart(key, title string, values []float64, recent *float64, show func(float64) string) chart {
	_, highest, _ := extremes(values)
	top := roundUp(highest)
	d := drawing{height: chartHeight}
	for i := 0; i < len(values); {
		from := i
		var run []xy
		for ; i < len(values) && !math.IsNaN(values[i]); i++ {
			run = append(run, xy{float64(i*10 + 5), chartHeight - values[i]/top*(chartHeight-4) - 2})
		}
		d.add(run, float64(from*10), float64(i*10))
		if len(run) == 0 {
			i++
		}
	}
	return chart{
		Key: key, Title: title, Recent: optional(recent, show), Text: hourText(values, show),
		Line: string(d.line), Area: string(d.area), Top: show(top), Mid: show(top / 2),
	}
}

// roundUp rounds up to 1, 2 or 5 times a power of ten, which is easy to read on an axis.
// It returns 1 for a number that is not positive.
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

// minuteRow is a row of the table of the last hour.
type minuteRow struct {
	At                             time.Time
	State, Messages, Loss, Latency string
}

// newMinutes returns the minutes whose state or message rate is known, newest first.
func newMinutes(hour *history.Hour) (rows []minuteRow) {
	text := func(x float64, show func(float64) string) string {
		if math.IsNaN(x) {
			return unknown
		}
		return show(x)
	}
	for i := history.Minutes - 1; i >= 0; i-- {
		if hour.States[i] == "unknown" && math.IsNaN(hour.Messages[i]) {
			continue
		}
		at := hour.End.Add(-time.Duration(history.Minutes-i) * time.Minute)
		rows = append(rows, minuteRow{at, hour.States[i], text(hour.Messages[i], perSecond), text(hour.Loss[i], percent), text(hour.Latency[i], latency)})
	}
	return rows
}
