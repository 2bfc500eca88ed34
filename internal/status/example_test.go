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

// noon is the time of the examples in docs/status-api.md.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// exampleAt returns the fleet of the examples in docs/status-api.md after half a minute:
// a stale upstream with API v1, and a healthy one with API mixnodes and two replicas.
func exampleAt(now time.Time) *Model {
	settings := fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute, Histogram: true}
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	host := func(h string) *url.URL { return &url.URL{Scheme: "http", Host: h} }
	h := new(history.History)

	edge := &fleet.Upstream{
		Name: "edge-1", URLs: []*url.URL{host("10.0.0.1:9000")}, API: betanet.V1, Settings: settings,
		Labels: []fleet.Label{{Name: "region", Value: "eu"}},
	}
	refused := &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("fetch metrics: dial tcp 10.0.0.1:9000: connect: connection refused")}
	latencies := fleet.NewHistogram()
	latencies.Observe(0.035)
	stale := func(metrics, network snapshot.Record) *fleet.View {
		v := &fleet.View{Upstream: edge, URL: edge.URLs[0], API: betanet.V1, Collected: true, Ticked: at(-5), Polled: true, Totals: fleet.Totals{Latency: latencies.Snapshot()}}
		v.Endpoints = []fleet.EndpointView{
			{Endpoint: betanet.Metrics, Record: metrics, Breaker: breaker.Open, OpenUntil: at(12), Next: at(12), Attempts: 19},
			{Endpoint: betanet.Network, Record: network, Next: at(10), Attempts: 14},
		}
		return v
	}
	packets := snapshot.Record{}.Fetched(betanettest.Metrics{PacketsProcessed: 5000, PacketsDropped: 10}.Doc(), at(-80))
	network := betanettest.Network{BytesTransmitted: 90_000, BytesReceived: 70_000, AvgLatencyMS: new(35.0), PeakThroughput: 2000}.Doc()

	core := &fleet.Upstream{Name: "core", URLs: []*url.URL{host("10.0.1.1:8080"), host("10.0.1.2:8080")}, API: betanet.MixnodesAPI, Settings: settings}
	healthy := func(s int, processed uint64) *fleet.View {
		dropped, ms := uint64(7), 12.5
		var totals fleet.Totals
		totals.Sums.Set(betanet.PacketsProcessed, processed)
		totals.Sums.Set(betanet.PacketsDropped, 7)
		totals.Sums.Set(betanet.PacketsForwarded, processed-7)
		totals.PacketLatency = fleet.LatencySum{Microseconds: processed * 12_500, Packets: processed}
		v := &fleet.View{
			Upstream: core, URL: core.URLs[1], Replica: "10.0.1.2:8080", API: betanet.MixnodesAPI, Collected: true, Ticked: at(s), Switches: 1, Polled: true, Totals: totals,
			Standby: []fleet.Standby{{Replica: "10.0.1.1:8080", Endpoint: betanet.Mixnodes, Breaker: breaker.HalfOpen, Tried: true}},
		}
		v.Endpoints = []fleet.EndpointView{{
			Endpoint: betanet.Mixnodes, Next: at(12), Attempts: 14,
			Record: snapshot.Record{}.Fetched(betanettest.Mixnodes{
				{ID: "mix-a", Status: "active", PacketsProcessed: processed, PacketsDropped: &dropped, UptimeSeconds: new(uint64(3600)), AvgLatencyMS: &ms},
				{ID: "mix-b", Status: "stopped", UptimeSeconds: new(uint64(60))},
			}.Doc(), at(s)),
		}}
		return v
	}

	h.Events.Add(history.Event{Time: at(-70), Upstream: "core", Kind: history.Switched, Text: "from 10.0.1.1:8080 to 10.0.1.2:8080"})
	h.Events.Add(history.Event{Time: at(-65), Upstream: "edge-1", Endpoint: "metrics", Kind: history.WentStale, Reason: "connect", Text: refused.Error()})
	h.Ended(stale(packets.Failed(refused, at(-65)), snapshot.Record{}.Fetched(network, at(-65))), at(-65))
	current := stale(packets.Failed(refused, at(-65)), snapshot.Record{}.Fetched(network, at(-5)))
	h.Ended(healthy(-18, 600), at(-18))
	h.Take([]*fleet.View{healthy(-18, 600), current}, at(-14))
	h.Take([]*fleet.View{healthy(-3, 900), current}, at(-3))
	m := modelOf(healthy(-3, 900), current)
	m.History = h
	return m
}
