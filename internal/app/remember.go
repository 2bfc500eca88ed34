package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/history"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// past is what the status page shows of it.
type past struct {
	trend    history.Trend
	journal  history.Journal
	outages  *outageLog
	warnings *calm // of the observer
}

// stepsAMinute is after how many points a line of the log sums up the fleet.
const stepsAMinute = int(time.Minute / history.Step)

// record takes a point of the trend each step until ctx ends, and logs one a
// minute.
func (p *past) record(ctx context.Context, r *exposition.Registry, log *slog.Logger) {
	tick := time.NewTicker(history.Step)
	defer tick.Stop()
	for n := 0; ; n++ {
		views, now := r.Views(), time.Now()
		p.trend.Take(views, now)
		if p.outages != nil {
			p.outages.expire(views, now)
		}
		if n > 0 && n%stepsAMinute == 0 {
			points := p.trend.Points()
			logFleet(log, &points[len(points)-1])
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note keeps the events that are changes.
func (p *past) note(e poll.Event) {
	if kept, ok := remembered(e); ok {
		kept.At = time.Now()
		p.journal.Add(kept)
	}
}

// remembered is an event as it is kept, if it is.
func remembered(e poll.Event) (kept history.Event, ok bool) {
	switch e := e.(type) {
	case poll.Failing:
		kept = eventAt(e.Source, history.Failing)
		if e.Cached {
			kept.Kind = history.Stale
		}
		kept.Reason, kept.Text = string(e.Failure.Reason), quote(e.Failure)
	case poll.Recovered:
		kept = eventAt(e.Source, history.Recovered)
		kept.Text = "after " + e.After.Round(time.Millisecond).String()
	case poll.Transition:
		switch {
		case e.To == breaker.Open && !e.Again:
			kept = eventAt(e.Source, history.Opened)
			kept.Text = "until " + e.Until.UTC().Format(time.TimeOnly) + " UTC"
		case e.To == breaker.Closed:
			kept = eventAt(e.Source, history.Closed)
		default:
			return kept, false
		}
	case poll.Switched:
		kept = history.Event{Upstream: e.Upstream.Title(), Kind: history.Switched, Text: "from " + e.From + " to " + e.To}
	default:
		return kept, false
	}
	return kept, true
}

func eventAt(s poll.Source, k history.Kind) history.Event {
	return history.Event{Upstream: s.Upstream.Title(), Endpoint: s.Endpoint.String(), Replica: s.Replica, Kind: k}
}
