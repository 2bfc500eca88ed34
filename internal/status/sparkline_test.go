package status

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// pointsOf returns a point each step until noon. A negative rate is unknown.
func pointsOf(rates ...float64) []history.Point {
	points := make([]history.Point, len(rates))
	for i, r := range rates {
		points[i].At = noon.Add(-time.Duration(len(rates)-1-i) * history.Step)
		if r >= 0 {
			points[i].Messages = &rates[i]
		}
	}
	return points
}

func messages(p *history.Point) *float64 { return p.Messages }

func sparkOf(points []history.Point) sparkline {
	return newSparkline(points, noon, messages, perSecond)
}

// runs counts the unbroken lines of a path.
func runs(path string) int { return strings.Count(path, "M") }

func TestUnknownValuesAreGapsInASparkline(t *testing.T) {
	for name, c := range map[string]struct {
		rates []float64
		runs  int
	}{
		"all known":        {[]float64{1, 2, 3}, 1},
		"one unknown":      {[]float64{1, 2, -1, 3, 4}, 2},
		"only one known":   {[]float64{-1, 2, -1}, 1},
		"last one unknown": {[]float64{1, 2, -1}, 1},
		"0 is not a gap":   {[]float64{1, 0, 1}, 1},
		"all unknown":      {[]float64{-1, -1}, 0},
		"no points":        {nil, 0},
	} {
		s := sparkOf(pointsOf(c.rates...))
		if runs(s.Line) != c.runs || runs(s.Area) != c.runs {
			t.Errorf("%s: got %d lines in %q, want %d", name, runs(s.Line), s.Line, c.runs)
		}
	}
}

func TestMissingPointsAreGapsInASparkline(t *testing.T) {
	points := pointsOf(1, 2, 3, 4, 5, 6)
	if got := runs(sparkOf(append(points[:2:2], points[4:]...)).Line); got != 2 {
		t.Errorf("got %d lines, want 2", got)
	}
}

// An outage of one step is visible, although a dot represents three points.
func TestASparklineOfAnHourIsNotDrawnOverAnOutage(t *testing.T) {
	rates := make([]float64, history.KeptPoints)
	for i := range rates {
		rates[i] = float64(i)
	}
	// The groups at the ends may be incomplete.
	if s := sparkOf(pointsOf(rates...)); runs(s.Line) != 1 || strings.Count(s.Line, "L") > 122 {
		t.Errorf("got %d lines of %d steps, want one of at most 122", runs(s.Line), strings.Count(s.Line, "L"))
	}
	for i := 200; i < 203; i++ {
		known := rates[i]
		rates[i] = -1
		s := sparkOf(pointsOf(rates...))
		if runs(s.Line) != 2 || !strings.Contains(s.Text, "unknown for 10"+nbsp+"s of it") {
			t.Errorf("point %d unknown: got %d lines and %q, want 2 lines and the gap in the text", i, runs(s.Line), s.Text)
		}
		rates[i] = known
	}
}

var numbers = regexp.MustCompile(`-?\d+\.\d`)

func TestASparklineStaysInItsViewBox(t *testing.T) {
	for _, rates := range [][]float64{{0, 0, 0}, {5}, {1e18, 0, 1}, make([]float64, history.KeptPoints)} {
		s := sparkOf(pointsOf(rates...))
		for i, n := range numbers.FindAllString(s.Line+s.Area, -1) {
			if v, err := strconv.ParseFloat(n, 64); err != nil || v < 0 || v > []float64{sparkWidth + 0.5, sparkHeight}[i%2] {
				t.Errorf("%v: %s is outside of the view box in %s", rates[:1], n, s.Line)
			}
		}
		if s.Line == "" {
			t.Errorf("%v: got no line", rates[:1])
		}
	}
}

func TestASparklineHasATextAlternative(t *testing.T) {
	for _, c := range []struct {
		rates []float64
		want  string
	}{
		{[]float64{40, 0, 120}, "now 120 /s, lowest 0 /s, highest 120 /s in the last 20 s"},
		{[]float64{40, 1500, -1}, "unknown now, lowest 40.0 /s, highest 1.50 k/s in the last 20 s, unknown for 10 s of it"},
		{[]float64{-1, -1}, "unknown in the last 10 s"},
		{nil, "unknown in the last 0 s"},
	} {
		if got := strings.ReplaceAll(sparkOf(pointsOf(c.rates...)).Text, nbsp, " "); got != c.want {
			t.Errorf("%v: got %q, want %q", c.rates, got, c.want)
		}
	}
}
