package poll

import (
	"fmt"
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

// withReplicas runs a test with an upstream that has three URLs.
func withReplicas(t *testing.T, settings fleet.Settings, test func(*testing.T, *fixture)) {
	inBubble(t, settings, betanet.V1, func(t *testing.T, f *fixture) {
		f.upstream.URLs = nil
		for _, h := range []string{"a:1", "b:1", "c:1"} {
			f.upstream.URLs = append(f.upstream.URLs, &url.URL{Scheme: "http", Host: h})
		}
		f.poller.Remove(f.upstream) // the fixture has added it with one URL
		if err := f.poller.Add(t.Context(), f.upstream, true); err != nil {
			t.Fatal(err)
		}
		test(t, f)
	})
}

// forReplica returns a handler that uses h for one replica and rest for the others.
func forReplica(name string, h, rest http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Host == name {
			h(w, r)
		} else {
			rest(w, r)
		}
	}
}

func TestOneReplicaIsUsedAndStaysInUse(t *testing.T) {
	withReplicas(t, defaults, func(t *testing.T, f *fixture) {
		hosts := make(map[string]bool)
		f.behave(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			hosts[r.Host] = true
			f.mu.Unlock()
			healthy(w, r)
		})
		f.until(5 * time.Minute)
		first := preferred(f.upstream, "")[0].Host
		if len(hosts) != 1 || !hosts[first] || f.view().Replica != first {
			t.Errorf("got requests to %v and %q in use, want only %q", hosts, f.view().Replica, first)
		}
	})
}

func TestFailoverCollectsAllDocumentsFromTheNextReplica(t *testing.T) {
	withReplicas(t, defaults, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		order := preferred(f.upstream, "")
		first, second := order[0].Host, order[1].Host
		f.behave(forReplica(first, only(betanet.Nodes, failWith(500)), healthy))
		f.until(f.tick() + 4*time.Second) // after the third attempt, in the same collection
		v := f.view()
		if v.Replica != second || !v.Up() || v.Switches != 1 {
			t.Fatalf("got %q in use, up %v, %d switches, want %q, true, 1", v.Replica, v.Up(), v.Switches, second)
		}
		if v.Totals.Latency.GetSampleCount() != 1 {
			t.Errorf("got %d observations, want only the one of the new replica", v.Totals.Latency.GetSampleCount())
		}
		f.behave(healthy)
		f.until(5 * time.Minute)
		if v := f.view(); v.Replica != second || v.Switches != 1 {
			t.Errorf("got %q in use after %d switches, want still %q after 1", v.Replica, v.Switches, second)
		}
		if got := eventsOf[Switched](f); len(got) != 1 || got[0].From != first || got[0].To != second {
			t.Errorf("got %v, want one switch", got)
		}
	})
}

func TestOpenBreakerCausesImmediateFailover(t *testing.T) {
	settings := defaults
	settings.BreakerFailures = 1
	withReplicas(t, settings, func(t *testing.T, f *fixture) {
		first := preferred(f.upstream, "")[0].Host
		f.behave(forReplica(first, hang, healthy))
		f.until(6 * time.Second)
		if v := f.view(); v.Replica == first || !v.Up() {
			t.Errorf("got %q in use, up %v after the first attempt's timeout, want another replica and true", v.Replica, v.Up())
		}
		i := slices.IndexFunc(f.view().Standby, func(s fleet.Standby) bool { return s.Replica == first })
		if i < 0 || f.view().Standby[i].Breaker != breaker.Open {
			t.Errorf("got %v, want the breaker of %s open", f.view().Standby, first)
		}
	})
}

func TestLastValuesAreStaleWhenAllReplicasFail(t *testing.T) {
	withReplicas(t, defaults, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		first := f.view().Replica
		f.behave(failWith(500))
		f.until(f.tick() + 14*time.Second)
		v := f.view()
		if val := v.Values(time.Now()); v.Replica != first || v.State(time.Now()) != fleet.Stale || *val.Uint(betanet.PacketsProcessed) != 5000 {
			t.Errorf("got %q in use, %v, want %q, stale, with its last values", v.Replica, v.State(time.Now()), first)
		}
		if got := eventsOf[Switched](f); len(got) != 0 {
			t.Errorf("got %v, want no switch", got)
		}
	})
}

func TestRecoveredReplicaIsFound(t *testing.T) {
	withReplicas(t, defaults, func(t *testing.T, f *fixture) {
		f.behave(failWith(500))
		f.until(2 * time.Minute)
		last := preferred(f.upstream, "")[2].Host
		f.behave(forReplica(last, healthy, failWith(500)))
		f.until(4 * time.Minute)
		if v := f.view(); v.Replica != last || !v.Up() {
			t.Errorf("got %q in use, up %v, want %q and true", v.Replica, v.Up(), last)
		}
	})
}

func TestUpstreamsAndHostsAreSpreadOverReplicas(t *testing.T) {
	urls := []*url.URL{{Host: "a:1"}, {Host: "b:1"}, {Host: "c:1"}}
	count := make(map[string]int)
	for i := range 3000 {
		u := &fleet.Upstream{Name: fmt.Sprintf("edge-%d", i/30), URLs: urls}
		count[preferred(u, fmt.Sprintf("host-%d", i%30))[0].Host]++
	}
	for h, n := range count {
		if n < 800 || n > 1200 {
			t.Errorf("%s: got %d of 3000 that prefer it, want about 1000", h, n)
		}
	}
}

func TestConfiguredOrderOfReplicasDoesNotMatter(t *testing.T) {
	urls := []*url.URL{{Host: "a:1"}, {Host: "b:1"}, {Host: "c:1"}}
	reordered := []*url.URL{urls[2], urls[0], urls[1]}
	u := &fleet.Upstream{Name: "edge", URLs: urls}
	if a, b := preferred(u, "h"), preferred(&fleet.Upstream{Name: "edge", URLs: reordered}, "h"); !slices.Equal(a, b) {
		t.Errorf("got %v and %v, want the same", a, b)
	}
}

func TestRemovalDuringFailoverEndsIt(t *testing.T) {
	withReplicas(t, defaults, func(t *testing.T, f *fixture) {
		f.behave(hang)
		f.until(3 * time.Second)
		f.poller.Remove(f.upstream)
		synctest.Wait()
		view := f.view()
		f.until(time.Minute)
		if f.view() != view {
			t.Error("got a view that was published after the removal, want none")
		}
	})
}
