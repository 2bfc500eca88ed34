package app

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

func TestChangesAreRecorded(t *testing.T) {
	here := history.Event{Upstream: "edge", Endpoint: "nodes"}
	with := func(k history.Kind, reason, text string) *history.Event {
		e := here
		e.Kind, e.Reason, e.Text = k, reason, text
		return &e
	}
	until := time.Date(2026, 11, 24, 12, 30, 15, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		event poll.Event
		want  *history.Event // nil for none
	}{
		{poll.Failing{Origin: edgeNodes, Failure: failure(betanet.ReasonConnect, "refused"), First: true}, with(history.Failing, "connect", "refused")},
		{poll.Failing{Origin: edgeNodes, Failure: failure(betanet.ReasonConnect, "re\nfused"), First: true, Cached: true}, with(history.WentStale, "connect", `re\nfused`)},
		{poll.Recovered{Origin: edgeNodes, After: 12345678 * time.Nanosecond}, with(history.Recovered, "", "after 12ms")},
		{poll.Transition{Origin: edgeNodes, To: breaker.Open, Until: until}, with(history.Opened, "", "until 11:30:15 UTC")},
		{poll.Transition{Origin: edgeNodes, To: breaker.Open, Until: until, Again: true}, nil},
		{poll.Transition{Origin: edgeNodes, To: breaker.HalfOpen}, nil},
		{poll.Transition{Origin: edgeNodes, To: breaker.Closed}, with(history.Closed, "", "")},
		{poll.Switched{Upstream: edge, From: "a:1", To: "b:1"}, &history.Event{Upstream: "edge", Kind: history.Switched, Text: "from a:1 to b:1"}},
		{poll.Began{Upstream: edge}, nil},
		{poll.Attempt{Origin: edgeNodes, Failure: failure(betanet.ReasonConnect, "refused")}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			var o observer
			o.record(c.event)
			var want []history.Event
			if c.want != nil {
				c.want.Time = time.Now()
				want = append(want, *c.want)
			}
			if diff := cmp.Diff(want, o.history.Events.Last(9, "")); diff != "" {
				t.Errorf("%#v (-want +got):\n%s", c.event, diff)
			}
		})
	}
}

func TestPointsAreTakenAtOnceAndAtEachStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newObserverFixture(1)
		ctx, cancel := context.WithTimeout(t.Context(), 3*history.Step+time.Second)
		defer cancel()
		began := time.Now()
		f.run(ctx, exposition.NewRegistry())
		all := f.history.Points()
		if len(all) != 4 {
			t.Fatalf("got %d points, want 4", len(all))
		}
		for i := range all {
			if got, want := all[i].At.Sub(began), time.Duration(i)*history.Step; got != want {
				t.Errorf("point %d: got %v after the start, want %v", i, got, want)
			}
		}
	})
}
