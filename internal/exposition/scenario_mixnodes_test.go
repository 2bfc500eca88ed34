package exposition

import (
	"fmt"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// drawMixnodes draws three documents. Nodes leave, come back and restart, and some
// do not send every field.
func (s *scenario) drawMixnodes() (docs [3]betanettest.Mixnodes) {
	n := 2 + s.IntN(4)
	for round := range docs {
		for i := range n {
			if i > 0 && s.IntN(4) == 0 {
				continue // missing in this document
			}
			m := betanettest.Mixnode{ID: fmt.Sprint(i, s.special()), Status: "stopped", PacketsProcessed: s.Uint64N(100_000)}
			if s.coin() {
				m.UptimeSeconds = new(s.Uint64N(1e5))
			}
			if round > 0 && i == 0 {
				m.ID = docs[0][0].ID // the first node is in every document
			}
			if i > 0 {
				m.ID = fmt.Sprint("node ", i, `"\`) // the others come back under the same id
			}
			if s.coin() {
				m.PacketsDropped = new(s.Uint64N(1000))
			}
			if s.coin() {
				m.PacketsForwarded = new(s.Uint64N(1000))
			}
			if len(docs[round]) < 2 {
				m.Status, m.AvgLatencyMS = "active", new(float64(125*s.IntN(50))) // sums of eighths are exact
			}
			docs[round] = append(docs[round], m)
		}
	}
	return docs
}

// addMixnodes adds an upstream of API mixnodes in the given condition.
func (s *scenario) addMixnodes(name string, condition int) {
	u, l := s.drawUpstream(name)
	v := &fleet.View{Upstream: u, API: betanet.MixnodesAPI}
	docs := s.drawMixnodes()
	// A node adds its first value and then its increases. It adds its whole value after a
	// restart, and nothing when it leaves.
	var base, sums nodeSums
	var baseTotals fleet.Totals
	last := make(map[string]lastSeen)
	var seconds []float64
	a := fleet.Accumulator{Histogram: u.Settings.Histogram}
	for i, d := range docs {
		a.Fetched(nil, d.Doc())
		before := sums
		for _, m := range d {
			last[m.ID] = sums.add(m, last[m.ID])
		}
		if packets := sums.packets - before.packets; i > 0 && packets > 0 {
			seconds = append(seconds, (sums.micros-before.micros)/packets/1e6)
		}
		if i == 0 {
			base, baseTotals = sums, a.Totals
		}
	}
	has, fails := condition != down && condition != untried, condition != good && condition != untried
	if condition == partial {
		condition = stale // there is only one endpoint
	}
	var doc *betanet.Document
	if has {
		v.Totals, doc = a.Totals, docs[2].Doc()
	}
	s.completeView(v, &l, condition)
	if has && condition != expired {
		s.registry.Publish(&fleet.View{Upstream: u, URL: v.URL, API: v.API, Totals: baseTotals, Endpoints: []fleet.EndpointView{{Endpoint: betanet.Mixnodes, Record: snapshot.Record{}.Fetched(docs[0].Doc(), time.Now())}}})
		addTo(&s.messages, sums.messages-base.messages)
		if base.sentDropped { // otherwise the last document is the baseline
			addTo(&s.dropped, sums.dropped-base.dropped)
		}
		if base.sentForwarded {
			addTo(&s.forwarded, sums.forwarded-base.forwarded)
		}
	}
	s.addEndpoint(v, doc, betanet.Mixnodes, fails)
	s.registry.Publish(v)
	s.expectState(v, l, condition != expired)
	if has && condition != expired {
		s.expectMixnodes(docs[2], sums, l)
		if u.Settings.Histogram && len(seconds) > 0 {
			s.expectHistogram("betanet_message_latency_seconds", seconds, l.replica)
		}
	}
}

// expectMixnodes adds the expected series of a document and the sums over all documents.
func (s *scenario) expectMixnodes(d betanettest.Mixnodes, sums nodeSums, l seriesLabels) {
	var active uint64
	for _, m := range d {
		if m.Status == "active" {
			active++
		}
		labels := pairs{"mixnode", m.ID}.and(l.replica...)
		s.expect("betanet_mixnode_up", boolValue(m.Status == "active"), labels)
		s.expect("betanet_mixnode_packets_processed_total", float64(m.PacketsProcessed), labels)
		for name, n := range map[string]*uint64{"uptime_seconds": m.UptimeSeconds, "packets_dropped_total": m.PacketsDropped, "packets_forwarded_total": m.PacketsForwarded} {
			if n != nil {
				s.expect("betanet_mixnode_"+name, float64(*n), labels)
			}
		}
		if m.AvgLatencyMS != nil && m.PacketsProcessed > 0 {
			s.expect("betanet_mixnode_average_latency_seconds", *m.AvgLatencyMS/1000, labels)
		}
	}
	peers := uint64(len(d))
	s.expectAll(l.replica, map[string]uint64{"connected_peers": peers, "mixnode_active": active, "mixnode_inactive": peers - active})
	addTo(&s.peers, float64(peers))
	addTo(&s.active, float64(active))
	s.expect("betanet_messages_total", sums.messages, l.replica)
	if sums.sentDropped {
		s.expect("betanet_packets_dropped_total", sums.dropped, l.replica)
	}
	if sums.sentForwarded {
		s.expect("betanet_packets_forwarded_total", sums.forwarded, l.replica)
	}
	s.expectSummary("betanet_packet_latency_seconds", sums.micros/1e6, uint64(sums.packets), l.replica)
	if ms, ok := betanet.MeanLatency(d.Doc().Mixnodes); ok { // MeanLatency is tested in its package
		s.expect("betanet_average_latency_seconds", ms/1000, l.replica)
	}
}

// nodeSums are sums over the mixnodes of an upstream.
type nodeSums struct {
	messages, dropped, forwarded, micros, packets float64
	sentDropped, sentForwarded                    bool
}

// lastSeen contains the last numbers of a node.
type lastSeen struct {
	processed, dropped, forwarded, uptime uint64
	micros, packets                       float64
}

// add adds the increases of a node's numbers over the last ones, and returns the new last
// ones.
func (s *nodeSums) add(m betanettest.Mixnode, last lastSeen) lastSeen {
	if m.PacketsProcessed < last.processed || m.UptimeSeconds != nil && *m.UptimeSeconds < last.uptime {
		last = lastSeen{}
	}
	if m.UptimeSeconds != nil {
		last.uptime = *m.UptimeSeconds
	}
	s.messages += increase(last.processed, m.PacketsProcessed)
	last.processed = m.PacketsProcessed
	var forwarded *uint64
	if m.PacketsDropped != nil {
		s.sentDropped = true
		s.dropped += increase(last.dropped, *m.PacketsDropped)
		last.dropped = *m.PacketsDropped
		if *m.PacketsDropped > m.PacketsProcessed {
			forwarded = new(uint64)
		} else {
			forwarded = new(m.PacketsProcessed - *m.PacketsDropped)
		}
	}
	if m.PacketsForwarded != nil {
		forwarded = m.PacketsForwarded
	}
	if forwarded != nil {
		s.sentForwarded = true
		s.forwarded += increase(last.forwarded, *forwarded)
		last.forwarded = *forwarded
	}
	if m.AvgLatencyMS != nil {
		packets := float64(m.PacketsProcessed)
		micros := *m.AvgLatencyMS * 1000 * packets
		s.micros += max(0, micros-last.micros)
		s.packets += packets - last.packets
		last.micros, last.packets = max(micros, last.micros), packets
	}
	return last
}
