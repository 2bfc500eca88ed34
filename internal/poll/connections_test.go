package poll

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// concurrency measures how many requests are served at the same time.
type concurrency struct {
	mu        sync.Mutex
	now, most int
}

// measure returns a handler that calls h and counts its running calls.
func (c *concurrency) measure(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.now++
		c.most = max(c.most, c.now)
		c.mu.Unlock()
		defer func() { c.mu.Lock(); c.now--; c.mu.Unlock() }()
		h(w, r)
	}
}

func TestSlowUpstreamIsCollectedInParallel(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			healthy(w, r)
		})
		f.until(2*time.Second + 2*parallelAfter)
		if v := f.view(); !v.Up() {
			t.Errorf("got %+v, want all endpoints up", v.Endpoints)
		}
		if got := f.dialed(); got != 3 {
			t.Errorf("got %d connections, want 3", got)
		}
	})
}

func TestEndpointsShareOneConnectionWhenDescriptorsAreScarce(t *testing.T) {
	var served concurrency
	inBubbleWithLimit(t, defaults, betanet.V1, 2, func(t *testing.T, f *fixture) {
		f.behave(served.measure(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			healthy(w, r)
		}))
		f.until(time.Minute)
		if !f.view().Up() {
			t.Error("got a failure, want all endpoints up")
		}
		if served.most != 1 || f.dialed() != 1 {
			t.Errorf("got %d simultaneous requests over %d connections, want 1 over 1", served.most, f.dialed())
		}
	})
}

func TestHangingEndpointDelaysTheOthersByOneAttempt(t *testing.T) {
	inBubbleWithLimit(t, defaults, betanet.V1, 2, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, hang))
		f.until(defaults.Timeout)
		second := defaults.RequestTimeout
		for path, want := range map[string][]time.Duration{
			metricsPath:             {0, second + time.Second}, // after the first attempts of the others
			"/api/v1/nodes/status":  {second},
			"/api/v1/network/stats": {second},
			betanet.Mixnodes.Path(): nil,
		} {
			if got := f.requested(path, 0); !slices.Equal(got[:min(len(got), len(want))], want) {
				t.Errorf("%s: got requests at %v, want %v", path, got, want)
			}
		}
		f.until(f.tick() + time.Second)
		for _, path := range []string{"/api/v1/nodes/status", "/api/v1/network/stats"} {
			if got := f.requested(path, f.tick()); !slices.Equal(got, []time.Duration{f.tick()}) {
				t.Errorf("%s: got requests at %v in the next collection, want one at %v, before the failed endpoint", path, got, f.tick())
			}
		}
	})
}

func TestProbeDoesNotOpenSecondConnection(t *testing.T) {
	settings := defaults
	settings.BreakerFailures, settings.BreakerOpen = 1, 5*time.Second
	var served concurrency
	inBubbleWithLimit(t, settings, betanet.V1, 2, func(t *testing.T, f *fixture) {
		f.behave(served.measure(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == metricsPath {
				failWith(500)(w, r)
				return
			}
			time.Sleep(4 * time.Second)
			healthy(w, r)
		}))
		f.until(2 * time.Minute)
		if probes := len(f.requested(metricsPath, time.Second)); probes < 5 {
			t.Fatalf("got %d probes, want at least 5", probes)
		}
		if served.most != 1 {
			t.Errorf("got %d simultaneous requests, want 1", served.most)
		}
	})
}

func TestConnectionsAreClosedWithMoreUpstreamsThanDescriptors(t *testing.T) {
	inBubbleWithLimit(t, defaults, betanet.V1, 1, func(t *testing.T, f *fixture) {
		second := &fleet.Upstream{Name: "v", URLs: []*url.URL{{Scheme: "http", Host: "v:9000"}}, API: betanet.V1, Settings: defaults}
		if err := f.poller.Add(t.Context(), second, false); err != nil {
			t.Fatal(err)
		}
		f.until(f.tick() + 11*time.Second)
		if got := f.dialed(); got != 2 {
			t.Errorf("got %d connections, want one for each of 2 collections", got)
		}
		v, _ := f.poller.CollectNow(t.Context(), second, time.Minute)
		if !v.Up() {
			t.Errorf("got failure %v of the other upstream, want it up", v.Endpoints[0].Failure)
		}
	})
}

func TestExceedingTheConnectionLimitIsALocalFailure(t *testing.T) {
	inBubbleWithLimit(t, defaults, betanet.V1, 1, func(t *testing.T, f *fixture) {
		var all []*fleet.Upstream
		for i := range 2 {
			u := &fleet.Upstream{Name: fmt.Sprint(i), URLs: []*url.URL{{Scheme: "http", Host: "v:9000"}}, API: betanet.V1, Settings: defaults}
			if err := f.poller.Add(t.Context(), u, false); err != nil {
				t.Fatal(err)
			}
			all = append(all, u)
		}
		f.behave(hang)
		go f.poller.CollectNow(t.Context(), all[0], 2*time.Second)
		synctest.Wait()
		v, _ := f.poller.CollectNow(t.Context(), all[1], 2*time.Second)
		failure := v.Endpoints[0].Failure
		if failure == nil || failure.Reason != betanet.ReasonLocal || !failure.Ignored {
			t.Fatalf("got %v, want a local failure that is ignored", failure)
		}
		if want := "1 connections to upstreams are open"; !errors.Is(failure, syscall.EMFILE) || !strings.Contains(failure.Error(), want) {
			t.Errorf("got %q, want it to contain %q", failure, want)
		}
		time.Sleep(3 * time.Second)
		f.behave(healthy)
		if v, _ := f.poller.CollectNow(t.Context(), all[1], 2*time.Second); !v.Up() {
			t.Errorf("got %v, want success because the other connection was closed", v.Endpoints[0].Failure)
		}
	})
}

func TestResolverConnectionsAreLimited(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	limiter := newConnLimiter(1)
	var isPacketConn []bool
	limiter.resolver.PreferGo = true
	dial := limiter.resolver.Dial
	limiter.resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := dial(ctx, "udp", server.LocalAddr().String())
		if err == nil {
			_, packets := c.(net.PacketConn)
			isPacketConn = append(isPacketConn, packets)
		}
		return c, err
	}
	c, err := limiter.resolver.Dial(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := limiter.resolver.Dial(t.Context(), "udp", ""); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("second connection: got %v, want EMFILE", err)
	}
	c.Close()
	c.Close() // the second call must not be counted
	if c, err = limiter.resolver.Dial(t.Context(), "udp", ""); err != nil {
		t.Errorf("after the first was closed: got %v, want no error", err)
	} else {
		c.Close()
	}
	if got := limiter.open.Load(); got != 0 {
		t.Errorf("got %d open connections at the end, want none", got)
	}
	if slices.Contains(isPacketConn, false) {
		t.Error("got a UDP connection that is not a net.PacketConn, want one, so that the resolver does not use TCP framing")
	}
}

func TestHangingUpstreamsDoNotDelayTheOthers(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(hang)
		for i := range 3 * maxWorkers {
			u := &fleet.Upstream{Name: fmt.Sprint(i), URLs: []*url.URL{{Scheme: "http", Host: "v:9000"}}, API: betanet.V1, Settings: defaults}
			if err := f.poller.Add(t.Context(), u, true); err != nil {
				t.Fatal(err)
			}
		}
		f.until(2 * time.Minute)
		late := 0
		for _, e := range eventsOf[Began](f) {
			if e.Delay > 3*slowAfter {
				late++
			}
		}
		if late > 0 {
			t.Errorf("got %d of %d collections late, want none", late, len(eventsOf[Began](f)))
		}
		if got := eventsOf[Skipped](f); len(got) > 0 {
			t.Errorf("got %d skipped collections, want none", len(got))
		}
		if got := f.poller.workers; got < 1 || got > maxWorkers {
			t.Errorf("got %d workers, want 1 to %d", got, maxWorkers)
		}
	})
}
