package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// recorder records what the status page shows of the past.
type recorder struct {
	history.History
	outages  *outageLog
	warnings *rateLimitHandler // of the observer
	probes   probe.Logs
}

// stepsAMinute is after how many points a line of the log sums up the fleet.
const stepsAMinute = int(time.Minute / history.Step)

// run takes a point of the fleet's series each step until ctx ends, and logs one a
// minute.
func (r *recorder) run(ctx context.Context, registry *exposition.Registry, log *slog.Logger) {
	tick := time.NewTicker(history.Step)
	defer tick.Stop()
	for n := 0; ; n++ {
		views, now := registry.Views(), time.Now()
		r.Take(views, now)
		if r.outages != nil {
			r.outages.expire(views, now)
		}
		if n > 0 && n%stepsAMinute == 0 {
			points := r.Points()
			logFleet(log, &points[len(points)-1])
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// record keeps the events that are changes, and the ends of collections.
func (r *recorder) record(e poll.Event) {
	if kept, ok := toEvent(e); ok {
		kept.Time = time.Now()
		r.Events.Add(kept)
	}
	if ended, ok := e.(poll.Ended); ok && ended.View.Polled {
		r.Ended(ended.View, time.Now())
	}
}

// toEvent converts a poll event to one worth keeping; ok is false otherwise.
func toEvent(e poll.Event) (kept history.Event, ok bool) {
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
		kept = history.Event{Upstream: e.Upstream.DisplayName(), Kind: history.Switched, Text: "from " + e.From + " to " + e.To}
	default:
		return kept, false
	}
	return kept, true
}

func eventAt(s poll.Source, k history.Kind) history.Event {
	return history.Event{Upstream: s.Upstream.DisplayName(), Endpoint: s.Endpoint.String(), Replica: s.Replica, Kind: k}
}
