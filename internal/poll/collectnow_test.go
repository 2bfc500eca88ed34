package poll

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func TestCollectNowUsesTheCacheWithinTheTTL(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(b.tick() + 9*time.Second)
		before := b.count()
		b.poller.CollectNow(t.Context(), b.upstream, time.Minute)
		if got := b.count() - before; got != 0 {
			t.Errorf("got %d requests within the TTL, want none", got)
		}
		hits := 0
		for _, c := range eventsOf[Cache](b) {
			if c.Result == CacheHit {
				hits++
			}
		}
		if hits != 3 {
			t.Errorf("got %d hits, want one per endpoint", hits)
		}
		b.until(b.tick() + 11*time.Second)
		b.poller.CollectNow(t.Context(), b.upstream, time.Minute)
		if got := b.count() - before; got != 3 {
			t.Errorf("got %d requests after the TTL, want 3", got)
		}
	})
}

func TestCollectNowJoinsARunningCollection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.behave(only(betanet.Metrics, hang))
		b.until(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		v, late := b.poller.CollectNow(ctx, b.upstream, time.Minute)
		if got := len(b.requested(metricsPath, 0)); got != 1 || !late || v.Endpoints[0].Tried {
			t.Errorf("got %d requests, late %v, want 1 and true", got, late)
		}
		v, late = b.poller.CollectNow(t.Context(), b.upstream, time.Minute)
		if got := b.count(); got != 4 || late || !v.Endpoints[0].Tried {
			t.Errorf("got %d requests, late %v, want the 4 of one collection", got, late)
		}
	})
}

func TestACanceledCallerDoesNotEndTheCollection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(b.tick() + 11*time.Second)
		b.behave(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			healthy(w, r)
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, late := b.poller.CollectNow(ctx, b.upstream, time.Minute); !late {
			t.Error("got a view in time, want a late one")
		}
		v, late := b.poller.CollectNow(t.Context(), b.upstream, time.Minute)
		if late || !v.Up() || time.Since(v.Endpoints[0].At) > 2*parallelAfter {
			t.Errorf("late %v, up %v, age %v, want the document of the collection that continued", late, v.Up(), time.Since(v.Endpoints[0].At))
		}
	})
}

func TestCollectNowEndsAtItsLimit(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, b *fixture) {
		b.until(b.tick() + 11*time.Second)
		b.behave(hang)
		start := time.Now()
		v, late := b.poller.CollectNow(t.Context(), b.upstream, 2500*time.Millisecond)
		if took := time.Since(start); took != 2500*time.Millisecond || late || v.Up() {
			t.Errorf("took %v, late %v, up %v, want 2.5s with failures", took, late, v.Up())
		}
	})
}

func TestWithoutAScheduleNothingIsRequestedOnATimer(t *testing.T) {
	set := defaults
	set.BreakerFailures, set.TTL = 1, 0
	inBubble(t, set, betanet.V1, func(t *testing.T, b *fixture) {
		b.poller.Remove(b.upstream) // it was added with a schedule
		if err := b.poller.Add(t.Context(), b.upstream, false); err != nil {
			t.Fatal(err)
		}
		b.behave(failWith(500))
		b.until(time.Second)
		if got := b.count(); got != 0 {
			t.Errorf("got %d requests without CollectNow, want none", got)
		}
		b.poller.CollectNow(t.Context(), b.upstream, time.Minute)
		b.until(10 * time.Minute)
		if got := b.count(); got != 3 {
			t.Errorf("got %d requests, want the 3 of CollectNow", got)
		}
		b.behave(healthy)
		if v, _ := b.poller.CollectNow(t.Context(), b.upstream, time.Minute); !v.Up() || b.count() != 6 {
			t.Errorf("up %v after %d requests, want the next CollectNow to be the probe", v.Up(), b.count())
		}
	})
}
