package status

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// eventRow is an event in a table.
type eventRow struct {
	eventStatus
	AgeSeconds float64
	Page       string // of its upstream, "" if there is none any more
}

func newEventRows(events []eventStatus, views []*fleet.View, now time.Time) (rows []eventRow) {
	for _, e := range events {
		r := eventRow{eventStatus: e, AgeSeconds: now.Sub(e.Time).Seconds()}
		if slices.ContainsFunc(views, func(v *fleet.View) bool { return v.Upstream.Title() == e.Upstream }) {
			r.Page = upstreamPath(e.Upstream)
		}
		rows = append(rows, r)
	}
	return rows
}
