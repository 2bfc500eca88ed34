package fleet

import (
	"cmp"
	"math"
	"slices"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// maxRetiredMixnodes limits how many mixnodes that left are remembered per upstream.
const maxRetiredMixnodes = 1000

// nodeCounters is the number of counters of a mixnode, which are the first fields.
const nodeCounters = betanet.PacketsForwarded + 1

// LatencySum is the total latency of a number of packets.
type LatencySum struct {
	Microseconds uint64
	Packets      uint64
}

// Seconds returns the sum in seconds.
func (s LatencySum) Seconds() float64 { return float64(s.Microseconds) / 1e6 }

// mixnodeSums sums the counters of the mixnodes of one upstream. The sums grow by the
// increases of each node, so that they do not fall when a node leaves or restarts. A
// new node adds all of its packets; a node that comes back continues from its last
// values. It is not safe for concurrent use.
type mixnodeSums struct {
	sums    betanet.Values // only counters that a node has sent; before the first node, all counters at 0
	latency LatencySum

	maxRetired int // maximum number of nodes to remember after they left
	nodes      map[string]mixnodeState
	document   uint64 // number of the current document, from 1
	lastListed uint64 // number of the last document with a node, 0 before the first
}

// mixnodeState is the last state of one node.
type mixnodeState struct {
	document      uint64 // number of the last document that listed it
	counters      [nodeCounters]uint64
	uptime        uint64
	forwardedSent bool       // the packets forwarded were sent, not computed as processed - dropped
	latency       LatencySum // Microseconds is the highest since the node started
}

func newMixnodeSums(maxRetired int) *mixnodeSums {
	s := &mixnodeSums{maxRetired: maxRetired, nodes: make(map[string]mixnodeState)}
	s.sums.Set(betanet.PacketsProcessed, 0)
	s.sums.Set(betanet.PacketsDropped, 0)
	s.sums.Set(betanet.PacketsForwarded, 0)
	return s
}

// add adds the increases that a document shows. reset reports whether it shows a
// restart or a counter that fell.
func (s *mixnodeSums) add(list []betanet.Mixnode) (reset bool) {
	s.document++
	first := s.lastListed == 0
	if first && len(list) > 0 {
		s.sums = betanet.Values{} // from now on, only counters that a node has sent
	}
	known := first // whether a node was in the last document with a node
	for i := range list {
		last, seen := s.nodes[list[i].ID]
		known = known || seen && last.document == s.lastListed
		fell := s.addNode(&list[i], &last)
		reset = reset || fell
		last.document = s.document
		s.nodes[list[i].ID] = last
	}
	if len(list) > 0 {
		// A server that restarted gives every node a new id, so nothing falls.
		reset = reset || !known
		s.lastListed = s.document
	}
	s.forgetOldest()
	return reset
}

// addNode adds the increases of one node and updates its last state.
func (s *mixnodeSums) addNode(n *betanet.Mixnode, last *mixnodeState) (fell bool) {
	processed, uptime := n.Get(betanet.PacketsProcessed), n.Uint(betanet.Uptime)
	if processed < last.counters[betanet.PacketsProcessed] || uptime != nil && *uptime < last.uptime {
		*last = mixnodeState{} // the node restarted: all of its counters start at 0
		fell = true
	}
	if uptime != nil {
		last.uptime = *uptime
	}
	for f := range nodeCounters {
		sent := n.Uint(f) != nil
		value, ok := n.Get(f), sent
		if f == betanet.PacketsForwarded {
			value, ok = n.Forwarded()
		}
		if !ok {
			continue
		}
		less := grow(&s.sums, &last.counters, f, value)
		if f == betanet.PacketsForwarded {
			less = less && sent && last.forwardedSent // a computed number may fall
			last.forwardedSent = sent
		}
		fell = fell || less
	}
	if ms, ok := n.Float(betanet.AvgLatency); ok {
		s.addLatency(latencyMicroseconds(ms, processed), processed, &last.latency)
	}
	return fell
}

// addLatency adds the latency of a node's new packets. A total can be lower than before
// because the mean is rounded: nothing is added until it exceeds the highest total.
func (s *mixnodeSums) addLatency(microseconds, packets uint64, last *LatencySum) {
	s.latency.Microseconds = addSaturated(s.latency.Microseconds, microseconds-min(microseconds, last.Microseconds))
	s.latency.Packets = addSaturated(s.latency.Packets, packets-last.Packets)
	*last = LatencySum{max(microseconds, last.Microseconds), packets}
}

// grow adds the increase of one counter to its sum and reports whether it fell.
func grow(sums *betanet.Values, last *[nodeCounters]uint64, f betanet.Field, value uint64) (fell bool) {
	sums.Set(f, addSaturated(sums.Get(f), Increase(last[f], value)))
	fell = value < last[f]
	last[f] = value
	return fell
}

// latencyMicroseconds returns the total latency of a node's packets. It saturates.
func latencyMicroseconds(avgMS float64, packets uint64) uint64 {
	sum := math.Round(avgMS * 1000 * float64(packets))
	if !(sum < math.MaxUint64) {
		return math.MaxUint64
	}
	return uint64(sum)
}

// forgetOldest forgets the nodes that left first if more than maxRetired have left.
func (s *mixnodeSums) forgetOldest() {
	var left []string
	for id, n := range s.nodes {
		if n.document != s.document {
			left = append(left, id)
		}
	}
	if len(left) <= s.maxRetired {
		return
	}
	slices.SortFunc(left, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.nodes[a].document, s.nodes[b].document), cmp.Compare(a, b))
	})
	for _, id := range left[:len(left)-s.maxRetired] {
		delete(s.nodes, id)
	}
}

// Increase returns the increase of a counter. A counter that fell has restarted from 0.
func Increase(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// addSaturated returns a + b, or the largest number if the sum overflows.
func addSaturated(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
