package status

import (
	"errors"
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// noon is the moment of the scene.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// scene is a fleet of two at noon: one of the API v1 that is stale, and one with
// replicas of the API mixnodes that is well.
func scene() (views []*fleet.View, points []history.Point, past *history.History) {
	settings := fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute, Histogram: true}
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	host := func(h string) *url.URL { return &url.URL{Scheme: "http", Host: h} }

	edge := &fleet.Upstream{
		Name: "edge-1", URLs: []*url.URL{host("10.0.0.1:9000")}, API: betanet.V1, Settings: settings,
		Labels: []fleet.Label{{Name: "region", Value: "eu"}},
	}
	refused := &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("fetch metrics: dial tcp 10.0.0.1:9000: connect: connection refused")}
	stale := &fleet.View{Upstream: edge, URL: edge.URLs[0], API: betanet.V1, Collected: true, Ticked: at(-5)}
	h := fleet.NewHistogram()
	h.Observe(0.035)
	stale.Totals.Latency = h.Snapshot()
	stale.Endpoints = []fleet.EndpointView{
		{
			Endpoint: betanet.Metrics, Breaker: breaker.Open, OpenUntil: at(12), Next: at(12), Attempts: 19,
			Record: snapshot.Record{}.Fetched(betanettest.Metrics{PacketsProcessed: 5000, PacketsDropped: 10}.Doc(), at(-80)).Failed(refused, at(-65)),
		},
		{
			Endpoint: betanet.Network, Next: at(10), Attempts: 14,
			Record: snapshot.Record{}.Fetched(betanettest.Network{BytesTransmitted: 90_000, BytesReceived: 70_000, AvgLatencyMS: new(35.0), PeakThroughput: 2000}.Doc(), at(-5)),
		},
	}

	core := &fleet.Upstream{Name: "core", URLs: []*url.URL{host("10.0.1.1:8080"), host("10.0.1.2:8080")}, API: betanet.MixnodesAPI, Settings: settings}
	dropped, ms := uint64(7), 12.5
	well := &fleet.View{
		Upstream: core, URL: core.URLs[1], Replica: "10.0.1.2:8080", API: betanet.MixnodesAPI, Collected: true, Ticked: at(-3), Switches: 1,
		Standby: []fleet.Standby{{Replica: "10.0.1.1:8080", Endpoint: betanet.Mixnodes, Breaker: breaker.HalfOpen}},
	}
	well.Totals.Sums.Set(betanet.PacketsProcessed, 900)
	well.Totals.Sums.Set(betanet.PacketsDropped, 7)
	well.Endpoints = []fleet.EndpointView{{
		Endpoint: betanet.Mixnodes, Next: at(12), Attempts: 14,
		Record: snapshot.Record{}.Fetched(betanettest.Mixnodes{
			{ID: "mix-a", Status: "active", PacketsProcessed: 900, PacketsDropped: &dropped, UptimeSeconds: new(uint64(3600)), AvgLatencyMS: &ms},
			{ID: "mix-b", Status: "stopped", UptimeSeconds: new(uint64(60))},
		}.Doc(), at(-3)),
	}}

	rate, loss, latency := 120.5, 0.002, 0.0125
	past = new(history.History)
	past.Events.Add(history.Event{At: at(-70), Upstream: "core", Kind: history.Switched, Text: "from 10.0.1.1:8080 to 10.0.1.2:8080"})
	past.Events.Add(history.Event{At: at(-65), Upstream: "edge-1", Endpoint: "metrics", Kind: history.Stale, Reason: "connect", Text: refused.Error()})
	points = []history.Point{
		{At: at(-14), Stale: 1, Pending: 1, NotClosed: 1},
		{
			At: at(-4), Up: 1, Stale: 1, NotClosed: 1, Messages: &rate, Dropped: &loss, BytesSent: &rate, BytesReceived: &rate,
			Loss: &loss, LatencySeconds: &latency,
		},
	}
	return []*fleet.View{well, stale}, points, past
}
