package fake

import (
	"fmt"
	"testing"
	"time"
)

// withConditions runs a network for ten minutes in normal operation, then for ten more under conditions, and returns the
// documents at the start and the end of the second part.
func withConditions(t *testing.T, conditions Conditions) (before, after document) {
	t.Helper()
	s, c := simulateWithClock(t, Options{Seed: 1})
	c.advance(10 * time.Minute)
	before, _ = read(t, s)
	s.SetConditions(conditions)
	c.advance(10 * time.Minute)
	after, _ = read(t, s)
	if fell(before, after) {
		t.Errorf("got %+v after %+v, want no counter to fall", after, before)
	}
	return before, after
}

func TestLossIsTheRatioOfDroppedPackets(t *testing.T) {
	before, after := withConditions(t, Conditions{Loss: 0.2})
	processed, dropped := after.Processed-before.Processed, after.Dropped-before.Dropped
	if loss := float64(dropped) / float64(processed+dropped); loss < 0.199 || loss > 0.201 {
		t.Errorf("loss = %v, want 0.2", loss)
	}
}

func TestAnIdleNetworkHasNoTraffic(t *testing.T) {
	before, after := withConditions(t, Conditions{Idle: true})
	const current = defaultNodes * 2 * packetsPerSecond // in the second that had already begun
	if got := after.Processed - before.Processed; got > current || after.Active == 0 {
		t.Errorf("got %d packets and %d active nodes, want at most %v packets and an active node", got, after.Active, current)
	}
	s, c := simulateWithClock(t, Options{API: MixnodesAPI, Seed: 1, Conditions: Conditions{Idle: true}})
	c.advance(time.Hour)
	_, nodes := read(t, s)
	for _, n := range nodes {
		if n.Processed != 0 || n.Latency != 0 {
			t.Errorf("got %+v, want no packets", n)
		}
	}
}

func TestNodesLeaveAndStop(t *testing.T) {
	_, after := withConditions(t, Conditions{Nodes: 3, Active: 1})
	if after.Total != 3 || after.Active > 1 || after.Active+after.Inactive != 3 {
		t.Errorf("nodes = %d active, %d inactive, %d in total, want at most one of 3 active", after.Active, after.Inactive, after.Total)
	}
}

func TestNodesThatLeftAreNotListed(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI})
	for i, want := range []int{2, defaultNodes} {
		s.SetConditions([]Conditions{{Nodes: 2}, {}}[i])
		if _, nodes := read(t, s); len(nodes) != want {
			t.Errorf("%d nodes, want %d", len(nodes), want)
		}
	}
}

func TestLatencyIsAddedToTheNormalLatency(t *testing.T) {
	s, _ := simulateWithClock(t, Options{})
	before, _ := read(t, s)
	s.SetConditions(Conditions{Latency: 2 * time.Second})
	if after, _ := read(t, s); after.Latency != before.Latency+2000 {
		t.Errorf("latency = %v ms, want %v plus 2000", after.Latency, before.Latency)
	}
}

func TestConditionsDoNotChangeThePast(t *testing.T) {
	s, c := simulateWithClock(t, Options{})
	other := startService(t, Options{}, c.now)
	c.advance(time.Hour) // without a read
	s.SetConditions(Conditions{Loss: 0.5, Idle: true})
	got, _ := read(t, s)
	if want, _ := read(t, other); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLatencyAppliesToLaterPackets(t *testing.T) {
	s, c := simulateWithClock(t, Options{API: MixnodesAPI, Seed: 3, Conditions: Conditions{Latency: 5 * time.Second}})
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

func TestConditionsOutlastARestart(t *testing.T) {
	s := simulate(t, Options{})
	s.SetConditions(Conditions{Nodes: 2})
	s.Restart()
	if d, _ := read(t, s); d.Total != 2 {
		t.Errorf("%d nodes, want 2", d.Total)
	}
}

func TestSetConditionsPanicsOnInvalidConditions(t *testing.T) {
	s := simulate(t, Options{})
	for _, c := range []Conditions{{Loss: 1.01}, {Loss: -0.1}, {Nodes: -1}, {Active: -1}, {Latency: -1}} {
		wantPanic(t, fmt.Sprintf("SetConditions(%+v)", c), func() { s.SetConditions(c) })
	}
}
