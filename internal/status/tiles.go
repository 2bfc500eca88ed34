package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// tile shows a value of the fleet, now and in the last hour.
type tile struct {
	Key   string
	Name  string
	Value string
	Note  string
	Link  string
	Alarm bool
	sparkline
}

// newTiles returns the tiles of the fleet's traffic. The breakers, which are internal to
// the exporter, come last.
func newTiles(f *fleetStatus, points []history.Point, now time.Time) (tiles []tile) {
	for _, t := range []struct {
		key, name string
		of        func(*history.Rates) *float64
		show      func(float64) string
	}{
		{"messages", "Messages", func(r *history.Rates) *float64 { return r.Messages }, perSecond},
		{"loss", "Loss", func(r *history.Rates) *float64 { return r.Loss }, percent},
		{"latency", "Latency", func(r *history.Rates) *float64 { return r.LatencySeconds }, latency},
		{"sent", "Sent", func(r *history.Rates) *float64 { return r.BytesSent }, bytesPerSecond},
		{"received", "Received", func(r *history.Rates) *float64 { return r.BytesReceived }, bytesPerSecond},
	} {
		current, note := t.of(&f.Rates), ""
		if current == nil {
			note = "unknown"
		}
		tiles = append(tiles, tile{
			Key: t.key, Name: t.name, Value: optional(current, t.show), Note: note,
			sparkline: newSparkline(points, now, func(p *history.Point) *float64 { return t.of(&p.Rates) }, t.show),
		})
	}
	// The number of breakers is current, but the newest point is some seconds old.
	live := append(points[:len(points):len(points)], history.Point{At: now, Counts: f.Counts})
	breakers := func(p *history.Point) *float64 { return new(float64(p.NotClosed)) }
	return append(tiles, tile{
		Key: "breakers", Name: "Breakers open", Value: groupedInt(f.NotClosed), Link: "?sort=breaker", Alarm: f.NotClosed > 0,
		sparkline: newSparkline(live, now, breakers, count),
	})
}
