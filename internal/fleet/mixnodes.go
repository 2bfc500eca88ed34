package fleet

import (
	"cmp"
	"math"
	"slices"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// maxRetired is how many mixnodes that left are remembered per upstream.
const maxRetired = 1000

// LatencySum is the latency of packets, added up.
type LatencySum struct {
	Microseconds uint64
	Packets      uint64
}

// Seconds returns the sum in seconds.
func (s LatencySum) Seconds() float64 { return float64(s.Microseconds) / 1e6 }

// mixnodeSums adds up the counters of the mixnodes of one upstream. The sums grow
// by the increases of each node, so that they do not fall when a node leaves or
// restarts. A node that appears adds all of its packets, one that comes back
// continues from its last values. It is not safe for concurrent use.
type mixnodeSums struct {
	messages, dropped, forwarded uint64
	latency                      LatencySum

	gaveDropped, gaveForwarded bool // a node has given the number
	retired                    int  // how many nodes that left are remembered
	nodes                      map[string]mixnodeState
	document                   uint64 // number of the current document, from 1
	lastListed                 uint64 // number of the last document with a node, 0 before the first
}

// mixnodeState is what was last seen of one node.
type mixnodeState struct {
	document                      uint64 // in which it was last listed
	processed, dropped, forwarded uint64
	uptime                        uint64
	forwardedSent                 bool       // forwarded is the node's own number, not processed - dropped
	latency                       LatencySum // Microseconds is the highest since the node started
}

func newMixnodeSums(retired int) *mixnodeSums {
	return &mixnodeSums{retired: retired, nodes: make(map[string]mixnodeState)}
}

// add adds the increases of a document. reset reports whether it shows a restart
// or a counter that fell.
func (s *mixnodeSums) add(d betanet.MixnodesDoc) (reset bool) {
	s.document++
	known := s.lastListed == 0
	for i := range d {
		last, seen := s.nodes[d[i].ID]
		known = known || seen && last.document == s.lastListed
		fell := s.addNode(&d[i], &last)
		reset = reset || fell
		last.document = s.document
		s.nodes[d[i].ID] = last
	}
	if len(d) > 0 {
		// A server that restarted gives every node a new id, so nothing falls.
		reset = reset || !known
		s.lastListed = s.document
	}
	s.forgetOldest()
	return reset
}

// addNode adds the increases of one node and updates what was last seen of it.
func (s *mixnodeSums) addNode(n *betanet.Mixnode, last *mixnodeState) (fell bool) {
	if n.PacketsProcessed < last.processed || n.UptimeSeconds != nil && *n.UptimeSeconds < last.uptime {
		*last = mixnodeState{} // the node restarted: all of its counters start at 0
		fell = true
	}
	grow(&s.messages, &last.processed, n.PacketsProcessed)
	if n.UptimeSeconds != nil {
		last.uptime = *n.UptimeSeconds
	}
	if n.PacketsDropped != nil {
		s.gaveDropped = true
		fell = grow(&s.dropped, &last.dropped, *n.PacketsDropped) || fell
	}
	if forwarded, ok := n.Forwarded(); ok {
		s.gaveForwarded = true
		sent := n.PacketsForwarded != nil
		less := grow(&s.forwarded, &last.forwarded, forwarded)
		fell = fell || less && sent && last.forwardedSent
		last.forwardedSent = sent
	}
	if n.AvgLatencyMS != nil {
		s.addLatency(latencyMicroseconds(*n.AvgLatencyMS, n.PacketsProcessed), n.PacketsProcessed, &last.latency)
	}
	return fell
}

// addLatency adds the latency of a node's new packets. A sum that is lower than
// before is a rounded mean: it adds nothing until it has caught up.
func (s *mixnodeSums) addLatency(microseconds, packets uint64, last *LatencySum) {
	s.latency.Microseconds = addSaturated(s.latency.Microseconds, microseconds-min(microseconds, last.Microseconds))
	s.latency.Packets = addSaturated(s.latency.Packets, packets-last.Packets)
	*last = LatencySum{max(microseconds, last.Microseconds), packets}
}

// grow adds the increase of one counter to a sum and reports whether it fell.
func grow(sum, last *uint64, value uint64) (fell bool) {
	fell = value < *last
	*sum = addSaturated(*sum, Increase(*last, value))
	*last = value
	return fell
}

// latencyMicroseconds returns the latency of a node's packets, added up.
func latencyMicroseconds(avgMS float64, packets uint64) uint64 {
	sum := math.Round(avgMS * 1000 * float64(packets))
	if !(sum < math.MaxUint64) {
		return math.MaxUint64
	}
	return uint64(sum)
}

// forgetOldest forgets those nodes that left first, if too many have.
func (s *mixnodeSums) forgetOldest() {
	var left []string
	for id, n := range s.nodes {
		if n.document != s.document {
			left = append(left, id)
		}
	}
	if len(left) <= s.retired {
		return
	}
	slices.SortFunc(left, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.nodes[a].document, s.nodes[b].document), cmp.Compare(a, b))
	})
	for _, id := range left[:len(left)-s.retired] {
		delete(s.nodes, id)
	}
}

// Increase returns by how much a counter grew. One that fell has started again
// at 0.
func Increase(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// addSaturated adds without wrapping, which would be a fall.
func addSaturated(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
