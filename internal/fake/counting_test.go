package fake

import (
	"math"
	"testing"
	"time"
)

// checkMixnodes checks the invariants of the published server's document.
func checkMixnodes(t *testing.T, nodes []document) {
	t.Helper()
	idle, busy := 0, 0
	for _, n := range nodes {
		if n.Processed != n.Forwarded+n.Dropped {
			t.Fatalf("%s: processed %d, forwarded %d, dropped %d, want processed to be the sum of the others", n.ID, n.Processed, n.Forwarded, n.Dropped)
		}
		switch {
		case n.Processed > 0:
			busy++
		case n.Latency != 0:
			t.Fatalf("%s: latency %v without a packet, want 0", n.ID, n.Latency)
		default:
			idle++
		}
	}
	if busy > 0 && idle == 0 {
		t.Fatalf("got %d busy nodes and no idle nodes: %+v", busy, nodes)
	}
}

func sum(nodes []document) (processed, dropped uint64) {
	for _, n := range nodes {
		processed, dropped = processed+n.Processed, dropped+n.Dropped
	}
	return processed, dropped
}

// The invariants hold after deployment, with traffic, with loss and after a restart.
func TestMixnodesCountLikeThePublishedServer(t *testing.T) {
	for seed := range uint64(5) {
		s, c := simulateWithClock(t, Options{API: MixnodesAPI, Seed: seed})
		_, first := read(t, s)
		checkMixnodes(t, first)
		for _, loss := range []float64{0, 0.1, 1} {
			s.SetConditions(Conditions{Loss: loss})
			c.advance(time.Second) // conditions apply from the next second on
			_, before := read(t, s)
			for range 100 {
				c.advance(777 * time.Millisecond)
				_, now := read(t, s)
				checkMixnodes(t, now)
			}
			_, after := read(t, s)
			p0, d0 := sum(before)
			p1, d1 := sum(after)
			if got := float64(d1-d0) / float64(p1-p0); got < loss-0.002 || got > max(loss+0.002, 0.006) {
				t.Errorf("seed %d: loss: got %v, want %v", seed, got, loss)
			}
		}
		old := make(map[string]bool)
		_, before := read(t, s)
		for _, n := range before {
			old[n.ID] = true
		}
		s.Restart()
		c.advance(1500 * time.Millisecond)
		_, now := read(t, s)
		checkMixnodes(t, now)
		for _, n := range now {
			if old[n.ID] || n.Processed > 1000 || n.Uptime > 1 {
				t.Errorf("seed %d: got %+v after a restart, want a new id and counters from 0", seed, n)
			}
		}
	}
}

// The mean weights the latency of each second by its number of packets, no matter when the node is read.
func TestTheMeanLatencyIsOverAllPacketsOfANode(t *testing.T) {
	s, c := simulateWithClock(t, Options{API: MixnodesAPI, Seed: 3})
	sums := make(map[string]float64)
	packets := make(map[string]uint64)
	latencies := make(map[string]float64) // in the second of the last read
	for range 1200 {
		c.advance(250 * time.Millisecond)
		_, now := read(t, s)
		for i, n := range now {
			current := s.network.averageLatency() * s.network.nodes[i].latencyFactor
			latency := current
			if s.network.fraction == 0 { // packets since the last read belong to the second that has just ended
				latency = latencies[n.ID]
			}
			sums[n.ID] += float64(n.Processed-packets[n.ID]) * latency
			packets[n.ID], latencies[n.ID] = n.Processed, current
			if got := n.Latency * float64(n.Processed); math.Abs(got-sums[n.ID]) > 1e-9*max(sums[n.ID], 1) {
				t.Fatalf("%s: got %v ms over %d packets, want %v", n.ID, got, n.Processed, sums[n.ID])
			}
		}
	}
}

func TestBothAPIsCountTheSamePackets(t *testing.T) {
	v1, c := simulateWithClock(t, Options{Seed: 7, Conditions: Conditions{Loss: 0.25}})
	mixnodes := startService(t, Options{Seed: 7, API: MixnodesAPI, Conditions: Conditions{Loss: 0.25}}, c.now)
	c.advance(90 * time.Second)
	all, _ := read(t, v1)
	_, nodes := read(t, mixnodes)
	processed, dropped := sum(nodes)
	if all.Processed != processed-dropped || all.Dropped != dropped {
		t.Errorf("v1: got %d processed and %d dropped, want %d and %d", all.Processed, all.Dropped, processed-dropped, dropped)
	}
}
