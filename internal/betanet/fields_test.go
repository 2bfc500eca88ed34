package betanet

import "testing"

func TestMergeCopiesTheKnownNumbers(t *testing.T) {
	v, o := newValues(map[Field]uint64{PacketsProcessed: 1, TotalNodes: 2}), newValues(map[Field]uint64{TotalNodes: 3, Uptime: 0})
	v.Merge(&o)
	if want := newValues(map[Field]uint64{PacketsProcessed: 1, TotalNodes: 3, Uptime: 0}); v != want {
		t.Errorf("got %v, want %v", v, want)
	}
}

func TestAMetricIsInSeconds(t *testing.T) {
	v := withLatency(Values{}, 250)
	if got, ok := v.Metric(AvgLatency); !ok || got != 0.25 {
		t.Errorf("got %v, %v, want 0.25", got, ok)
	}
	if _, ok := new(Values).Metric(AvgLatency); ok {
		t.Error("got a latency that was never set")
	}
}

func TestAMixnodeWithoutPacketsHasNoLatency(t *testing.T) {
	for packets, want := range map[uint64]bool{0: false, 1: true} {
		n := Mixnode{Values: withLatency(newValues(map[Field]uint64{PacketsProcessed: packets}), 0)}
		if _, got := n.Metric(AvgLatency); got != want {
			t.Errorf("with %d packets: known: got %v, want %v", packets, got, want)
		}
	}
}

func TestFellComparesKnownCounters(t *testing.T) {
	before := newValues(map[Field]uint64{PacketsDropped: 5, BytesReceived: 5, TotalNodes: 5})
	for name, c := range map[string]struct {
		now  map[Field]uint64
		want bool
	}{
		"equal":         {map[Field]uint64{PacketsDropped: 5, BytesReceived: 5, TotalNodes: 5}, false},
		"one fell":      {map[Field]uint64{PacketsDropped: 6, BytesReceived: 4}, true},
		"a gauge fell":  {map[Field]uint64{TotalNodes: 4}, false},
		"not known now": {nil, false},
	} {
		if v := newValues(c.now); v.Fell(&before) != c.want {
			t.Errorf("%s: fell: got %v, want %v", name, !c.want, c.want)
		}
	}
}

func TestIsCounterAndIsMean(t *testing.T) {
	for f, want := range map[Field][2]bool{PacketsProcessed: {true, false}, BytesReceived: {true, false}, ActiveNodes: {}, AvgLatency: {false, true}} {
		if got := [2]bool{f.IsCounter(), f.IsMean()}; got != want {
			t.Errorf("field %d: counter, mean: got %v, want %v", f, got, want)
		}
	}
}
