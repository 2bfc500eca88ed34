package poll

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

func TestScheduleFollowsTheMonotonicClock(t *testing.T) {
	due := time.Now()
	for _, c := range []struct{ late, want time.Duration }{
		{-time.Second, 15 * time.Second}, // called early because of rounding
		{0, 15 * time.Second},
		{14 * time.Second, 15 * time.Second},
		{15 * time.Second, 30 * time.Second},
		{100 * time.Second, 105 * time.Second}, // the process was stopped
	} {
		if got := tickAfter(due, due.Add(c.late), 15*time.Second).Sub(due); got != c.want {
			t.Errorf("%v late: got the next tick %v after the previous one, want %v", c.late, got, c.want)
		}
	}
}

func TestFirstCollectionEndsBeforeTheScheduleBegins(t *testing.T) {
	now := time.Now()
	for _, settings := range []fleet.Settings{
		defaults,
		{Interval: time.Second, Timeout: 900 * time.Millisecond, RequestTimeout: 900 * time.Millisecond},
		{Interval: time.Minute, Timeout: 59 * time.Second, RequestTimeout: 59 * time.Second},
	} {
		for i := range 100 {
			u := &fleet.Upstream{Name: fmt.Sprint(i), URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: betanet.V1, Settings: settings}
			left := firstTick(u, now).Sub(now) - (settings.Interval - settings.Timeout)
			if left < settings.RequestTimeout || left > 2*settings.Interval {
				t.Fatalf("interval %v: got %v for the first collection, want at least %v for one attempt", settings.Interval, left, settings.RequestTimeout)
			}
		}
	}
}

func TestNoScheduledCollectionIsMissedAtStart(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(hang)
		f.until(time.Minute)
		if got := eventsOf[Skipped](f); len(got) > 0 {
			t.Errorf("got %d skipped collections of an upstream that hangs from the start, want none", len(got))
		}
	})
}

func TestProbesOfManyUpstreamsAreCoalesced(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		c := f.poller.upstreams[f.upstream].core
		at := f.poller.began.Add(1100 * time.Millisecond)
		c.moment = f.poller.moment()
		if got := c.coalesceProbe(at); !got.Equal(at) {
			t.Errorf("with one upstream: got a delay of %v, want none", got.Sub(at))
		}
		f.poller.count.Store(coalesceAbove)
		c.moment = f.poller.moment()
		if got, want := c.coalesceProbe(at), f.poller.began.Add(1250*time.Millisecond); !got.Equal(want) {
			t.Errorf("with many upstreams: got %v, want %v", got.Sub(f.poller.began), want.Sub(f.poller.began))
		}
	})
}
