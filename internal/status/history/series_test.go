package history

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

var begin = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// after is a moment, in seconds.
func after(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }

// scene is a fleet that a test moves along.
type scene struct {
	history History
	views   []*fleet.View
}

// add puts an upstream there that has not been tried.
func (s *scene) add(api betanet.API) int {
	u := &fleet.Upstream{
		Name: "u", URLs: []*url.URL{{Scheme: "http", Host: "127.0.0.1:9000"}},
		Settings: fleet.Settings{Interval: time.Second, MaxStale: 5 * time.Minute},
	}
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: api, Ticked: after(1e6)} // collecting never stops
	for _, e := range api.Endpoints() {
		v.Endpoints = append(v.Endpoints, fleet.EndpointView{Endpoint: e})
	}
	s.views = append(s.views, v)
	return len(s.views) - 1
}

// change gives an upstream another view, in which f has changed an endpoint.
func (s *scene) change(i int, e betanet.Endpoint, f func(*fleet.EndpointView)) {
	v := *s.views[i]
	v.Endpoints = append([]fleet.EndpointView(nil), v.Endpoints...)
	for j := range v.Endpoints {
		if v.Endpoints[j].Endpoint == e {
			f(&v.Endpoints[j])
		}
	}
	s.views[i] = &v
}

func (s *scene) fetched(i int, at float64, doc *betanet.Document) {
	s.change(i, doc.Endpoint, func(e *fleet.EndpointView) { e.Record = e.Fetched(doc, after(at)) })
}

func (s *scene) failed(i int, at float64, e betanet.Endpoint) {
	s.change(i, e, func(v *fleet.EndpointView) {
		v.Record = v.Failed(&betanet.Failure{Reason: betanet.ReasonConnect}, after(at))
	})
}

// point is the one taken at a moment.
func (s *scene) point(at float64) Point {
	s.history.Take(s.views, after(at))
	all := s.history.Points()
	return all[len(all)-1]
}

// past is the last hour of an upstream at a moment.
func (s *scene) past(i int, at float64) Hour { return s.history.Hour(s.views[i], after(at)) }

func packets(processed, dropped uint64) *betanet.Document {
	return betanettest.Metrics{PacketsProcessed: processed, PacketsDropped: dropped}.Doc()
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func value(x float64) *float64 { return &x }

var none *float64

func TestARateNeedsTwoDocuments(t *testing.T) {
	var s scene
	u := s.add(betanet.V1)
	want(t, "messages before the first", s.point(0).Messages, none)
	s.fetched(u, 1, packets(1000, 10))
	want(t, "messages after one", s.point(2).Messages, none)
	want(t, "loss after one", s.point(2).Loss, none)
	s.fetched(u, 11, packets(1300, 110))
	p := s.point(12)
	want(t, "messages after two", p.Messages, value(30))
	want(t, "dropped after two", p.Dropped, value(10))
	want(t, "loss after two", p.Loss, value(0.25))
	want(t, "messages without a new one", s.point(17).Messages, value(30))
	want(t, "bytes that were never given", p.BytesSent, none)
}

func TestARestartIsNoTraffic(t *testing.T) {
	var s scene
	u := s.add(betanet.V1)
	s.fetched(u, 0, packets(5000, 0))
	s.point(1)
	s.fetched(u, 10, packets(50, 0))
	want(t, "messages after a restart", s.point(11).Messages, value(5))
}

func TestAnOutageIsAGapAndNoPeak(t *testing.T) {
	var s scene
	u := s.add(betanet.V1)
	s.fetched(u, 0, packets(1000, 0))
	s.point(0)
	s.fetched(u, 10, packets(1100, 0))
	want(t, "messages before", s.point(10).Messages, value(10))
	s.failed(u, 20, betanet.Metrics)
	want(t, "messages during", s.point(20).Messages, none)
	s.fetched(u, 110, packets(2100, 0))
	want(t, "messages after", s.point(110).Messages, value(10))
}

func TestAFleetIsTheSumOfThoseThatAnswer(t *testing.T) {
	var s scene
	a, b := s.add(betanet.V1), s.add(betanet.V1)
	for _, u := range []int{a, b} {
		s.fetched(u, 0, packets(0, 0))
		s.fetched(u, 0, betanettest.Network{}.Doc())
	}
	s.point(0)
	s.fetched(a, 10, packets(100, 0))
	s.fetched(b, 10, packets(50, 50))
	s.fetched(a, 10, betanettest.Network{BytesTransmitted: 1000, BytesReceived: 500, AvgLatencyMS: new(100.0)}.Doc())
	s.fetched(b, 10, betanettest.Network{BytesTransmitted: 3000, BytesReceived: 1500, AvgLatencyMS: new(200.0)}.Doc())
	p := s.point(10)
	want(t, "messages", p.Messages, value(15))
	want(t, "loss", p.Loss, value(0.25))
	want(t, "sent", p.BytesSent, value(400))
	want(t, "received", p.BytesReceived, value(200))
	want(t, "latency", p.LatencySeconds, value(0.15000000000000002))
	s.failed(b, 15, betanet.Network)
	want(t, "sent without one", s.point(15).BytesSent, value(100))
	want(t, "latency without one", s.point(15).LatencySeconds, value(0.1))
	s.views = s.views[:1]
	want(t, "messages of the one that is left", s.point(16).Messages, value(10))
}

func TestLossIsOfUpstreamsThatCountDrops(t *testing.T) {
	var s scene
	a, b := s.add(betanet.V1), s.add(betanet.MixnodesAPI)
	node := func(at float64, n uint64) {
		s.fetched(b, at, betanettest.Mixnodes{{ID: "m", Status: "active", PacketsProcessed: n}}.Doc())
		s.views[b].Totals.Sums.Set(betanet.PacketsProcessed, n)
	}
	s.fetched(a, 0, packets(0, 0))
	node(0, 0)
	s.point(0)
	s.fetched(a, 10, packets(100, 100))
	node(10, 800)
	p := s.point(10)
	want(t, "messages", p.Messages, value(90))
	want(t, "loss", p.Loss, value(0.5))
}

// nodes gives a mixnodes upstream a document, and the sums that follow from it.
func (s *scene) nodes(u int, at float64, a *fleet.Accumulator, processed, dropped uint64, ms float64) {
	d := betanettest.Mixnodes{
		{ID: "m", Status: "active", PacketsProcessed: processed, PacketsDropped: &dropped, AvgLatencyMS: &ms},
		{ID: "idle", Status: "active", PacketsDropped: new(uint64), AvgLatencyMS: new(float64)},
	}.Doc()
	a.Fetched(nil, d)
	s.fetched(u, at, d)
	s.views[u].Totals = a.Totals
}

func TestDroppedPacketsOfMixnodesAreAmongThoseProcessed(t *testing.T) {
	for _, c := range []struct {
		dropped uint64
		want    float64
	}{{0, 0}, {10, 0.1}, {100, 1}} {
		var s scene
		u, a := s.add(betanet.MixnodesAPI), new(fleet.Accumulator)
		s.nodes(u, 0, a, 50, 5, 20)
		s.point(0)
		s.nodes(u, 10, a, 150, 5+c.dropped, 20)
		want(t, "loss", s.point(10).Loss, value(c.want))
		want(t, "loss of the upstream", s.past(u, 10).Recent.Loss, value(c.want))
	}
}

func TestTheLatencyOfMixnodesIsThatOfThePacketsBetweenTwoDocuments(t *testing.T) {
	var s scene
	u, a := s.add(betanet.MixnodesAPI), new(fleet.Accumulator)
	s.nodes(u, 0, a, 100, 0, 20)
	want(t, "latency after one", s.point(0).LatencySeconds, none)
	s.nodes(u, 10, a, 200, 0, 30)
	want(t, "latency after two", s.point(10).LatencySeconds, value(0.04))
	s.nodes(u, 20, a, 200, 0, 30)
	want(t, "latency without a packet", s.point(20).LatencySeconds, none)
	want(t, "messages of the upstream now", s.past(u, 20).Messages[Minutes-1], 5.0)
}

func TestWithoutTrafficThereIsNoLoss(t *testing.T) {
	var s scene
	u := s.add(betanet.V1)
	s.fetched(u, 0, packets(7, 7))
	s.point(0)
	s.fetched(u, 10, packets(7, 7))
	p := s.point(10)
	want(t, "messages", p.Messages, value(0))
	want(t, "loss", p.Loss, none)
}

func TestAnotherAddressIsAnotherUpstream(t *testing.T) {
	var s scene
	u := s.add(betanet.V1)
	s.fetched(u, 0, packets(0, 0))
	s.point(0)
	s.fetched(u, 10, packets(100, 0))
	moved := *s.views[u]
	moved.URL = &url.URL{Scheme: "http", Host: "127.0.0.2:9000"}
	s.views[u] = &moved
	want(t, "messages", s.point(10).Messages, none)
}

func TestUpstreamsAndBreakersAreCounted(t *testing.T) {
	var s scene
	up, stale, down := s.add(betanet.MixnodesAPI), s.add(betanet.MixnodesAPI), s.add(betanet.MixnodesAPI)
	s.add(betanet.MixnodesAPI)
	for _, u := range []int{up, stale} {
		s.fetched(u, 0, betanettest.Mixnodes{}.Doc())
	}
	for _, u := range []int{stale, down} {
		s.failed(u, 1, betanet.Mixnodes)
		s.change(u, betanet.Mixnodes, func(e *fleet.EndpointView) { e.Breaker = breaker.Open })
	}
	p := s.point(2)
	want(t, "up, stale, down, pending, breakers", []int{p.Up, p.Stale, p.Down, p.Pending, p.NotClosed}, []int{1, 1, 1, 1, 2})
	want(t, "upstreams", p.Upstreams, 4)
	// Values that have become too old make a stale one down.
	p = s.point(301)
	want(t, "up, stale, down", []int{p.Up, p.Stale, p.Down}, []int{1, 0, 2})
}

func TestATrendIsAnHour(t *testing.T) {
	var s scene
	for i := range KeptPoints + 5 {
		s.point(float64(i) * Step.Seconds())
	}
	all := s.history.Points()
	want(t, "points", len(all), 360)
	want(t, "the first", all[0].At, after(50))
	want(t, "the last", all[359].At, after(3640))
	for i := range all[1:] {
		if got := all[i+1].At.Sub(all[i].At); got != Step {
			t.Fatalf("from point %d to the next: got %v, want %v", i, got, Step)
		}
	}
}
