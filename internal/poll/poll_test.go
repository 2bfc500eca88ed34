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
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(time.Minute)
		want := []time.Duration{0, f.tick(), f.tick() + 15*time.Second, f.tick() + 30*time.Second}
		got := f.requested(metricsPath, 0)
		if len(got) < 4 || !slices.Equal(got[:4], want) {
			t.Errorf("got requests at %v, want %v", got, want)
		}
		if n := f.count(); n != 3*len(got) {
			t.Errorf("got %d requests, want %d, one per endpoint and collection", n, 3*len(got))
		}
		if got := f.dialed(); got != 1 {
			t.Errorf("got %d connections, want 1 that is kept", got)
		}
	})
}

func TestUpstreamValuesArePublished(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		v := f.view().Values(time.Now())
		if *v.Uint(betanet.PacketsProcessed) != 5000 || *v.Uint(betanet.PacketsDropped) != 10 || *v.Uint(betanet.TotalNodes) != 7 || *v.Uint(betanet.ActiveNodes) != 5 || *v.Uint(betanet.InactiveNodes) != 2 ||
			*v.Uint(betanet.BytesTransmitted) != 1000000 || *v.Uint(betanet.BytesReceived) != 500000 || *v.Uint(betanet.PeakThroughput) != 10000 || *v.LatencySeconds() != 0.045 {
			t.Errorf("got %+v, want the values of the documents", v)
		}
		if v.Latency.GetSampleCount() != 1 || !f.view().Up() {
			t.Errorf("got %d observations and up %v, want 1 and true", v.Latency.GetSampleCount(), f.view().Up())
		}
	})
}

func TestRetriesWaitOneAndTwoSeconds(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, failWith(500)))
		f.until(7 * time.Second)
		want := []time.Duration{0, time.Second, 3 * time.Second}
		if got := f.requested(metricsPath, 0); !slices.Equal(got, want) {
			t.Errorf("got attempts at %v, want %v", got, want)
		}
		if got := len(f.requested("/api/v1/nodes/status", 0)); got != 1 {
			t.Errorf("got %d requests to a healthy endpoint, want 1", got)
		}
	})
}

func TestPermanentFailureIsNotRetried(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, failWith(403)))
		f.until(7 * time.Second)
		if got := len(f.requested(metricsPath, 0)); got != 1 {
			t.Errorf("got %d attempts, want 1", got)
		}
		if f := f.view().Endpoints[0].Failure; f == nil || f.Reason != betanet.ReasonAuth {
			t.Errorf("got failure %v, want reason auth", f)
		}
	})
}

func TestBreakerOpensAfterFiveFailuresAndProbesAfterItsPause(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, failWith(500)))
		tick := f.tick()
		opened := tick + time.Second // after three attempts in the first collection and two in the next
		f.until(opened)
		if got := f.view().Endpoints[0].Breaker; got != breaker.Open {
			t.Fatalf("got breaker %v after five failures, want open", got)
		}
		probe := opened + 30*time.Second + time.Millisecond
		f.until(probe - 1)
		if got := f.requested(metricsPath, opened+1); len(got) != 0 {
			t.Errorf("got requests at %v while open, want none", got)
		}
		if got := len(f.requested("/api/v1/nodes/status", opened+1)); got != 2 {
			t.Errorf("got %d requests to another endpoint while open, want 2", got)
		}
		f.until(probe + 29*time.Second)
		if got := f.requested(metricsPath, opened+1); !slices.Equal(got, []time.Duration{probe}) {
			t.Errorf("got requests at %v, want exactly one probe at %v", got, probe)
		}
		if got := f.view().Endpoints[0].Breaker; got != breaker.Open {
			t.Errorf("got breaker %v after a failed probe, want open", got)
		}
		f.behave(healthy)
		f.until(probe + 31*time.Second)
		if e := f.view().Endpoints[0]; e.Breaker != breaker.Closed || !e.Up() {
			t.Errorf("got breaker %v and up %v after a successful probe, want closed and true", e.Breaker, e.Up())
		}
	})
}

func TestProbeUsesAFreshConnection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(500)
		}))
		f.until(f.tick() + 2*time.Second)
		f.behave(healthy)
		before := f.dialed()
		f.until(f.tick() + 32*time.Second)
		if got := f.dialed() - before; got != 1 {
			t.Errorf("got %d new connections around the probe, want 1", got)
		}
	})
}

func TestHangingEndpointTimesOutWithinTheCollection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, hang))
		f.until(parallelAfter + slowAfter)
		if v := f.view(); !v.Endpoints[1].Up() || !v.Endpoints[2].Up() {
			t.Error("got a healthy endpoint that is not up, want it up without waiting for the hanging one")
		}
		f.until(14 * time.Second)
		ended := eventsOf[Ended](f)
		if len(ended) == 0 || ended[0].Duration > defaults.Timeout {
			t.Fatalf("got %v, want the first collection to end within %v", ended, defaults.Timeout)
		}
		// 5 s + 1 s + 5 s + 2 s leave 1 s, enough for a third attempt.
		want := []time.Duration{0, 6 * time.Second, 13 * time.Second}
		got := slices.DeleteFunc(f.requested(metricsPath, 0), func(at time.Duration) bool { return at >= defaults.Timeout })
		if !slices.Equal(got, want) {
			t.Errorf("got attempts at %v, want %v", got, want)
		}
		if f := f.view().Endpoints[0].Failure; f == nil || f.Reason != betanet.ReasonTimeout {
			t.Errorf("got failure %v, want reason timeout", f)
		}
	})
}

func TestLastGoodValuesAreShownUntilMaxStale(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		f.behave(failWith(500))
		f.until(5*time.Minute - time.Millisecond)
		v := f.view()
		if got := v.Values(time.Now()); got.Uint(betanet.PacketsProcessed) == nil || *got.Uint(betanet.PacketsProcessed) != 5000 {
			t.Error("got no last good value, want 5000 until max-stale")
		}
		if !v.Endpoints[0].Stale(time.Now(), defaults.MaxStale) {
			t.Error("got stale false, want true")
		}
		f.until(5*time.Minute + time.Millisecond)
		if got := f.view().Values(time.Now()); got.Uint(betanet.PacketsProcessed) != nil || got.Latency != nil {
			t.Errorf("got %+v after max-stale, want nothing", got)
		}
	})
}

func TestLatencyIsObservedOncePerFreshDocument(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		f.behave(failWith(500))
		f.until(2 * time.Minute)
		if got := f.view().Totals.Latency.GetSampleCount(); got != 1 {
			t.Errorf("got %d observations of one document, want 1", got)
		}
	})
}

func TestEmptyBudgetPreventsRetries(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.poller.budget.Deposit(time.Now()) // it is full and does not grow
		for f.poller.budget.Take(time.Now()) {
		}
		f.behave(only(betanet.Metrics, failWith(500)))
		f.until(500 * time.Millisecond)
		at := eventsOf[Attempt](f)
		i := slices.IndexFunc(at, func(a Attempt) bool { return a.Endpoint == betanet.Metrics })
		if !at[i].NoBudget || at[i].Retry {
			t.Errorf("got %+v, want no retry because the budget is empty", at[i])
		}
		f.until(7 * time.Second)
		if got := len(f.requested(metricsPath, 0)); got != 1 {
			t.Errorf("got %d attempts, want 1", got)
		}
	})
}

func TestCollectionsOfAnEndpointNeverOverlap(t *testing.T) {
	settings := defaults
	settings.BreakerFailures, settings.BreakerOpen = 1, 12*time.Second
	inBubble(t, settings, betanet.V1, func(t *testing.T, f *fixture) {
		if f.tick() != 13*time.Second {
			t.Fatalf("got a schedule that begins at %v, want 13s, a second after the probe", f.tick())
		}
		f.behave(only(betanet.Metrics, failWith(500)))
		f.until(time.Second)
		f.behave(only(betanet.Metrics, hang))
		f.until(14 * time.Second) // the probe hangs while a scheduled collection is due
		if got := f.requested(metricsPath, time.Second); len(got) != 1 {
			t.Errorf("got requests at %v, want only the probe", got)
		}
		if got := len(f.requested("/api/v1/nodes/status", time.Second)); got != 1 {
			t.Errorf("got %d requests to another endpoint, want 1", got)
		}
	})
}

func TestMissedCollectionsAreCountedButNotMadeUp(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		before := f.count()
		s := f.poller.upstreams[f.upstream]
		s.core.tick = time.Now().Add(-40 * time.Second) // as if the process had been stopped
		s.runDue()
		if got := eventsOf[Skipped](f); len(got) != 1 || got[0].Count != 2 {
			t.Errorf("got %v, want one event for two skipped collections", got)
		}
		if got := f.count() - before; got != 3 {
			t.Errorf("got %d requests, want the 3 of one collection", got)
		}
	})
}

func TestRemovedUpstreamIsNeverPublishedAgain(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(hang)
		f.until(time.Second)
		f.poller.Remove(f.upstream)
		view, requests := f.view(), f.count()
		f.until(time.Minute)
		if f.view() != view || f.count() != requests {
			t.Errorf("got %d more requests or another view after the removal, want neither", f.count()-requests)
		}
		for _, a := range eventsOf[Attempt](f) {
			if a.Failure == nil || a.Failure.Reason != betanet.ReasonCanceled {
				t.Errorf("got attempt %+v, want a canceled one", a)
			}
		}
		if got := eventsOf[Failing](f); len(got) != 0 {
			t.Errorf("got %v, want no failure recorded after a removal", got)
		}
	})
}

func TestDecreasesAreExposedAsSentAndCounted(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		f.behave(only(betanet.Metrics, body(`{"packets_processed":3,"packets_dropped":12}`)))
		f.until(f.tick() + time.Second)
		v := f.view()
		if val := v.Values(time.Now()); *val.Uint(betanet.PacketsProcessed) != 3 || v.Resets != 1 {
			t.Errorf("got value %d and %d resets, want 3 and 1", *val.Uint(betanet.PacketsProcessed), v.Resets)
		}
	})
}

func TestAddFailsAfterRunHasEnded(t *testing.T) {
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
