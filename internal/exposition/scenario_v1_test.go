package exposition

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// v1Data contains the documents of an upstream. The first ones are the baseline of the
// fleet's counters.
type v1Data struct {
	firstMetrics, metrics betanettest.Metrics
	nodes                 betanettest.Nodes
	firstNetwork, network betanettest.Network
	has, fails            [3]bool // by endpoint
}

func (s *scenario) drawV1(condition int) v1Data {
	d := v1Data{
		firstMetrics: betanettest.Metrics{PacketsProcessed: s.number(), PacketsDropped: s.number()},
		metrics:      betanettest.Metrics{PacketsProcessed: s.number(), PacketsDropped: s.number()},
		nodes:        betanettest.Nodes{Active: s.number(), Inactive: s.number(), Total: s.number()},
		firstNetwork: betanettest.Network{BytesTransmitted: s.number(), BytesReceived: s.number()},
		network:      betanettest.Network{BytesTransmitted: s.number(), BytesReceived: s.number(), AvgLatencyMS: new(s.Float64() * 10_000), PeakThroughput: s.number()},
		has:          [3]bool{true, true, true},
	}
	switch which := s.IntN(3); condition {
	case stale:
		d.fails[which] = true
	case partial:
		d.has[which], d.fails[which] = false, true
	case expired:
		d.fails = d.has
	case down:
		d.has, d.fails = d.fails, d.has
	case untried:
		d.has = d.fails
	}
	return d
}

// addV1 adds an upstream of API v1 in the given condition.
func (s *scenario) addV1(name string, condition int) {
	u, l := s.drawUpstream(name)
	v := &fleet.View{Upstream: u, API: betanet.V1}
	d := s.drawV1(condition)
	var seconds []float64
	a := fleet.Accumulator{Histogram: u.Settings.Histogram}
	for range 1 + s.IntN(20) {
		ms := []float64{0, 1, 5, 10, 1000, 1e7, s.Float64() * 6000, s.ExpFloat64() * 50}[s.IntN(8)]
		seconds = append(seconds, ms/1000)
		a.Fetched(nil, betanettest.Network{AvgLatencyMS: &ms}.Doc())
	}
	if d.has[2] {
		v.Totals = a.Totals
	}
	s.completeView(v, &l, condition)
	if condition != expired {
		s.publishV1Baseline(v, d)
	}
	for i, doc := range []*betanet.Document{d.metrics.Doc(), d.nodes.Doc(), d.network.Doc()} {
		if !d.has[i] {
			doc = nil
		}
		s.addEndpoint(v, doc, betanet.Endpoint(i), d.fails[i])
	}
	s.registry.Publish(v)
	s.expectState(v, l, condition != expired)
	if condition == expired {
		return
	}
	if d.has[0] {
		s.expectAll(l.replica, map[string]uint64{"messages_total": d.metrics.PacketsProcessed, "packets_dropped_total": d.metrics.PacketsDropped})
	}
	if n := d.nodes; d.has[1] {
		s.expectAll(l.replica, map[string]uint64{"connected_peers": n.Total, "mixnode_active": n.Active, "mixnode_inactive": n.Inactive})
		addTo(&s.peers, float64(n.Total))
		addTo(&s.active, float64(n.Active))
	}
	if n := d.network; d.has[2] {
		s.expectAll(l.replica, map[string]uint64{"bytes_transmitted_total": n.BytesTransmitted, "bytes_received_total": n.BytesReceived, "peak_throughput": n.PeakThroughput})
		s.expect("betanet_average_latency_seconds", *n.AvgLatencyMS/1000, l.replica)
		if u.Settings.Histogram {
			s.expectHistogram("betanet_message_latency_seconds", seconds, l.replica)
		}
	}
}

// publishV1Baseline publishes the baseline of the fleet's counters and adds their expected
// increases.
func (s *scenario) publishV1Baseline(v *fleet.View, d v1Data) {
	base := &fleet.View{Upstream: v.Upstream, URL: v.URL, API: v.API}
	if d.has[0] {
		base.Endpoints = append(base.Endpoints, fleet.EndpointView{Endpoint: betanet.Metrics, Record: snapshot.Record{}.Fetched(d.firstMetrics.Doc(), time.Now())})
		addTo(&s.messages, increase(d.firstMetrics.PacketsProcessed, d.metrics.PacketsProcessed))
		addTo(&s.forwarded, increase(d.firstMetrics.PacketsProcessed, d.metrics.PacketsProcessed))
		addTo(&s.dropped, increase(d.firstMetrics.PacketsDropped, d.metrics.PacketsDropped))
	}
	if d.has[2] {
		base.Endpoints = append(base.Endpoints, fleet.EndpointView{Endpoint: betanet.Network, Record: snapshot.Record{}.Fetched(d.firstNetwork.Doc(), time.Now())})
		addTo(&s.transmitted, increase(d.firstNetwork.BytesTransmitted, d.network.BytesTransmitted))
		addTo(&s.received, increase(d.firstNetwork.BytesReceived, d.network.BytesReceived))
	}
	s.registry.Publish(base)
}
