package fleet

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Totals are accumulated over the documents of an upstream. Later documents do not
// change a copy.
type Totals struct {
	// Latency has at most one observation per document: with API v1 the average that the
	// document contains, with API mixnodes the mean of the packets since the previous
	// document. It is nil before the first observation and if the histogram is disabled.
	Latency *dto.Histogram

	// Sums are the counters summed over mixnodes, with API mixnodes only. All are 0
	// before the first node. From then on, a sum is unknown until the counter of a node
	// is known.
	Sums          betanet.Values
	PacketLatency LatencySum
}

// Accumulator computes the Totals of one upstream. It is not safe for concurrent use.
type Accumulator struct {
	Totals
	Histogram bool // compute Latency
	histogram *Histogram
	mixnodes  *mixnodeSums // nil before the first list of mixnodes
}

// Fetched adds a new document. before is the document that it replaces, nil for the
// first. reset reports whether a counter fell or a service restarted between them.
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
		a.mixnodes = newMixnodeSums(maxRetiredMixnodes)
	}
	s := a.mixnodes
	before := s.latency
	reset = s.add(list)
	// The packets of the first document may have been counted at any time.
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
