package fake

import (
	"fmt"
	"testing"
	"time"
)

// under lets a network live for ten minutes as usual, then for ten in the
// conditions, and returns what the service says before and after those.
func under(t *testing.T, conditions Conditions) (before, after document) {
	t.Helper()
	c := newClock()
	s := simulate(t, Options{Seed: 1}, c.now)
	c.advance(10 * time.Minute)
	before, _ = read(t, s)
	s.SetConditions(conditions)
	c.advance(10 * time.Minute)
	after, _ = read(t, s)
	if fell(before, after) {
		t.Errorf("after %+v came %+v, want no counter to fall", before, after)
	}
	return before, after
}

func TestALossIsThePartOfAllPacketsThatIsDropped(t *testing.T) {
	before, after := under(t, Conditions{Loss: 0.2})
	processed, dropped := after.Processed-before.Processed, after.Dropped-before.Dropped
	if loss := float64(dropped) / float64(processed+dropped); loss < 0.199 || loss > 0.201 {
		t.Errorf("loss = %v, want 0.2", loss)
	}
}

func TestAnIdleNetworkStandsStill(t *testing.T) {
	before, after := under(t, Conditions{Idle: true})
	const present = defaultNodes * 2 * packetsPerSecond // of the second that had begun
	if got := after.Processed - before.Processed; got > present || after.Active == 0 {
		t.Errorf("%d packets and %d active nodes, want at most those of a second, and some", got, after.Active)
	}
}

func TestNodesLeaveAndStop(t *testing.T) {
	_, after := under(t, Conditions{Nodes: 3, Active: 1})
	if after.Total != 3 || after.Active > 1 || after.Active+after.Inactive != 3 {
		t.Errorf("nodes = %d active, %d inactive, %d in total, want at most one of 3", after.Active, after.Inactive, after.Total)
	}
}

func TestNodesThatLeftAreNotListed(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI}, c.now)
	s.SetConditions(Conditions{Nodes: 2})
	if _, nodes := read(t, s); len(nodes) != 2 {
		t.Errorf("%d nodes, want 2", len(nodes))
	}
	s.SetConditions(Conditions{})
	if _, nodes := read(t, s); len(nodes) != defaultNodes {
		t.Errorf("%d nodes afterwards, want %d", len(nodes), defaultNodes)
	}
}

func TestALatencyIsAddedToTheUsual(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{}, c.now)
	before, _ := read(t, s)
	s.SetConditions(Conditions{Latency: 2 * time.Second})
	if after, _ := read(t, s); after.Latency != before.Latency+2000 {
		t.Errorf("latency = %v ms, want %v and 2000", after.Latency, before.Latency)
	}
}

func TestConditionsChangeNothingOfThePast(t *testing.T) {
	c := newClock()
	s, usual := simulate(t, Options{}, c.now), simulate(t, Options{}, c.now)
	c.advance(time.Hour) // of which nobody has read anything yet
	s.SetConditions(Conditions{Loss: 0.5, Idle: true})
	got, _ := read(t, s)
	if want, _ := read(t, usual); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConditionsOutlastARestart(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{}, c.now)
	s.SetConditions(Conditions{Nodes: 2})
	s.Restart()
	if d, _ := read(t, s); d.Total != 2 {
		t.Errorf("%d nodes, want 2", d.Total)
	}
}

func TestSetConditionsPanicsOnWhatCannotBe(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	for _, c := range []Conditions{{Loss: 1.01}, {Loss: -0.1}, {Nodes: -1}, {Active: -1}, {Latency: -1}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("SetConditions returned, want a panic")
				}
			}()
			s.SetConditions(c)
		})
	}
}
