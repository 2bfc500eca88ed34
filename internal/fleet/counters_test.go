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

// messagesView returns a view of an upstream that has processed a number of messages.
func messagesView(name, host string, messages uint64) *View {
	u := &Upstream{Name: name, URLs: []*url.URL{{Scheme: "http", Host: host}}}
	return &View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Endpoints: []EndpointView{{
		Endpoint: betanet.Metrics, Record: snapshot.Record{}.Fetched(betanettest.Metrics{PacketsProcessed: messages}.Doc(), start),
	}}}
}

func TestCountersAddIncreasesOnly(t *testing.T) {
	counters := NewCounters()
	otherAPI := func(messages uint64) *View {
		v := messagesView("b", "h:3", messages)
		v.API, v.Upstream.Settings.MaxStale = betanet.MixnodesAPI, time.Minute
		return v
	}
	pending := func(host string) *View { // a view before the first response
		return &View{Upstream: &Upstream{Name: "b"}, URL: &url.URL{Scheme: "http", Host: host}, API: betanet.V1}
	}
	for _, c := range []struct {
		what   string
		retire bool // the view's upstream, instead of observing the view
		view   *View
		after  time.Duration
		want   uint64
	}{
		{"the first value is the baseline", false, messagesView("a", "h:1", 5000), 0, 0},
		{"the same value adds nothing", false, messagesView("a", "h:1", 5000), 0, 0},
		{"an increase is added", false, messagesView("a", "h:1", 5100), 0, 100},
		{"a reset adds the new value", false, messagesView("a", "h:1", 7), 0, 107},
		{"another upstream has its own baseline", false, messagesView("b", "h:2", 900), 0, 107},
		{"a name with a new URL is a new upstream", false, messagesView("b", "h:3", 2000), 0, 107},
		{"and continues from its baseline", false, messagesView("b", "h:3", 2001), 0, 108},
		{"another API has its own baseline", false, otherAPI(5000), 0, 108},
		{"expired values are not a reset", false, otherAPI(5000), time.Hour, 108},
		{"and the next value adds its increase", false, otherAPI(5010), 0, 118},
		{"a removed upstream subtracts nothing", true, messagesView("a", "h:1", 7), 0, 118},
		{"an upstream that comes back continues from its last value", false, messagesView("a", "h:1", 37), 0, 148},
		{"another upstream is removed", true, otherAPI(5010), 0, 148},
		{"it comes back, and its API is not yet known", false, pending("h:3"), 0, 148},
		{"its first URL fails", false, pending("h:4"), 0, 148},
		{"its first response adds the increase since its removal", false, otherAPI(5013), 0, 151},
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

func TestOldestRetiredUpstreamsAreForgotten(t *testing.T) {
	counters := NewCounters()
	for i := range maxRetiredUpstreams + 1 {
		v := messagesView(fmt.Sprint(i), "h:1", 100)
		counters.Observe(v, start)
		counters.Retire(v.Upstream)
		counters.Retire(v.Upstream) // the second call has no effect
	}
	counters.Observe(messagesView("0", "h:1", 150), start) // forgotten: a new baseline
	counters.Observe(messagesView("1", "h:1", 107), start)
	if got := counters.Growth()[betanet.PacketsProcessed]; got != 7 {
		t.Errorf("got %d, want 7", got)
	}
	if len(counters.last) != maxRetiredUpstreams+1 || counters.retired.Len() != maxRetiredUpstreams-1 {
		t.Errorf("got %d remembered upstreams, %d of them retired, want %d and %d", len(counters.last), counters.retired.Len(), maxRetiredUpstreams+1, maxRetiredUpstreams-1)
	}
}

// The fleet's counters never fall and never exceed the increases of the upstreams, even
// if upstreams come, go and restart.
func TestCountersNeverFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counters := NewCounters()
		var before, most uint64
		values := make(map[string]uint64)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			v := messagesView(name, "h:1", values[name])
			switch rapid.SampledFrom([]string{"grow", "restart", "leave"}).Draw(t, "what") {
			case "grow":
				by := rapid.Uint64Range(0, 1000).Draw(t, "by")
				values[name] += by
				most += by
				counters.Observe(messagesView(name, "h:1", values[name]), start)
			case "restart":
				values[name] = rapid.Uint64Range(0, 50).Draw(t, "value")
				most += values[name]
				counters.Observe(messagesView(name, "h:1", values[name]), start)
			case "leave":
				counters.Retire(v.Upstream)
			}
			now := counters.Growth()[betanet.PacketsProcessed]
			if now < before || now > most {
				t.Fatalf("got %d after %d, want no decrease and at most %d", now, before, most)
			}
			before = now
		}
	})
}

// The loss of a fleet is dropped / (dropped + forwarded) with both APIs.
func TestForwardedPacketsOfV1AreItsProcessedPackets(t *testing.T) {
	counters := NewCounters()
	counters.Observe(messagesView("a", "h:1", 100), start)
	counters.Observe(messagesView("a", "h:1", 107), start)
	u := &Upstream{Name: "b", URLs: []*url.URL{{Scheme: "http", Host: "h:2"}}}
	var a Accumulator
	for _, n := range []betanettest.Mixnode{forwards("m", 100, 50), forwards("m", 110, 57)} {
		fetchAll(&a, betanettest.Mixnodes{n}.Doc())
		counters.Observe(&View{Upstream: u, URL: u.URLs[0], API: betanet.MixnodesAPI, Totals: a.Totals, Endpoints: []EndpointView{{
			Endpoint: betanet.Mixnodes, Record: up(betanettest.Mixnodes{n}.Doc()),
		}}}, start)
	}
	if got, want := counters.Growth()[betanet.PacketsForwarded], uint64(7+7); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
