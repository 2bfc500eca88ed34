package history

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

var begin = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// after returns the time s seconds after begin.
func after(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }

// fixture is a history and the current views of its upstreams.
type fixture struct {
	history History
	views   []*fleet.View
}

// add adds an upstream that has not been tried yet, and returns its index.
func (s *fixture) add(api betanet.API) int {
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

// change replaces the view of an upstream with one in which f has changed an endpoint.
func (s *fixture) change(i int, e betanet.Endpoint, f func(*fleet.EndpointView)) {
	v := *s.views[i]
	v.Endpoints = slices.Clone(v.Endpoints)
	for j := range v.Endpoints {
		if v.Endpoints[j].Endpoint == e {
			f(&v.Endpoints[j])
		}
	}
	s.views[i] = &v
}

func (s *fixture) fetched(i int, at float64, doc *betanet.Document) {
	s.change(i, doc.Endpoint, func(e *fleet.EndpointView) { e.Record = e.Fetched(doc, after(at)) })
}

func (s *fixture) failed(i int, at float64, e betanet.Endpoint, reason betanet.Reason) {
	s.change(i, e, func(v *fleet.EndpointView) { v.Record = v.Failed(&betanet.Failure{Reason: reason}, after(at)) })
}

// point takes a step and returns its point.
func (s *fixture) point(at float64) Point {
	s.history.Take(s.views, after(at))
	all := s.history.Points()
	return all[len(all)-1]
}

func (s *fixture) hour(i int, at float64) Hour { return s.history.Hour(s.views[i], after(at)) }

func packets(processed, dropped uint64) *betanet.Document {
	return betanettest.Metrics{PacketsProcessed: processed, PacketsDropped: dropped}.Doc()
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var unknownValue *float64

func TestRatesAreMeasuredBetweenDocuments(t *testing.T) {
	none := math.NaN()
	type step struct {
		at                      float64
		change                  func(s *fixture, at float64) // a second before the point
		messages, dropped, loss float64
	}
	document := func(processed, dropped uint64) func(*fixture, float64) {
		return func(s *fixture, at float64) { s.fetched(0, at, packets(processed, dropped)) }
	}
	failure := func(s *fixture, at float64) { s.failed(0, at, betanet.Metrics, betanet.ReasonConnect) }
	move := func(s *fixture, _ float64) {
		moved := *s.views[0]
		moved.URL = &url.URL{Scheme: "http", Host: "127.0.0.2:9000"}
		s.views[0] = &moved
	}
	nothing := func(*fixture, float64) {}
	for name, steps := range map[string][]step{
		"a rate needs two documents": {
			{0, nothing, none, none, none},
			{2, document(1000, 10), none, none, none},
			{12, document(1300, 110), 30, 10, 0.25},
			{17, nothing, 30, 10, 0.25},
		},
		"a restart is not traffic": {{0, document(5000, 0), none, none, none}, {10, document(50, 0), 5, 0, 0}},
		"no loss without traffic":  {{0, document(7, 7), none, none, none}, {10, document(7, 7), 0, 0, none}},
		"another URL starts again": {{0, document(0, 0), none, none, none}, {10, document(100, 0), 10, 0, 0}, {20, move, none, none, none}},
		"an outage is a gap and causes no peak": {
			{0, document(1000, 0), none, none, none},
			{10, document(1100, 0), 10, 0, 0},
			{20, failure, none, none, none},
			{110, document(2100, 0), 10, 0, 0},
		},
	} {
		var s fixture
		s.add(betanet.V1)
		for _, step := range steps {
			step.change(&s, step.at-1)
			p := s.point(step.at)
			want(t, fmt.Sprint(name, ", at ", step.at), []*float64{p.Messages, p.Dropped, p.Loss, p.BytesSent}, []*float64{known(step.messages), known(step.dropped), known(step.loss), nil})
		}
	}
}

func TestAPointSumsUpTheUpstreamsThatRespond(t *testing.T) {
	var s fixture
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
	want(t, "messages", p.Messages, known(15))
	want(t, "loss", p.Loss, known(0.25))
	want(t, "sent", p.BytesSent, known(400))
	want(t, "received", p.BytesReceived, known(200))
	want(t, "latency", p.LatencySeconds, known(0.15000000000000002))
	s.failed(b, 15, betanet.Network, betanet.ReasonConnect)
	want(t, "sent, with one failing", s.point(15).BytesSent, known(100))
	want(t, "latency, with one failing", s.point(15).LatencySeconds, known(0.1))
	s.views = s.views[:1]
	want(t, "messages, with one removed", s.point(16).Messages, known(10))
}

func TestLossCoversOnlyUpstreamsThatCountDrops(t *testing.T) {
	var s fixture
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
	want(t, "messages", p.Messages, known(90))
	want(t, "loss", p.Loss, known(0.5))
}

// nodes fetches a document of an upstream with API mixnodes and updates its totals.
func (s *fixture) nodes(u int, at float64, a *fleet.Accumulator, processed, dropped uint64, ms float64) {
	d := betanettest.Mixnodes{
		{ID: "m", Status: "active", PacketsProcessed: processed, PacketsDropped: &dropped, AvgLatencyMS: &ms},
		{ID: "idle", Status: "active", PacketsDropped: new(uint64), AvgLatencyMS: new(float64)},
	}.Doc()
	a.Fetched(nil, d)
	s.fetched(u, at, d)
	s.views[u].Totals = a.Totals
}

func TestPacketsProcessedByMixnodesIncludeDroppedPackets(t *testing.T) {
	for _, c := range []struct {
		dropped uint64
		want    float64
	}{{0, 0}, {10, 0.1}, {100, 1}} {
		var s fixture
		u, a := s.add(betanet.MixnodesAPI), new(fleet.Accumulator)
		s.nodes(u, 0, a, 50, 5, 20)
		s.point(0)
		s.nodes(u, 10, a, 150, 5+c.dropped, 20)
		want(t, "loss", s.point(10).Loss, known(c.want))
		want(t, "loss of the upstream", s.hour(u, 10).Recent.Loss, known(c.want))
	}
}

func TestTheLatencyOfMixnodesIsTheMeanBetweenTwoDocuments(t *testing.T) {
	var s fixture
	u, a := s.add(betanet.MixnodesAPI), new(fleet.Accumulator)
	s.nodes(u, 0, a, 100, 0, 20)
	want(t, "latency after one document", s.point(0).LatencySeconds, unknownValue)
	s.nodes(u, 10, a, 200, 0, 30)
	want(t, "latency after two documents", s.point(10).LatencySeconds, known(0.04))
	s.nodes(u, 20, a, 200, 0, 30)
	want(t, "latency without packets", s.point(20).LatencySeconds, unknownValue)
	want(t, "messages of the upstream now", s.hour(u, 20).Messages[Minutes-1], 5.0)
}

func TestUpstreamsAndBreakersAreCounted(t *testing.T) {
	var s fixture
	up, stale, down := s.add(betanet.MixnodesAPI), s.add(betanet.MixnodesAPI), s.add(betanet.MixnodesAPI)
	s.add(betanet.MixnodesAPI)
	for _, u := range []int{up, stale} {
		s.fetched(u, 0, betanettest.Mixnodes{}.Doc())
	}
	for _, u := range []int{stale, down} {
		s.failed(u, 1, betanet.Mixnodes, betanet.ReasonConnect)
		s.change(u, betanet.Mixnodes, func(e *fleet.EndpointView) { e.Breaker = breaker.Open })
	}
	p := s.point(2)
	want(t, "up, stale, down, pending, breakers", []int{p.Up, p.Stale, p.Down, p.Pending, p.NotClosed}, []int{1, 1, 1, 1, 2})
	want(t, "upstreams", p.Upstreams, 4)
	// A stale upstream whose values expire is down.
	p = s.point(301)
	want(t, "up, stale, down", []int{p.Up, p.Stale, p.Down}, []int{1, 0, 2})
}

func TestPointsCoverAnHour(t *testing.T) {
	var s fixture
	for i := range KeptPoints + 5 {
		s.point(float64(i) * Step.Seconds())
	}
	all := s.history.Points()
	want(t, "points", len(all), 360)
	want(t, "first point", all[0].At, after(50))
	want(t, "last point", all[359].At, after(3640))
	for i := range all[1:] {
		if got := all[i+1].At.Sub(all[i].At); got != Step {
			t.Fatalf("from point %d to the next: got %v, want %v", i, got, Step)
		}
	}
}
