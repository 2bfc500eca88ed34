package fleet

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Totals are what grows over the documents of an upstream. It is a value.
type Totals struct {
	// Latency has one observation for each document: of API v1 its average, of API
	// mixnodes the mean of the packets since the document before. It is nil without
	// an observation, and where it is not wanted.
	Latency *dto.Histogram

	// Sums over mixnodes, of API mixnodes only.
	Messages, Dropped, Forwarded uint64
	DroppedKnown, ForwardedKnown bool // false while nodes were seen and none gave the number
	PacketLatency                LatencySum
}

// Accumulator makes the Totals of one upstream. It is not safe for concurrent
// use.
type Accumulator struct {
	Totals
	Histogram bool // keep Latency
	histogram *Histogram
	mixnodes  *mixnodeSums // nil before the first document of API mixnodes
}

// Fetched adds a fresh document. before is the one that it replaces, nil if there
// is none. reset reports whether a counter fell or a service restarted between
// the two.
func (a *Accumulator) Fetched(before, doc betanet.Document) (reset bool) {
	switch d := doc.(type) {
	case *betanet.MetricsDoc:
		if b, ok := before.(*betanet.MetricsDoc); ok {
			return d.PacketsProcessed < b.PacketsProcessed || d.PacketsDropped < b.PacketsDropped
		}
	case *betanet.NetworkDoc:
		if d.AvgLatencyMS != nil {
			a.observe(*d.AvgLatencyMS / 1000)
		}
		if b, ok := before.(*betanet.NetworkDoc); ok {
			return d.BytesTransmitted < b.BytesTransmitted || d.BytesReceived < b.BytesReceived
		}
	case betanet.MixnodesDoc:
		return a.fetchedMixnodes(d)
	}
	return false
}

func (a *Accumulator) fetchedMixnodes(d betanet.MixnodesDoc) (reset bool) {
	first := a.mixnodes == nil
	if first {
		a.mixnodes = newMixnodeSums(maxRetired)
	}
	s := a.mixnodes
	before := s.latency
	reset = s.add(d)
	// The first document tells nothing about when its packets were counted.
	if packets := s.latency.Packets - before.Packets; !first && packets > 0 {
		a.observe(float64(s.latency.Microseconds-before.Microseconds) / float64(packets) / 1e6)
	}
	none := s.lastListed == 0
	a.Messages, a.Dropped, a.Forwarded, a.PacketLatency = s.messages, s.dropped, s.forwarded, s.latency
	a.DroppedKnown, a.ForwardedKnown = s.gaveDropped || none, s.gaveForwarded || none
	return reset
}

func (a *Accumulator) observe(seconds float64) {
	if !a.Histogram {
		return
	}
	if a.histogram == nil {
		a.histogram = new(NewHistogram())
	}
	a.histogram.Observe(seconds)
	a.Latency = a.histogram.Snapshot()
}
