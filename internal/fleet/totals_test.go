package fleet

import (
	"fmt"
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func ptr[T any](v T) *T { return &v }

func metrics(processed, dropped uint64) *betanet.MetricsDoc {
	return &betanet.MetricsDoc{PacketsProcessed: processed, PacketsDropped: dropped}
}

func network(sent, received uint64, ms float64) *betanet.NetworkDoc {
	return &betanet.NetworkDoc{BytesTransmitted: sent, BytesReceived: received, AvgLatencyMS: &ms, PeakThroughput: 9}
}

// mixnode is an active node that gives no latency.
func mixnode(id string, processed uint64, dropped *uint64) betanet.Mixnode {
	return betanet.Mixnode{ID: id, Status: "active", PacketsProcessed: processed, PacketsDropped: dropped}
}

// take hands documents to an accumulator, each with the one before it. It returns
// how many showed a reset.
func take(a *Accumulator, docs ...betanet.Document) (resets int) {
	var before betanet.Document
	for _, d := range docs {
		if a.Fetched(before, d) {
			resets++
		}
		before = d
	}
	return resets
}

func TestADocumentShowsAtMostOneReset(t *testing.T) {
	for _, c := range []struct {
		name string
		docs []betanet.Document
		want int
	}{
		{"first document", []betanet.Document{metrics(5, 5)}, 0},
		{"grows", []betanet.Document{metrics(5, 5), metrics(6, 5), metrics(6, 7)}, 0},
		{"one falls", []betanet.Document{metrics(5, 5), metrics(4, 5)}, 1},
		{"both fall", []betanet.Document{metrics(5, 5), metrics(4, 4)}, 1},
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
			1,
		},
		{
			"a mixnode leaves",
			[]betanet.Document{betanet.MixnodesDoc{mixnode("a", 5, nil)}, betanet.MixnodesDoc{}},
			0,
		},
		{"drops of a mixnode fall", nodes(mixnode("a", 5, ptr(uint64(5))), mixnode("a", 5, ptr(uint64(4)))), 1},
		{"forwarded packets of a mixnode fall", nodes(forwards("a", 5, 5), forwards("a", 5, 4)), 1},
		{"the node's own number is below one that was computed", nodes(mixnode("a", 5, ptr(uint64(0))), forwards("a", 5, 4)), 0},
		{"the uptime of a mixnode falls", nodes(uptime("a", 60), uptime("a", 59)), 1},
		{"the uptime of a mixnode falls after it was missing", nodes(uptime("a", 60), mixnode("a", 5, nil), uptime("a", 59)), 1},
		{"the mean latency of a mixnode falls", nodes(delayed("a", 5, 9), delayed("a", 5, 1)), 0},
		{"every id is new", nodes(mixnode("a", 5, nil), mixnode("b", 5, nil)), 1},
		{
			"every id is new after an empty list",
			[]betanet.Document{betanet.MixnodesDoc{mixnode("a", 5, nil)}, betanet.MixnodesDoc{}, betanet.MixnodesDoc{mixnode("b", 0, nil)}},
			1,
		},
		{
			"an id of the list before an empty one is back",
			[]betanet.Document{betanet.MixnodesDoc{mixnode("a", 5, nil)}, betanet.MixnodesDoc{}, betanet.MixnodesDoc{mixnode("a", 5, nil), mixnode("b", 0, nil)}},
			0,
		},
		{
			"an id is back that was not in the list before",
			nodes(mixnode("a", 5, nil), mixnode("b", 5, nil), mixnode("a", 5, nil)),
			2,
		},
		{"empty lists", []betanet.Document{betanet.MixnodesDoc{}, betanet.MixnodesDoc{}, betanet.MixnodesDoc{mixnode("a", 5, nil)}}, 0},
	} {
		var a Accumulator
		if got := take(&a, c.docs...); got != c.want {
			t.Errorf("%s: resets: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestALatencyIsObservedOnceADocument(t *testing.T) {
	a := Accumulator{Histogram: true}
	take(&a, network(1, 1, 3), network(1, 1, 3), metrics(1, 1), &betanet.NodesDoc{}, network(1, 1, 0))
	wantObservations(t, "Latency", a.Latency, 0.003, 0.003, 0)
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
	take(&a, betanet.MixnodesDoc{})
	if !a.DroppedKnown || !a.ForwardedKnown {
		t.Errorf("before any node: DroppedKnown, ForwardedKnown: got %v, %v, want both", a.DroppedKnown, a.ForwardedKnown)
	}
	take(&a, betanet.MixnodesDoc{mixnode("a", 1, nil)}, betanet.MixnodesDoc{})
	if a.DroppedKnown || a.ForwardedKnown {
		t.Errorf("of nodes that give neither: DroppedKnown, ForwardedKnown: got %v, %v, want neither", a.DroppedKnown, a.ForwardedKnown)
	}
	take(&a, betanet.MixnodesDoc{forwards("a", 1, 1)})
	if a.DroppedKnown || !a.ForwardedKnown {
		t.Errorf("of a node that gives forwarded packets: DroppedKnown, ForwardedKnown: got %v, %v, want false, true", a.DroppedKnown, a.ForwardedKnown)
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

// Published totals are a copy: what comes later does not change them.
func TestTotalsAreAValue(t *testing.T) {
	a := Accumulator{Histogram: true}
	take(&a, network(1, 1, 3))
	published := a.Totals
	take(&a, network(1, 1, 3), betanet.MixnodesDoc{mixnode("a", 5, nil)})
	if published.Latency.GetSampleCount() != 1 || published.Messages != 0 {
		t.Errorf("Totals published before: got %+v, want them unchanged", published)
	}
}
