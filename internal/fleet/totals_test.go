package fleet

import (
	"fmt"
	"math"
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func metrics(processed, dropped uint64) *betanet.MetricsDoc {
	return &betanet.MetricsDoc{PacketsProcessed: processed, PacketsDropped: dropped}
}

func network(sent, received uint64, ms float64) *betanet.NetworkDoc {
	return &betanet.NetworkDoc{BytesTransmitted: sent, BytesReceived: received, AvgLatencyMS: ms, PeakThroughput: 9}
}

// mixnode is an active node that gives no latency.
func mixnode(id string, processed uint64, dropped *uint64) betanet.Mixnode {
	return betanet.Mixnode{ID: id, Status: "active", PacketsProcessed: processed, PacketsDropped: dropped}
}

// take hands documents to an accumulator, each with the one before it.
func take(a *Accumulator, docs ...betanet.Document) {
	var before betanet.Document
	for _, d := range docs {
		a.Fetched(before, d)
		before = d
	}
}

func TestCounterResetsAreCounted(t *testing.T) {
	for _, c := range []struct {
		name string
		docs []betanet.Document
		want uint64
	}{
		{"first document", []betanet.Document{metrics(5, 5)}, 0},
		{"grows", []betanet.Document{metrics(5, 5), metrics(6, 5), metrics(6, 7)}, 0},
		{"one falls", []betanet.Document{metrics(5, 5), metrics(4, 5)}, 1},
		{"both fall", []betanet.Document{metrics(5, 5), metrics(4, 4)}, 2},
		{"falls twice", []betanet.Document{metrics(5, 5), metrics(4, 5), metrics(3, 5)}, 2},
		{"falls to zero", []betanet.Document{metrics(5, 0), metrics(0, 0)}, 1},
		{"bytes fall", []betanet.Document{network(5, 5, 1), network(4, 5, 1), network(4, 4, 1)}, 2},
		{"gauges may fall", []betanet.Document{network(5, 5, 9), network(5, 5, 1)}, 0},
		{
			"nodes are no counters",
			[]betanet.Document{&betanet.NodesDoc{Active: 5, Inactive: 5, Total: 10}, &betanet.NodesDoc{Active: 1, Inactive: 1, Total: 2}},
			0,
		},
		{
			"mixnodes fall",
			[]betanet.Document{
				betanet.MixnodesDoc{mixnode("a", 5, ptr(uint64(5))), mixnode("b", 5, nil)},
				betanet.MixnodesDoc{mixnode("a", 4, ptr(uint64(4))), mixnode("b", 4, nil)},
			},
			3,
		},
		{
			"a mixnode leaves",
			[]betanet.Document{betanet.MixnodesDoc{mixnode("a", 5, nil)}, betanet.MixnodesDoc{}},
			0,
		},
	} {
		var a Accumulator
		take(&a, c.docs...)
		if a.Resets != c.want {
			t.Errorf("%s: Resets: got %d, want %d", c.name, a.Resets, c.want)
		}
	}
}

func TestALatencyIsObservedOnceADocument(t *testing.T) {
	var a Accumulator
	take(&a, network(1, 1, 3), network(1, 1, 3), metrics(1, 1), &betanet.NodesDoc{}, network(1, 1, 0))
	want := Histogram{Count: 3, Sum: 0.006}
	want.Below[0], want.Below[1] = 1, 2
	if diff := cmp.Diff(want, a.Latency); diff != "" {
		t.Errorf("Latency (-want +got):\n%s", diff)
	}
}

func TestMixnodesGiveOneObservationADocument(t *testing.T) {
	slow, fast, stopped := mixnode("a", 1, nil), mixnode("b", 1, nil), mixnode("c", 1, nil)
	slow.AvgLatencyMS, fast.AvgLatencyMS, stopped.AvgLatencyMS = ptr(750.0), ptr(250.0), ptr(1e6)
	stopped.Status = "stopped"
	var a Accumulator
	take(&a, betanet.MixnodesDoc{slow, fast, stopped}, betanet.MixnodesDoc{mixnode("a", 1, nil), stopped}, betanet.MixnodesDoc{})
	if a.Latency.Count != 1 || a.Latency.Sum != 0.5 {
		t.Errorf("Latency: got %+v, want the one mean that is known, 0.5 s", a.Latency)
	}
}

func TestMixnodeSumsSurviveLeavingAndRestarting(t *testing.T) {
	var a Accumulator
	take(&a, betanet.MixnodesDoc{mixnode("a", 100, ptr(uint64(10))), mixnode("b", 50, ptr(uint64(5)))})
	want := func(messages, dropped uint64) {
		t.Helper()
		if a.Messages != messages || a.Dropped != dropped {
			t.Errorf("Messages, Dropped: got %d, %d, want %d, %d", a.Messages, a.Dropped, messages, dropped)
		}
	}
	want(150, 15)
	take(&a, betanet.MixnodesDoc{mixnode("b", 60, ptr(uint64(6)))}) // a leaves
	want(160, 16)
	take(&a, betanet.MixnodesDoc{mixnode("a", 130, ptr(uint64(13))), mixnode("b", 7, ptr(uint64(1)))}) // a is back, b restarted
	want(197, 20)
	take(&a, betanet.MixnodesDoc{})
	want(197, 20)
}

func TestDropsAreUnknownUntilAMixnodeGivesThem(t *testing.T) {
	var a Accumulator
	take(&a, betanet.MixnodesDoc{}, betanet.MixnodesDoc{mixnode("a", 1, nil)})
	if a.DroppedKnown {
		t.Error("DroppedKnown: got true, want false")
	}
	take(&a, betanet.MixnodesDoc{mixnode("a", 1, ptr(uint64(0)))}, betanet.MixnodesDoc{mixnode("a", 1, nil)})
	if !a.DroppedKnown {
		t.Error("DroppedKnown: got false, want true")
	}
}

func TestThousandDepartedMixnodesAreRemembered(t *testing.T) {
	var a Accumulator
	a.Fetched(nil, betanet.MixnodesDoc{mixnode("oldest", 1, nil)})
	crowd := func(n int) (d betanet.MixnodesDoc) {
		for i := range n {
			d = append(d, mixnode(fmt.Sprint(i), 1, nil))
		}
		return d
	}
	a.Fetched(nil, crowd(1000))
	a.Fetched(nil, betanet.MixnodesDoc{}) // 1001 have departed, the oldest is forgotten
	a.Fetched(nil, crowd(1000))
	if got, want := a.Messages, uint64(1001); got != want {
		t.Errorf("Messages after the others came back: got %d, want %d", got, want)
	}
	a.Fetched(nil, betanet.MixnodesDoc{mixnode("oldest", 1, nil)})
	if got, want := a.Messages, uint64(1002); got != want {
		t.Errorf("Messages after the oldest came back: got %d, want %d", got, want)
	}
}

func TestRestartKeepsTheResetsAlone(t *testing.T) {
	var a Accumulator
	take(&a, network(5, 5, 1), network(4, 5, 1))
	take(&a, betanet.MixnodesDoc{mixnode("a", 5, ptr(uint64(5)))})
	a.Restart()
	if diff := cmp.Diff(Totals{Resets: 1}, a.Totals); diff != "" {
		t.Errorf("Totals (-want +got):\n%s", diff)
	}
	take(&a, betanet.MixnodesDoc{mixnode("a", 5, nil)})
	if got, want := a.Messages, uint64(5); got != want {
		t.Errorf("Messages: got %d, want %d, counted anew", got, want)
	}
}

// Published totals are a copy: what comes later does not change them.
func TestTotalsAreAValue(t *testing.T) {
	var a Accumulator
	take(&a, network(1, 1, 3))
	published := a.Totals
	take(&a, network(1, 1, 3), betanet.MixnodesDoc{mixnode("a", 5, nil)})
	if published.Latency.Count != 1 || published.Messages != 0 {
		t.Errorf("Totals published before: got %+v, want them unchanged", published)
	}
}

func TestABucketHoldsItsUpperBound(t *testing.T) {
	for i, bound := range Buckets {
		var h Histogram
		h.Observe(bound)
		h.Observe(math.Nextafter(bound, math.Inf(1)))
		if h.Below[i] != 1 || i+1 < len(Buckets) && h.Below[i+1] != 1 || h.Count != 2 {
			t.Errorf("%v and just above: got %+v, want one in bucket %d and one after it", bound, h, i)
		}
	}
}

func TestTheBucketsAreThoseOfTheDesign(t *testing.T) {
	want := [...]float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}
	if Buckets != want {
		t.Errorf("Buckets: got %v, want %v", Buckets, want)
	}
}

func TestWhatExceedsTheLastBucketIsCounted(t *testing.T) {
	var h Histogram
	h.Observe(60)
	if diff := cmp.Diff(Histogram{Count: 1, Sum: 60}, h); diff != "" {
		t.Errorf("Histogram (-want +got):\n%s", diff)
	}
}
