package fake

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Parameters of the simulated values. Random walks are mean-reverting: each second they lose a part of their distance to
// the mean and take a random step.
const (
	packetsPerSecond = 150.0 // for a node of weight 1
	idleEvery        = 4     // every fourth node has no packets
	packetBytes      = 2048  // in a mix network all packets have one size
	minDropRatio     = 0.001
	maxDropRatio     = 0.005
	dropStep         = 0.0001

	day           = 24 * 60 * 60.0 // seconds
	dailySwing    = 0.3
	loadReversion = 0.005
	loadStep      = 0.02

	meanLatency      = 45.0 // ms
	latencyReversion = 0.05
	latencyStep      = 1.5
	minLatency       = 5.0
	spikeChance      = 1.0 / 180 // per second
	spikeDecay       = 0.7

	stopChance  = 1.0 / 300 // per node and second
	startChance = 1.0 / 30
)

// idStep is odd, so that ids do not repeat within 2^64 restarts.
const idStep = 0x9e3779b97f4a7c15

// network is the state of the simulated nodes at some age of the service. It advances in steps of one second, and the
// rates of a second are fixed at its start. Values therefore depend only on seed and age, not on when and how often
// they are read.
type network struct {
	seed     uint64
	restarts uint64
	random   *rand.Rand
	second   int64   // complete seconds
	fraction float64 // of the current second, 0 <= fraction < 1
	phase    float64 // of the daily wave

	load    float64 // logarithm of the traffic
	latency float64 // ms, without the spike
	spike   float64 // ms
	// packetLatency is the average latency in ms of the packets in the current second.
	packetLatency float64
	peak          float64 // highest number of packets forwarded in one second
	nodes         []*node

	conditions Conditions
}

type node struct {
	id            string
	random        *rand.Rand
	weight        float64 // share of the traffic, relative to other nodes
	active        bool
	rate          float64 // packets in the current second
	dropRatio     float64 // dropped packets per forwarded packet, in normal conditions
	lossRatio     float64 // fraction of all packets that is dropped in the current second
	forwarded     float64 // up to the current second
	dropped       float64 // up to the current second
	latencySum    float64 // ms, over all packets up to the current second
	uptime        uint64  // seconds of activity
	latencyFactor float64
}

// newNetwork returns the network of a service after a number of restarts. Node ids change with each restart, as
// they do on the published server; everything else depends only on the seed.
func newNetwork(seed uint64, nodes int, restarts uint64, c Conditions) *network {
	n := &network{seed: seed, restarts: restarts, conditions: c, random: rand.New(rand.NewPCG(seed, 0)), latency: meanLatency}
	n.phase = 2 * math.Pi * n.random.Float64()
	for range nodes {
		n.deploy()
	}
	n.beginSecond()
	return n
}

// deploy adds a node that is idle until the next second. It returns nil if there are already maxNodes nodes.
func (n *network) deploy() *node {
	if len(n.nodes) >= maxNodes {
		return nil
	}
	random := rand.New(rand.NewPCG(n.seed, uint64(len(n.nodes))+1))
	added := &node{
		id:            fmt.Sprintf("mixnode-%016x", random.Uint64()+n.restarts*idStep),
		random:        random,
		weight:        0.5 + random.Float64(),
		dropRatio:     minDropRatio + (maxDropRatio-minDropRatio)*random.Float64(),
		latencyFactor: 0.8 + 0.4*random.Float64(),
		active:        true,
	}
	if len(n.nodes)%idleEvery == idleEvery-1 {
		added.weight = 0
	}
	n.nodes = append(n.nodes, added)
	return added
}

// advance moves the network forward to an age, but never back.
func (n *network) advance(age time.Duration) {
	second, fraction := int64(age/time.Second), (age % time.Second).Seconds()
	for n.second < second {
		n.endSecond()
		n.beginSecond()
	}
	if n.second == second {
		n.fraction = max(n.fraction, fraction)
	}
}

// endSecond adds the current second to the totals.
func (n *network) endSecond() {
	for i, nd := range n.nodes {
		nd.latencySum += float64(nd.packets(1)-nd.packets(0)) * n.nodeLatency(nd)
		nd.forwarded += nd.rate * (1 - nd.lossRatio)
		nd.dropped += nd.rate * nd.lossRatio
		if n.isActive(i) {
			nd.uptime++
		}
	}
	n.second++
	n.fraction = 0
}

// beginSecond chooses the rates of the current second.
func (n *network) beginSecond() {
	n.load += -loadReversion*n.load + loadStep*n.random.NormFloat64()
	n.latency += latencyReversion*(meanLatency-n.latency) + latencyStep*n.random.NormFloat64()
	n.latency = max(n.latency, minLatency)
	n.spike *= spikeDecay
	if n.random.Float64() < spikeChance {
		n.spike += meanLatency * (1 + 3*n.random.Float64())
	}

	n.packetLatency = n.averageLatency()
	n.toggleNodes()
	wave := 1 + dailySwing*math.Sin(2*math.Pi*float64(n.second)/day+n.phase)
	forwarded := 0.0
	for i, nd := range n.nodes {
		nd.rate = 0
		if n.isActive(i) && !n.conditions.Idle {
			nd.rate = packetsPerSecond * nd.weight * wave * math.Exp(n.load)
		}
		nd.dropRatio += dropStep * nd.random.NormFloat64()
		nd.dropRatio = min(max(nd.dropRatio, minDropRatio), maxDropRatio)
		nd.lossRatio = max(nd.dropRatio/(1+nd.dropRatio), n.conditions.Loss)
		forwarded += nd.rate * (1 - nd.lossRatio)
	}
	n.peak = max(n.peak, forwarded)
}

// toggleNodes stops and starts nodes at random, but never stops the last one.
func (n *network) toggleNodes() {
	active := 0
	for _, nd := range n.nodes {
		if nd.active {
			active++
		}
	}
	for _, nd := range n.nodes {
		draw := nd.random.Float64()
		switch {
		case nd.active && draw < stopChance && active > 1:
			nd.active = false
			active--
		case !nd.active && draw < startChance:
			nd.active = true
			active++
		}
	}
}

// counters returns the packets of a node up to a fraction of the current second, rounded down.
func (nd *node) counters(fraction float64) (forwarded, dropped uint64) {
	current := nd.rate * fraction
	return uint64(nd.forwarded + current*(1-nd.lossRatio)), uint64(nd.dropped + current*nd.lossRatio)
}

func (nd *node) packets(fraction float64) uint64 {
	forwarded, dropped := nd.counters(fraction)
	return forwarded + dropped
}

// meanLatency returns the mean latency of all packets of a node, in ms; 0 before the first packet.
func (n *network) meanLatency(nd *node) float64 {
	before, all := nd.packets(0), nd.packets(n.fraction)
	if all == 0 {
		return 0
	}
	return (nd.latencySum + float64(all-before)*n.nodeLatency(nd)) / float64(all)
}

// nodeLatency returns the latency of a node's packets in the current second, in ms.
func (n *network) nodeLatency(nd *node) float64 { return n.packetLatency * nd.latencyFactor }
