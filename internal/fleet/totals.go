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

	// Sums of counters over mixnodes, of API mixnodes only. One is unknown while nodes
	// were seen and none gave it.
	Sums          betanet.Values
	PacketLatency LatencySum
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
func (a *Accumulator) Fetched(before, doc *betanet.Document) (reset bool) {
	if doc.Endpoint == betanet.Mixnodes {
		return a.fetchedMixnodes(doc.Mixnodes)
	}
	if seconds, ok := doc.Metric(betanet.AvgLatency); ok {
		a.observe(seconds)
	}
	return before != nil && doc.Fell(&before.Values)
}

func (a *Accumulator) fetchedMixnodes(list []betanet.Mixnode) (reset bool) {
	first := a.mixnodes == nil
	if first {
		a.mixnodes = newMixnodeSums(maxRetired)
	}
	s := a.mixnodes
	before := s.latency
	reset = s.add(list)
	// The first document tells nothing about when its packets were counted.
	if packets := s.latency.Packets - before.Packets; !first && packets > 0 {
		a.observe(float64(s.latency.Microseconds-before.Microseconds) / float64(packets) / 1e6)
	}
	a.Sums, a.PacketLatency = s.sums, s.latency
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
