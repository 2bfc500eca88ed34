package fake

import (
	"math"
	"testing"
	"time"
)

// wantCounted checks what holds for the published server's documents at any time.
func wantCounted(t *testing.T, nodes []document) {
	t.Helper()
	idle, busy := 0, 0
	for _, n := range nodes {
		if n.Processed != n.Forwarded+n.Dropped {
			t.Fatalf("%s: processed %d, forwarded %d, dropped %d, want a sum", n.ID, n.Processed, n.Forwarded, n.Dropped)
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
		t.Fatalf("got %d busy nodes and none that is idle: %+v", busy, nodes)
	}
}

func total(nodes []document) (processed, dropped uint64) {
	for _, n := range nodes {
		processed, dropped = processed+n.Processed, dropped+n.Dropped
	}
	return processed, dropped
}

// The documents count as the published server does: over deployment, traffic,
// loss and a restart.
func TestMixnodesCountAsThePublishedServer(t *testing.T) {
	for seed := range uint64(5) {
		c := newClock()
		s := simulate(t, Options{API: MixnodesAPI, Seed: seed}, c.now)
		_, first := read(t, s)
		wantCounted(t, first)
		for _, loss := range []float64{0, 0.1, 1} {
			s.SetConditions(Conditions{Loss: loss})
			c.advance(time.Second) // from which on they hold
			_, before := read(t, s)
			for range 100 {
				c.advance(777 * time.Millisecond)
				_, now := read(t, s)
				wantCounted(t, now)
			}
			_, after := read(t, s)
			p0, d0 := total(before)
			p1, d1 := total(after)
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
		wantCounted(t, now)
		for _, n := range now {
			if old[n.ID] || n.Processed > 1000 || n.Uptime > 1 {
				t.Errorf("seed %d: got %+v after a restart, want a new id and counters from 0", seed, n)
			}
		}
	}
}

// The mean of a node's packets is kept, whenever it is read: the sum of latencies
// grows by the latency of each second.
func TestTheMeanLatencyIsOverAllPacketsOfANode(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI, Seed: 3}, c.now)
	sums := make(map[string]float64)
	packets := make(map[string]uint64)
	latencies := make(map[string]float64) // of the second that the last read was in
	for range 1200 {
		c.advance(250 * time.Millisecond)
		_, now := read(t, s)
		for i, n := range now {
			one := s.network.nodes[i]
			latency := s.network.averageLatency() * one.latencyFactor
			if s.network.fraction == 0 { // packets since the last read are of the second that has just ended
				latency = latencies[n.ID]
			}
			sums[n.ID] += float64(n.Processed-packets[n.ID]) * latency
			packets[n.ID], latencies[n.ID] = n.Processed, s.network.averageLatency()*one.latencyFactor
			if got := n.Latency * float64(n.Processed); math.Abs(got-sums[n.ID]) > 1e-9*max(sums[n.ID], 1) {
				t.Fatalf("%s: got %v ms over %d packets, want %v", n.ID, got, n.Processed, sums[n.ID])
			}
		}
	}
}

// What is counted stays as it was, whatever the conditions become.
func TestALatencyIsThatOfThePacketsToCome(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI, Seed: 3, Conditions: Conditions{Latency: 5 * time.Second}}, c.now)
	c.advance(10*time.Second + 500*time.Millisecond)
	_, before := read(t, s)
	s.SetConditions(Conditions{})
	_, after := read(t, s)
	for i := range before {
		if before[i] != after[i] {
			t.Errorf("got %+v, want %+v as before the change", after[i], before[i])
		}
	}
	c.advance(time.Hour)
	_, later := read(t, s)
	for i, n := range later {
		if n.Processed > 0 && n.Latency >= before[i].Latency {
			t.Errorf("got a mean of %v ms an hour later, want less than %v", n.Latency, before[i].Latency)
		}
	}
}

func TestBothAPIsCountTheSamePackets(t *testing.T) {
	c := newClock()
	v1, mixnodes := simulate(t, Options{Seed: 7}, c.now), simulate(t, Options{Seed: 7, API: MixnodesAPI}, c.now)
	v1.SetConditions(Conditions{Loss: 0.25})
	mixnodes.SetConditions(Conditions{Loss: 0.25})
	c.advance(90 * time.Second)
	all, _ := read(t, v1)
	_, nodes := read(t, mixnodes)
	processed, dropped := total(nodes)
	if all.Processed != processed-dropped || all.Dropped != dropped {
		t.Errorf("v1: got %d processed and %d dropped, want %d and %d", all.Processed, all.Dropped, processed-dropped, dropped)
	}
}

func TestAnIdleServiceCountsNothing(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI, Seed: 1, Conditions: Conditions{Idle: true}}, c.now)
	c.advance(time.Hour)
	_, nodes := read(t, s)
	for _, n := range nodes {
		if n.Processed != 0 || n.Latency != 0 {
			t.Errorf("got %+v, want no packet", n)
		}
	}
}
