package app

import (
	"context"
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// stepsPerMinute is the number of steps between two log lines that summarize the fleet.
const stepsPerMinute = int(time.Minute / history.Step)

// run adds a point to the fleet's history at each step, and logs expired values and
// a summary of each minute, until ctx ends.
func (o *observer) run(ctx context.Context, registry *exposition.Registry) {
	tick := time.NewTicker(history.Step)
	defer tick.Stop()
	for n := 0; ; n++ {
		views, now := registry.Views(), time.Now()
		o.history.Take(views, now)
		o.outages.expire(views, now)
		if n > 0 && n%stepsPerMinute == 0 {
			points := o.history.Points()
			logFleet(o.log, &points[len(points)-1])
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// record adds changes to the event log, and the results of collections to the history.
func (o *observer) record(e poll.Event) {
	if kept, ok := toEvent(e); ok {
		kept.Time = time.Now()
		o.history.Events.Add(kept)
	}
	if ended, ok := e.(poll.Ended); ok && ended.View.Polled {
		o.history.Ended(ended.View, time.Now())
	}
}

// toEvent converts a poll event to an event of the history; ok is false if the event
// is not worth keeping.
func toEvent(e poll.Event) (kept history.Event, ok bool) {
	at := func(o poll.Origin, kind history.Kind, text string) history.Event {
		return history.Event{Upstream: o.Upstream.DisplayName(), Endpoint: o.Endpoint.String(), Replica: o.Replica, Kind: kind, Text: text}
	}
	switch e := e.(type) {
	case poll.Failing:
		kept = at(e.Origin, history.Failing, escape(e.Failure.Error()))
		if e.Cached {
			kept.Kind = history.WentStale
		}
		kept.Reason = string(e.Failure.Reason)
	case poll.Recovered:
		kept = at(e.Origin, history.Recovered, "after "+e.After.Round(time.Millisecond).String())
	case poll.Transition:
		switch {
		case e.To == breaker.Open && !e.Again:
			kept = at(e.Origin, history.Opened, "until "+e.Until.UTC().Format(time.TimeOnly)+" UTC")
		case e.To == breaker.Closed:
			kept = at(e.Origin, history.Closed, "")
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
