package poll

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

const metricsPath = "/api/v1/metrics"

func TestCollectionsStartAtOnceAndThenFollowTheSchedule(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(time.Minute)
		want := []time.Duration{0, b.tick(), b.tick() + 15*time.Second, b.tick() + 30*time.Second}
		got := b.requested(metricsPath, 0)
		if len(got) < 4 || !slices.Equal(got[:4], want) {
			t.Errorf("requests at %v, want %v", got, want)
		}
		if n := b.count(); n != 3*len(got) {
			t.Errorf("got %d requests, want %d, one per endpoint and collection", n, 3*len(got))
		}
		if got := b.dialled(); got != 1 {
			t.Errorf("got %d connections, want one that is kept", got)
		}
	})
}

func TestValuesOfTheUpstreamArePublished(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(time.Second)
		v := b.view().Values(time.Now())
		if *v.Uint(betanet.PacketsProcessed) != 5000 || *v.Uint(betanet.PacketsDropped) != 10 || *v.Uint(betanet.TotalNodes) != 7 || *v.Uint(betanet.ActiveNodes) != 5 || *v.Uint(betanet.InactiveNodes) != 2 ||
			*v.Uint(betanet.BytesTransmitted) != 1000000 || *v.Uint(betanet.BytesReceived) != 500000 || *v.Uint(betanet.PeakThroughput) != 10000 || *v.LatencySeconds() != 0.045 {
			t.Errorf("got %+v, want the values of the documents", v)
		}
		if v.Latency.GetSampleCount() != 1 || !b.view().Up() {
			t.Errorf("got %d observations and up %v, want 1 and true", v.Latency.GetSampleCount(), b.view().Up())
		}
	})
}

func TestRetriesWaitOneAndTwoSeconds(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.behave(only(betanet.Metrics, failWith(500)))
		b.until(7 * time.Second)
		want := []time.Duration{0, time.Second, 3 * time.Second}
		if got := b.requested(metricsPath, 0); !slices.Equal(got, want) {
			t.Errorf("attempts at %v, want %v", got, want)
		}
		if got := len(b.requested("/api/v1/nodes/status", 0)); got != 1 {
			t.Errorf("got %d requests to a healthy endpoint, want 1", got)
		}
	})
}

func TestAPermanentFailureIsNotRetried(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.behave(only(betanet.Metrics, failWith(403)))
		b.until(7 * time.Second)
		if got := len(b.requested(metricsPath, 0)); got != 1 {
			t.Errorf("got %d attempts, want 1", got)
		}
		if f := b.view().Endpoints[0].Failure; f == nil || f.Reason != betanet.ReasonAuth {
			t.Errorf("got failure %v, want reason auth", f)
		}
	})
}

func TestBreakerOpensAtTheFifthFailureAndProbesAfterItsPause(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.behave(only(betanet.Metrics, failWith(500)))
		tick := b.tick()
		opened := tick + time.Second // attempts 1 to 3 in the first collection, 4 and 5 in the next
		b.until(opened)
		if got := b.view().Endpoints[0].Breaker; got != breaker.Open {
			t.Fatalf("breaker is %v after five failures, want open", got)
		}
		probe := opened + 30*time.Second + time.Millisecond
		b.until(probe - 1)
		if got := b.requested(metricsPath, opened+1); len(got) != 0 {
			t.Errorf("requests at %v while open, want none", got)
		}
		if got := len(b.requested("/api/v1/nodes/status", opened+1)); got != 2 {
			t.Errorf("got %d requests to another endpoint in that time, want 2", got)
		}
		b.until(probe + 29*time.Second)
		if got := b.requested(metricsPath, opened+1); !slices.Equal(got, []time.Duration{probe}) {
			t.Errorf("requests at %v, want exactly one probe at %v", got, probe)
		}
		if got := b.view().Endpoints[0].Breaker; got != breaker.Open {
			t.Errorf("breaker is %v after a failed probe, want open", got)
		}
		b.behave(healthy)
		b.until(probe + 31*time.Second)
		if e := b.view().Endpoints[0]; e.Breaker != breaker.Closed || !e.Up() {
			t.Errorf("breaker is %v and up %v after a good probe, want closed and true", e.Breaker, e.Up())
		}
	})
}

func TestProbeUsesAFreshConnection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.behave(only(betanet.Metrics, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(500)
		}))
		b.until(b.tick() + 2*time.Second)
		b.behave(healthy)
		before := b.dialled()
		b.until(b.tick() + 32*time.Second)
		if got := b.dialled() - before; got != 1 {
			t.Errorf("got %d new connections around the probe, want 1", got)
		}
	})
}

func TestAHangingEndpointEndsWithTheCollection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.behave(only(betanet.Metrics, hang))
		b.until(parallelAfter + slowAfter)
		if v := b.view(); !v.Endpoints[1].Up() || !v.Endpoints[2].Up() {
			t.Error("healthy endpoints wait for the hanging one")
		}
		b.until(14 * time.Second)
		ended := eventsOf[Ended](b)
		if len(ended) == 0 || ended[0].Duration > defaults.Timeout {
			t.Fatalf("got %v, want the first collection over within %v", ended, defaults.Timeout)
		}
		// 5 s + 1 s + 5 s + 2 s leave 1 s, enough for a third attempt.
		want := []time.Duration{0, 6 * time.Second, 13 * time.Second}
		got := slices.DeleteFunc(b.requested(metricsPath, 0), func(at time.Duration) bool { return at >= defaults.Timeout })
		if !slices.Equal(got, want) {
			t.Errorf("attempts at %v, want %v", got, want)
		}
		if f := b.view().Endpoints[0].Failure; f == nil || f.Reason != betanet.ReasonTimeout {
			t.Errorf("got failure %v, want reason timeout", f)
		}
	})
}

func TestLastGoodValuesStayUntilMaxStale(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(time.Second)
		b.behave(failWith(500))
		b.until(5*time.Minute - time.Millisecond)
		v := b.view()
		if got := v.Values(time.Now()); got.Uint(betanet.PacketsProcessed) == nil || *got.Uint(betanet.PacketsProcessed) != 5000 {
			t.Error("the last good value is gone before max-stale")
		}
		if !v.Endpoints[0].Stale(time.Now(), defaults.MaxStale) {
			t.Error("the last good value is not flagged stale")
		}
		b.until(5*time.Minute + time.Millisecond)
		if got := b.view().Values(time.Now()); got.Uint(betanet.PacketsProcessed) != nil || got.Latency != nil {
			t.Errorf("got %+v after max-stale, want nothing", got)
		}
	})
}

func TestLatencyIsObservedOncePerFreshDocument(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(time.Second)
		b.behave(failWith(500))
		b.until(2 * time.Minute)
		if got := b.view().Totals.Latency.GetSampleCount(); got != 1 {
			t.Errorf("got %d observations of one document, want 1", got)
		}
	})
}

func TestAnEmptyBudgetMeansNoRetry(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.poller.budget.Deposit(time.Now()) // the budget stays full
		for b.poller.budget.Take(time.Now()) {
		}
		b.behave(only(betanet.Metrics, failWith(500)))
		b.until(500 * time.Millisecond)
		at := eventsOf[Attempt](b)
		i := slices.IndexFunc(at, func(a Attempt) bool { return a.Endpoint == betanet.Metrics })
		if !at[i].NoBudget || at[i].Retry {
			t.Errorf("got %+v, want no retry because the budget is empty", at[i])
		}
		b.until(7 * time.Second)
		if got := len(b.requested(metricsPath, 0)); got != 1 {
			t.Errorf("got %d attempts, want 1", got)
		}
	})
}

func TestCollectionsOfAnEndpointNeverOverlap(t *testing.T) {
	set := defaults
	set.BreakerFailures, set.BreakerOpen = 1, 12*time.Second
	inBubble(t, set, betanet.V1, func(t *testing.T, b *fixture) {
		if b.tick() != 13*time.Second {
			t.Fatalf("the schedule begins at %v, the test needs the probe a second before it", b.tick())
		}
		b.behave(only(betanet.Metrics, failWith(500)))
		b.until(time.Second)
		b.behave(only(betanet.Metrics, hang))
		b.until(14 * time.Second) // the probe hangs, and a scheduled collection was due
		if got := b.requested(metricsPath, time.Second); len(got) != 1 {
			t.Errorf("requests at %v, want only the probe", got)
		}
		if got := len(b.requested("/api/v1/nodes/status", time.Second)); got != 1 {
			t.Errorf("got %d requests to another endpoint, want 1", got)
		}
	})
}

func TestMissedCollectionsAreCountedAndNotMadeUpFor(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(time.Second)
		before := b.count()
		s := b.poller.upstreams[b.upstream]
		s.core.tick = time.Now().Add(-40 * time.Second) // as after SIGSTOP
		s.runDue()
		if got := eventsOf[Skipped](b); len(got) != 1 || got[0].Count != 2 {
			t.Errorf("got %v, want two skipped", got)
		}
		if got := b.count() - before; got != 3 {
			t.Errorf("got %d requests, want those of one collection", got)
		}
	})
}

func TestRemovedUpstreamIsNeverPublishedAgain(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.behave(hang)
		b.until(time.Second)
		b.poller.Remove(b.upstream)
		view, requests := b.view(), b.count()
		b.until(time.Minute)
		if b.view() != view || b.count() != requests {
			t.Errorf("got %d requests or a view after the removal, want none", b.count()-requests)
		}
		for _, a := range eventsOf[Attempt](b) {
			if a.Failure == nil || a.Failure.Reason != betanet.ReasonCanceled {
				t.Errorf("got attempt %+v, want it canceled", a)
			}
		}
		if got := eventsOf[Failing](b); len(got) != 0 {
			t.Errorf("got %v, want no failure recorded after a removal", got)
		}
	})
}

func TestDecreasesAreExposedAsSentAndCounted(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(time.Second)
		b.behave(only(betanet.Metrics, body(`{"packets_processed":3,"packets_dropped":12}`)))
		b.until(b.tick() + time.Second)
		v := b.view()
		if val := v.Values(time.Now()); *val.Uint(betanet.PacketsProcessed) != 3 || v.Resets != 1 {
			t.Errorf("got %d and %d resets, want 3 and 1", *val.Uint(betanet.PacketsProcessed), v.Resets)
		}
	})
}

func TestNothingIsAddedAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Publish: func(*fleet.View) {}, Report: func(Event) {}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.Run(ctx)
		u := &fleet.Upstream{URLs: []*url.URL{{Scheme: "http", Host: "u:1"}}, Settings: defaults}
		if err := p.Add(t.Context(), u, true); !errors.Is(err, ErrStopped) {
			t.Errorf("got %v, want %v", err, ErrStopped)
		}
	})
}
