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

// shows is a view of an upstream that says so many messages.
func shows(name, host string, messages uint64) *View {
	u := &Upstream{Name: name, URLs: []*url.URL{{Scheme: "http", Host: host}}}
	return &View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Endpoints: []EndpointView{{
		Endpoint: betanet.Metrics, Record: snapshot.Record{}.Fetched(betanettest.Metrics{PacketsProcessed: messages}.Doc(), start),
	}}}
}

func TestTrafficIsIncreasesOnly(t *testing.T) {
	tr := NewCounters()
	for _, c := range []struct {
		what string
		view *View
		want uint64
	}{
		{"the first value is the base line", shows("a", "h:1", 5000), 0},
		{"the same again adds nothing", shows("a", "h:1", 5000), 0},
		{"an increase adds itself", shows("a", "h:1", 5100), 100},
		{"a reset adds the new value", shows("a", "h:1", 7), 107},
		{"another upstream has its own base line", shows("b", "h:2", 900), 107},
		{"a name with a new URL is a new upstream", shows("b", "h:3", 2000), 107},
		{"and goes on from there", shows("b", "h:3", 2001), 108},
	} {
		tr.Observe(c.view, start)
		if got := tr.Growth()[betanet.PacketsProcessed]; got != c.want {
			t.Errorf("%s: got %d, want %d", c.what, got, c.want)
		}
	}
}

func TestAnotherAPIIsAnotherBaseLine(t *testing.T) {
	tr := NewCounters()
	tr.Observe(shows("a", "h:1", 100), start)
	v := shows("a", "h:1", 5000)
	v.API = betanet.MixnodesAPI
	tr.Observe(v, start)
	if got := tr.Growth()[betanet.PacketsProcessed]; got != 0 {
		t.Errorf("got %d, want 0", got)
	}
}

func TestAnUpstreamThatComesBackGoesOnFromItsLast(t *testing.T) {
	tr := NewCounters()
	v := shows("a", "h:1", 100)
	tr.Observe(v, start)
	tr.Retire(v.Upstream)
	tr.Observe(shows("a", "h:1", 130), start)
	if got := tr.Growth()[betanet.PacketsProcessed]; got != 30 {
		t.Errorf("got %d, want 30", got)
	}
}

func TestTheOldestDepartedUpstreamsAreForgotten(t *testing.T) {
	tr := NewCounters()
	for i := range maxRetiredUpstreams + 1 {
		v := shows(fmt.Sprint(i), "h:1", 100)
		tr.Observe(v, start)
		tr.Retire(v.Upstream)
		tr.Retire(v.Upstream) // twice is once
	}
	tr.Observe(shows("0", "h:1", 150), start) // forgotten: a new base line
	tr.Observe(shows("1", "h:1", 107), start)
	if got := tr.Growth()[betanet.PacketsProcessed]; got != 7 {
		t.Errorf("got %d, want 7", got)
	}
	if len(tr.last) != maxRetiredUpstreams+1 || tr.retired.Len() != maxRetiredUpstreams-1 {
		t.Errorf("remembers %d, of which %d have left", len(tr.last), tr.retired.Len())
	}
}

// The fleet's counter never falls and never shows more than what upstreams grew
// by, whatever comes, goes and restarts.
func TestTrafficNeverFalls(t *testing.T) {
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
				values[name] = rapid.Uint64Range(0, 50).Draw(t, "anew")
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

func TestExpiredValuesAreNoReset(t *testing.T) {
	tr := NewCounters()
	v := shows("a", "h:1", 100)
	v.Upstream.Settings.MaxStale = time.Minute
	tr.Observe(v, start)
	tr.Observe(v, start.Add(time.Hour))
	tr.Observe(shows("a", "h:1", 110), start)
	if got := tr.Growth()[betanet.PacketsProcessed]; got != 10 {
		t.Errorf("got %d, want 10", got)
	}
}

// The loss of a fleet is dropped / (dropped + forwarded), whatever its APIs.
func TestForwardedPacketsOfV1AreThoseProcessed(t *testing.T) {
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
