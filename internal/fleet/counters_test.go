package fleet

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// shows returns a view of an upstream with a number of messages.
func shows(name, host string, messages uint64) *View {
	u := &Upstream{Name: name, URLs: []*url.URL{{Scheme: "http", Host: host}}}
	return &View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Endpoints: []EndpointView{{
		Endpoint: betanet.Metrics, Record: snapshot.Record{}.Fetched(betanettest.Metrics{PacketsProcessed: messages}.Doc(), start),
	}}}
}

func TestCountersAddIncreasesOnly(t *testing.T) {
	counters := NewCounters()
	otherAPI := func(messages uint64) *View {
		v := shows("b", "h:3", messages)
		v.API, v.Upstream.Settings.MaxStale = betanet.MixnodesAPI, time.Minute
		return v
	}
	for _, c := range []struct {
		what   string
		retire bool // the view's upstream, instead of observing the view
		view   *View
		after  time.Duration
		want   uint64
	}{
		{"the first value is the baseline", false, shows("a", "h:1", 5000), 0, 0},
		{"the same value adds nothing", false, shows("a", "h:1", 5000), 0, 0},
		{"an increase adds itself", false, shows("a", "h:1", 5100), 0, 100},
		{"a reset adds the new value", false, shows("a", "h:1", 7), 0, 107},
		{"another upstream has its own baseline", false, shows("b", "h:2", 900), 0, 107},
		{"a name with a new URL is a new upstream", false, shows("b", "h:3", 2000), 0, 107},
		{"and continues from there", false, shows("b", "h:3", 2001), 0, 108},
		{"another API has its own baseline", false, otherAPI(5000), 0, 108},
		{"expired values are not a reset", false, otherAPI(5000), time.Hour, 108},
		{"and the next value adds its increase", false, otherAPI(5010), 0, 118},
		{"an upstream that leaves takes nothing away", true, shows("a", "h:1", 7), 0, 118},
		{"one that comes back continues from its last value", false, shows("a", "h:1", 37), 0, 148},
	} {
		if c.retire {
			counters.Retire(c.view.Upstream)
		} else {
			counters.Observe(c.view, start.Add(c.after))
		}
		if got := counters.Growth()[betanet.PacketsProcessed]; got != c.want {
			t.Errorf("%s: got %d, want %d", c.what, got, c.want)
		}
	}
}

func TestTheOldestRetiredUpstreamsAreForgotten(t *testing.T) {
	tr := NewCounters()
	for i := range maxRetiredUpstreams + 1 {
		v := shows(fmt.Sprint(i), "h:1", 100)
		tr.Observe(v, start)
		tr.Retire(v.Upstream)
		tr.Retire(v.Upstream) // the second call has no effect
	}
	tr.Observe(shows("0", "h:1", 150), start) // forgotten: a new baseline
	tr.Observe(shows("1", "h:1", 107), start)
	if got := tr.Growth()[betanet.PacketsProcessed]; got != 7 {
		t.Errorf("got %d, want 7", got)
	}
	if len(tr.last) != maxRetiredUpstreams+1 || tr.retired.Len() != maxRetiredUpstreams-1 {
		t.Errorf("remembers %d, of which %d have left", len(tr.last), tr.retired.Len())
	}
}

// The fleet's counters never fall and never exceed the increases of upstreams, whatever
// comes, goes and restarts.
func TestCountersNeverFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := NewCounters()
		var before, most uint64
		values := make(map[string]uint64)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			v := shows(name, "h:1", values[name])
			switch rapid.SampledFrom([]string{"grow", "restart", "leave"}).Draw(t, "what") {
			case "grow":
				by := rapid.Uint64Range(0, 1000).Draw(t, "by")
				values[name] += by
				most += by
				tr.Observe(shows(name, "h:1", values[name]), start)
			case "restart":
				values[name] = rapid.Uint64Range(0, 50).Draw(t, "value")
				most += values[name]
				tr.Observe(shows(name, "h:1", values[name]), start)
			case "leave":
				tr.Retire(v.Upstream)
			}
			now := tr.Growth()[betanet.PacketsProcessed]
			if now < before || now > most {
				t.Fatalf("got %d after %d, want at most %d", now, before, most)
			}
			before = now
		}
	})
}

// The loss of a fleet is dropped / (dropped + forwarded) with both APIs.
func TestForwardedPacketsOfV1AreTheProcessedOnes(t *testing.T) {
	tr := NewCounters()
	tr.Observe(shows("a", "h:1", 100), start)
	tr.Observe(shows("a", "h:1", 107), start)
	u := &Upstream{Name: "b", URLs: []*url.URL{{Scheme: "http", Host: "h:2"}}}
	var a Accumulator
	for _, n := range []betanettest.Mixnode{forwards("m", 100, 50), forwards("m", 110, 57)} {
		take(&a, betanettest.Mixnodes{n}.Doc())
		tr.Observe(&View{Upstream: u, URL: u.URLs[0], API: betanet.MixnodesAPI, Totals: a.Totals, Endpoints: []EndpointView{{
			Endpoint: betanet.Mixnodes, Record: up(betanettest.Mixnodes{n}.Doc()),
		}}}, start)
	}
	if got, want := tr.Growth()[betanet.PacketsForwarded], uint64(7+7); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
