package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// tile is a number of the fleet with its past.
type tile struct {
	Key   string // as the sparkline's series is called in the JSON
	Name  string
	Value string
	Note  string
	Link  string
	Alarm bool
	sparkline
}

// newTiles returns the traffic of the fleet. What only the exporter has comes last.
func newTiles(f *fleetStatus, points []history.Point, now time.Time) []tile {
	rate := func(key, name string, current *float64, of value, words func(float64) string) tile {
		t := tile{Key: key, Name: name, Value: unknown, Note: "unknown", sparkline: newSparkline(points, now, of, words)}
		if current != nil {
			t.Value, t.Note = words(*current), ""
		}
		return t
	}
	// Counts are of this moment, and the newest point is some seconds old.
	live := append(points[:len(points):len(points)], history.Point{At: now, NotClosed: f.NotClosed})
	breakers := func(p *history.Point) *float64 { return new(float64(p.NotClosed)) }
	return []tile{
		rate("messages", "Messages", f.Messages, func(p *history.Point) *float64 { return p.Messages }, perSecond),
		rate("loss", "Loss", f.Loss, func(p *history.Point) *float64 { return p.Loss }, percent),
		rate("latency", "Latency", f.LatencySeconds, func(p *history.Point) *float64 { return p.LatencySeconds }, latency),
		rate("sent", "Sent", f.BytesSent, func(p *history.Point) *float64 { return p.BytesSent }, bytesPerSecond),
		rate("received", "Received", f.BytesReceived, func(p *history.Point) *float64 { return p.BytesReceived }, bytesPerSecond),
		{
			Key: "breakers", Name: "Breakers open", Value: groupedInt(f.NotClosed), Link: "?sort=breaker", Alarm: f.NotClosed > 0,
			sparkline: newSparkline(live, now, breakers, count),
		},
	}
}
