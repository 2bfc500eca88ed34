package fleet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
)

// nodes returns a document for each node.
func nodes(list ...betanettest.Mixnode) (docs []*betanet.Document) {
	for _, n := range list {
		docs = append(docs, betanettest.Mixnodes{n}.Doc())
	}
	return docs
}

func forwards(id string, processed, forwarded uint64) betanettest.Mixnode {
	n := mixnode(id, processed, nil)
	n.PacketsForwarded = &forwarded
	return n
}

func uptime(id string, seconds uint64) betanettest.Mixnode {
	n := mixnode(id, 5, nil)
	n.UptimeSeconds = &seconds
	return n
}

func delayed(id string, processed uint64, ms float64) betanettest.Mixnode {
	n := mixnode(id, processed, nil)
	n.AvgLatencyMS = &ms
	return n
}

func TestForwardedPacketsAreSummed(t *testing.T) {
	var a Accumulator
	fetchAll(&a, betanettest.Mixnodes{forwards("sent", 100, 90), mixnode("computed", 50, new(uint64(5))), mixnode("unknown", 7, nil)}.Doc())
	if got, want := sumOf(a.Sums, betanet.PacketsForwarded), uint64(90+45); got != want {
		t.Errorf("Forwarded: got %d, want %d", got, want)
	}
	fetchAll(&a, betanettest.Mixnodes{forwards("sent", 110, 95), mixnode("computed", 60, new(uint64(10))), mixnode("unknown", 9, nil)}.Doc())
	if got, want := sumOf(a.Sums, betanet.PacketsForwarded), uint64(95+50); got != want {
		t.Errorf("Forwarded: got %d, want %d", got, want)
	}
}

func TestNodesCountFromZeroAfterARestart(t *testing.T) {
	for name, restart := range map[string]func(*betanettest.Mixnode){
		"packets fall":        func(n *betanettest.Mixnode) { n.PacketsProcessed = 50 },
		"the uptime falls":    func(n *betanettest.Mixnode) { n.UptimeSeconds = new(uint64(10)) },
		"packets fall by one": func(n *betanettest.Mixnode) { n.PacketsProcessed = 99 },
	} {
		before := betanettest.Mixnode{
			ID: "a", Status: "active", PacketsProcessed: 100, PacketsForwarded: new(uint64(90)), PacketsDropped: new(uint64(10)),
			UptimeSeconds: new(uint64(60)), AvgLatencyMS: new(20.0),
		}
		after := before
		restart(&after)
		var a Accumulator
		fetchAll(&a, betanettest.Mixnodes{before}.Doc(), betanettest.Mixnodes{after}.Doc())
		sum := LatencySum{100*20_000 + after.PacketsProcessed*20_000, 100 + after.PacketsProcessed}
		if sumOf(a.Sums, betanet.PacketsProcessed) != 100+after.PacketsProcessed || sumOf(a.Sums, betanet.PacketsDropped) != 20 || sumOf(a.Sums, betanet.PacketsForwarded) != 180 || a.PacketLatency != sum {
			t.Errorf("%s: got %+v, want all of the node's counters added again, latency %+v", name, a.Totals, sum)
		}
	}
}

func TestDroppedPacketsCountFromZeroAfterAFall(t *testing.T) {
	var a Accumulator
	fetchAll(&a, nodes(mixnode("a", 100, new(uint64(10))), mixnode("a", 100, new(uint64(4))))...)
	if processed, dropped := sumOf(a.Sums, betanet.PacketsProcessed), sumOf(a.Sums, betanet.PacketsDropped); processed != 100 || dropped != 14 {
		t.Errorf("processed, dropped: got %d, %d, want 100, 14", processed, dropped)
	}
}

func TestLatencyIsSummedPerPacket(t *testing.T) {
	for _, c := range []struct {
		name string
		docs []*betanet.Document
		want LatencySum
	}{
		{"no node", []*betanet.Document{betanettest.Mixnodes{}.Doc()}, LatencySum{}},
		{"an idle node", nodes(delayed("a", 0, 0)), LatencySum{}},
		{"a node that sends no latency", nodes(mixnode("a", 5, nil)), LatencySum{}},
		{"one document", nodes(delayed("a", 10, 21.6)), LatencySum{216_000, 10}},
		{"rounded to a microsecond", nodes(delayed("a", 3, 0.0005)), LatencySum{2, 3}},
		{"the increase of the next document", nodes(delayed("a", 10, 20), delayed("a", 30, 40)), LatencySum{1_200_000, 30}},
		{"a latency that is missing in between", nodes(delayed("a", 10, 20), mixnode("a", 20, nil), delayed("a", 30, 40)), LatencySum{1_200_000, 30}},
		{"a latency that is missing at the end", nodes(delayed("a", 10, 20), mixnode("a", 20, nil)), LatencySum{200_000, 10}},
		{"a mean that was rounded down", nodes(delayed("a", 1000, 21.6), delayed("a", 1001, 21.5)), LatencySum{21_600_000, 1001}},
		{"a rounded mean that has caught up", nodes(delayed("a", 1000, 21.6), delayed("a", 1001, 21.5), delayed("a", 1010, 21.6)), LatencySum{21_816_000, 1010}},
		{"a node that restarted without a latency", nodes(delayed("a", 10, 20), mixnode("a", 2, nil), delayed("a", 4, 5)), LatencySum{220_000, 14}},
		{"a total that saturates", nodes(delayed("a", math.MaxUint64, math.MaxFloat64)), LatencySum{math.MaxUint64, math.MaxUint64}},
	} {
		var a Accumulator
		fetchAll(&a, c.docs...)
		if a.PacketLatency != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, a.PacketLatency, c.want)
		}
	}
}

func TestMixnodesHistogramObservesTheMeanSinceThePreviousDocument(t *testing.T) {
	for _, c := range []struct {
		name string
		docs []*betanet.Document
		want []float64 // seconds
	}{
		{"the first document", nodes(delayed("a", 10, 20)), nil},
		{"no new packet", nodes(delayed("a", 10, 20), delayed("a", 10, 20)), nil},
		{"new packets", nodes(delayed("a", 10, 20), delayed("a", 20, 30)), []float64{0.04}},
		{"a server that never saw a packet", nodes(delayed("a", 0, 0), delayed("a", 0, 0), delayed("a", 0, 0)), nil},
		{"the first packets", nodes(delayed("a", 0, 0), delayed("a", 4, 50)), []float64{0.05}},
		{"a mean that is negative because of rounding", nodes(delayed("a", 1000, 21.6), delayed("a", 1001, 21.5)), []float64{0}},
		{"a node that appears", []*betanet.Document{
			betanettest.Mixnodes{delayed("a", 10, 20)}.Doc(),
			betanettest.Mixnodes{delayed("a", 20, 20), delayed("b", 10, 50)}.Doc(),
		}, []float64{0.035}},
		{"a document without nodes", []*betanet.Document{betanettest.Mixnodes{}.Doc(), betanettest.Mixnodes{delayed("a", 10, 20)}.Doc()}, []float64{0.02}},
	} {
		a := Accumulator{Histogram: true}
		fetchAll(&a, c.docs...)
		wantObservations(t, c.name, a.Latency, c.want...)
	}
}

// countingServer counts packets as the published server does.
type countingServer struct {
	random                        *rand.Rand
	nodes                         []*countingNode
	started                       int
	processed, dropped, forwarded uint64
	seconds                       float64
}

type countingNode struct {
	betanettest.Mixnode
	ms float64
}

func (s *countingServer) deploy() {
	s.started++
	n := &countingNode{Mixnode: betanettest.Mixnode{
		ID: fmt.Sprintf("mixnode-%016x", s.random.Uint64()), Status: "active",
		PacketsForwarded: new(uint64), PacketsDropped: new(uint64), UptimeSeconds: new(uint64), AvgLatencyMS: new(float64),
	}}
	s.nodes = append(s.nodes, n)
}

func (s *countingServer) packet(loss float64) {
	n := s.nodes[s.random.IntN((len(s.nodes)+1)/2)] // the other nodes stay idle
	ms := s.random.ExpFloat64() * 20
	n.PacketsProcessed++
	n.ms += ms
	s.processed++
	s.seconds += ms / 1000
	if s.random.Float64() < loss {
		*n.PacketsDropped++
		s.dropped++
	} else {
		*n.PacketsForwarded++
		s.forwarded++
	}
}

func (s *countingServer) document() (d betanettest.Mixnodes) {
	for _, n := range s.nodes {
		m := n.Mixnode
		forwarded, dropped, mean := *n.PacketsForwarded, *n.PacketsDropped, 0.0
		if n.PacketsProcessed > 0 {
			mean = n.ms / float64(n.PacketsProcessed)
		}
		m.PacketsForwarded, m.PacketsDropped, m.AvgLatencyMS = &forwarded, &dropped, &mean
		d = append(d, m)
	}
	return d
}

// The server deploys nodes, loses 0, 10 and 100 % of its packets, and restarts, after
// which all ids are new.
func TestSumsAgreeWithTheServersArithmetic(t *testing.T) {
	for seed := range uint64(20) {
		s := &countingServer{random: rand.New(rand.NewPCG(seed, 1))}
		a := Accumulator{Histogram: true}
		wantResets, resets := 0, 0
		for round := range 60 {
			if s.random.IntN(20) == 0 && len(s.nodes) > 0 {
				n := len(s.nodes)
				s.nodes = nil
				for range n {
					s.deploy()
				}
				wantResets++
			}
			if s.random.IntN(4) == 0 && len(s.nodes) < 6 {
				s.deploy()
			}
			if len(s.nodes) > 0 {
				for range s.random.IntN(50) {
					s.packet([]float64{0, 0.1, 1}[round/20])
				}
			}
			before := a.Totals
			resets += fetchAll(&a, s.document().Doc())
			if sumOf(a.Sums, betanet.PacketsProcessed) != s.processed || sumOf(a.Sums, betanet.PacketsDropped) != s.dropped || sumOf(a.Sums, betanet.PacketsForwarded) != s.forwarded || a.PacketLatency.Packets != s.processed {
				t.Fatalf("seed %d, document %d: got %+v, want %d processed, %d dropped, %d forwarded", seed, round, a.Totals, s.processed, s.dropped, s.forwarded)
			}
			// The sum of each node is rounded to a microsecond.
			if got := a.PacketLatency.Seconds(); math.Abs(got-s.seconds) > float64(s.started)*0.5e-6+1e-9*s.seconds {
				t.Fatalf("seed %d, document %d: latency: got %v s, want %v s", seed, round, got, s.seconds)
			}
			observed := before.Latency.GetSampleCount()
			if round > 0 && sumOf(a.Sums, betanet.PacketsProcessed) > sumOf(before.Sums, betanet.PacketsProcessed) {
				observed++
			}
			if got := a.Latency.GetSampleCount(); got != observed {
				t.Fatalf("seed %d, document %d: got %d observations, want %d", seed, round, got, observed)
			}
		}
		if resets != wantResets {
			t.Errorf("seed %d: resets: got %d, want %d", seed, resets, wantResets)
		}
	}
}
