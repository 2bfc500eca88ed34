package poll

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func TestCollectNowUsesTheCacheWithinTheTTL(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(f.tick() + 9*time.Second)
		before := f.count()
		f.poller.CollectNow(t.Context(), f.upstream, time.Minute)
		if got := f.count() - before; got != 0 {
			t.Errorf("got %d requests within the TTL, want none", got)
		}
		hits := 0
		for _, c := range eventsOf[Cache](f) {
			if c.Result == CacheHit {
				hits++
			}
		}
		if hits != 3 {
			t.Errorf("got %d cache hits, want one per endpoint", hits)
		}
		f.until(f.tick() + 11*time.Second)
		f.poller.CollectNow(t.Context(), f.upstream, time.Minute)
		if got := f.count() - before; got != 3 {
			t.Errorf("got %d requests after the TTL, want 3", got)
		}
	})
}

func TestCollectNowJoinsARunningCollection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, hang))
		f.until(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		v, late := f.poller.CollectNow(ctx, f.upstream, time.Minute)
		if got := len(f.requested(metricsPath, 0)); got != 1 || !late || v.Endpoints[0].Tried {
			t.Errorf("got %d requests, late %v, tried %v, want 1, true and false", got, late, v.Endpoints[0].Tried)
		}
		v, late = f.poller.CollectNow(t.Context(), f.upstream, time.Minute)
		if got := f.count(); got != 4 || late || !v.Endpoints[0].Tried {
			t.Errorf("got %d requests, late %v, tried %v, want the 4 of one collection, false and true", got, late, v.Endpoints[0].Tried)
		}
	})
}

func TestCanceledCallerDoesNotEndTheCollection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(f.tick() + 11*time.Second)
		f.behave(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			healthy(w, r)
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, late := f.poller.CollectNow(ctx, f.upstream, time.Minute); !late {
			t.Error("got late false, want true")
		}
		v, late := f.poller.CollectNow(t.Context(), f.upstream, time.Minute)
		if late || !v.Up() || time.Since(v.Endpoints[0].At) > 2*parallelAfter {
			t.Errorf("got late %v, up %v and age %v, want the document of the collection that continued", late, v.Up(), time.Since(v.Endpoints[0].At))
		}
	})
}

func TestCollectNowEndsAtItsLimit(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(f.tick() + 11*time.Second)
		f.behave(hang)
		start := time.Now()
		v, late := f.poller.CollectNow(t.Context(), f.upstream, 2500*time.Millisecond)
		if took := time.Since(start); took != 2500*time.Millisecond || late || v.Up() {
			t.Errorf("got %v, late %v and up %v, want 2.5s, false and false", took, late, v.Up())
		}
	})
}

func TestUnscheduledUpstreamIsRequestedOnlyOnDemand(t *testing.T) {
	settings := defaults
	settings.BreakerFailures, settings.TTL = 1, 0
	inBubble(t, settings, betanet.V1, func(t *testing.T, f *fixture) {
		f.poller.Remove(f.upstream) // the fixture has added it with a schedule
		if err := f.poller.Add(t.Context(), f.upstream, false); err != nil {
			t.Fatal(err)
		}
		f.behave(failWith(500))
		f.until(time.Second)
		if got := f.count(); got != 0 {
			t.Errorf("got %d requests without CollectNow, want none", got)
		}
		f.poller.CollectNow(t.Context(), f.upstream, time.Minute)
		f.until(10 * time.Minute)
		if got := f.count(); got != 3 {
			t.Errorf("got %d requests, want the 3 of CollectNow", got)
		}
		f.behave(healthy)
		if v, _ := f.poller.CollectNow(t.Context(), f.upstream, time.Minute); !v.Up() || f.count() != 6 {
			t.Errorf("got up %v after %d requests, want true after 6, because the next CollectNow is the probe", v.Up(), f.count())
		}
	})
}
