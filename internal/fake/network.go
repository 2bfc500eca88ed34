package fake

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// What the values look like. Walks are mean-reverting: each second they lose a
// part of their distance to the mean and take a random step.
const (
	packetsPerSecond = 150.0 // of a node of share 1
	idleEvery        = 4     // one node in so many has no packets; a service of three has none
	packetBytes      = 2048  // bytes; in a mix network all packets have one size
	minDropRatio     = 0.001
	maxDropRatio     = 0.005
	dropStep         = 0.0001

	day        = 24 * 60 * 60.0 // seconds
	dailySwing = 0.3
	loadBack   = 0.005
	loadStep   = 0.02

	meanLatency = 45.0 // ms
	latencyBack = 0.05
	latencyStep = 1.5
	minLatency  = 5.0
	spikeChance = 1.0 / 180 // in a second
	spikeDecay  = 0.7

	stopChance  = 1.0 / 300 // of a node in a second
	startChance = 1.0 / 30
)

// idStep is odd, so that an id does not come back within 2^64 lives.
const idStep = 0x9e3779b97f4a7c15

// network is the state of the simulated nodes at an age of the service. It
// moves in steps of one second whose rates are known at their begin, so the
// values depend on seed and age alone, not on when and how often they are read.
type network struct {
	seed   uint64
	life   uint64
	random *rand.Rand
	second int64   // whole seconds that have been lived
	part   float64 // of the present second, 0 <= part < 1
	phase  float64 // of the daily wave

	load    float64 // logarithm of how busy the network is
	latency float64 // ms, without the spike
	spike   float64 // ms
	// packetLatency is the average in ms of the packets in the present second.
	packetLatency float64
	peak          float64 // most packets forwarded in a second
	nodes         []*node

	conditions Conditions
}

type node struct {
	id            string
	random        *rand.Rand
	share         float64 // how much this node is used, beside others
	active        bool
	rate          float64 // packets in the present second
	drop          float64 // dropped packets for one that is forwarded, in usual conditions
	lost          float64 // part of all packets that is dropped in the present second
	forwarded     float64 // up to the present second
	dropped       float64
	delay         float64 // ms, of all packets up to the present second
	uptime        uint64  // seconds of activity
	latencyFactor float64
}

// newNetwork begins the given life of a service, counted from 0. Node ids differ
// from life to life, as those of the published server do; all else depends on
// the seed.
func newNetwork(seed uint64, nodes int, life uint64, c Conditions) *network {
	n := &network{seed: seed, life: life, conditions: c, random: rand.New(rand.NewPCG(seed, 0)), latency: meanLatency}
	n.phase = 2 * math.Pi * n.random.Float64()
	for range nodes {
		n.deploy()
	}
	n.begin()
	return n
}

// deploy adds a node that is idle until the next second; nil means that there
// are too many.
func (n *network) deploy() *node {
	if len(n.nodes) >= maxNodes {
		return nil
	}
	random := rand.New(rand.NewPCG(n.seed, uint64(len(n.nodes))+1))
	added := &node{
		id:            fmt.Sprintf("mixnode-%016x", random.Uint64()+n.life*idStep),
		random:        random,
		share:         0.5 + random.Float64(),
		drop:          minDropRatio + (maxDropRatio-minDropRatio)*random.Float64(),
		latencyFactor: 0.8 + 0.4*random.Float64(),
		active:        true,
	}
	if len(n.nodes)%idleEvery == idleEvery-1 {
		added.share = 0
	}
	n.nodes = append(n.nodes, added)
	return added
}

// advance moves the network to an age; it never moves back.
func (n *network) advance(age time.Duration) {
	whole, part := int64(age/time.Second), (age % time.Second).Seconds()
	for n.second < whole {
		n.finish()
		n.begin()
	}
	if n.second == whole {
		n.part = max(n.part, part)
	}
}

// finish adds the present second to the totals.
func (n *network) finish() {
	for i, one := range n.nodes {
		forwarded, dropped := one.counted(0)
		after, afterDropped := one.counted(1)
		one.delay += float64(after+afterDropped-forwarded-dropped) * n.nodeLatency(one)
		one.forwarded += one.rate * (1 - one.lost)
		one.dropped += one.rate * one.lost
		if n.runs(i) {
			one.uptime++
		}
	}
	n.second++
	n.part = 0
}

// begin decides the rates of the present second.
func (n *network) begin() {
	n.load += -loadBack*n.load + loadStep*n.random.NormFloat64()
	n.latency += latencyBack*(meanLatency-n.latency) + latencyStep*n.random.NormFloat64()
	n.latency = max(n.latency, minLatency)
	n.spike *= spikeDecay
	if n.random.Float64() < spikeChance {
		n.spike += meanLatency * (1 + 3*n.random.Float64())
	}

	n.packetLatency = n.averageLatency()
	n.flip()
	wave := 1 + dailySwing*math.Sin(2*math.Pi*float64(n.second)/day+n.phase)
	forwarded := 0.0
	for i, one := range n.nodes {
		one.rate = 0
		if n.runs(i) && !n.conditions.Idle {
			one.rate = packetsPerSecond * one.share * wave * math.Exp(n.load)
		}
		one.drop += dropStep * one.random.NormFloat64()
		one.drop = min(max(one.drop, minDropRatio), maxDropRatio)
		one.lost = max(one.drop/(1+one.drop), n.conditions.Loss)
		forwarded += one.rate * (1 - one.lost)
	}
	n.peak = max(n.peak, forwarded)
}

// flip stops and starts nodes, but never stops the last one.
func (n *network) flip() {
	active := 0
	for _, one := range n.nodes {
		if one.active {
			active++
		}
	}
	for _, one := range n.nodes {
		luck := one.random.Float64()
		switch {
		case one.active && luck < stopChance && active > 1:
			one.active = false
			active--
		case !one.active && luck < startChance:
			one.active = true
			active++
		}
	}
}

// packets are the counters of a node, with its part of the present second.
func (n *network) packets(one *node) (forwarded, dropped uint64) { return one.counted(n.part) }

// counted are the whole packets of a node up to a part of the present second.
func (one *node) counted(part float64) (forwarded, dropped uint64) {
	present := one.rate * part
	return uint64(one.forwarded + present*(1-one.lost)), uint64(one.dropped + present*one.lost)
}

// meanLatency is the mean over all packets of a node, in ms; 0 before the first.
func (n *network) meanLatency(one *node) float64 {
	began, beganDropped := one.counted(0)
	forwarded, dropped := n.packets(one)
	all := forwarded + dropped
	if all == 0 {
		return 0
	}
	return (one.delay + float64(all-began-beganDropped)*n.nodeLatency(one)) / float64(all)
}

// nodeLatency is that of the packets which a node has in the present second, in ms.
func (n *network) nodeLatency(one *node) float64 { return n.packetLatency * one.latencyFactor }
