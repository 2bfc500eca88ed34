package fleet

import (
	"fmt"
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
)

func metrics(processed, dropped uint64) *betanet.Document {
	return betanettest.Metrics{PacketsProcessed: processed, PacketsDropped: dropped}.Doc()
}

// sumOf returns a sum, or 0 if it is unknown.
func sumOf(sums betanet.Values, f betanet.Field) uint64 {
	if n := sums.Uint(f); n != nil {
		return *n
	}
	return 0
}

func network(sent, received uint64, ms float64) *betanet.Document {
	return betanettest.Network{BytesTransmitted: sent, BytesReceived: received, AvgLatencyMS: &ms, PeakThroughput: 9}.Doc()
}

// mixnode returns an active node that sends no latency.
func mixnode(id string, processed uint64, dropped *uint64) betanettest.Mixnode {
	return betanettest.Mixnode{ID: id, Status: "active", PacketsProcessed: processed, PacketsDropped: dropped}
}

// fetchAll adds documents to an accumulator, each with the previous one. It returns the
// number of documents that showed a reset.
func fetchAll(a *Accumulator, docs ...*betanet.Document) (resets int) {
	var before *betanet.Document
	for _, d := range docs {
		if a.Fetched(before, d) {
			resets++
		}
		before = d
	}
	return resets
}

func TestDocumentsShowAtMostOneReset(t *testing.T) {
	for _, c := range []struct {
		name string
		docs []*betanet.Document
		want int
	}{
		{"first document", []*betanet.Document{metrics(5, 5)}, 0},
		{"grows", []*betanet.Document{metrics(5, 5), metrics(6, 5), metrics(6, 7)}, 0},
		{"one falls", []*betanet.Document{metrics(5, 5), metrics(4, 5)}, 1},
		{"both fall", []*betanet.Document{metrics(5, 5), metrics(4, 4)}, 1},
		{"falls twice", []*betanet.Document{metrics(5, 5), metrics(4, 5), metrics(3, 5)}, 2},
		{"falls to zero", []*betanet.Document{metrics(5, 0), metrics(0, 0)}, 1},
		{"bytes fall", []*betanet.Document{network(5, 5, 1), network(4, 5, 1), network(4, 4, 1)}, 2},
		{"gauges may fall", []*betanet.Document{network(5, 5, 9), network(5, 5, 1)}, 0},
		{
			"nodes are not counters",
			[]*betanet.Document{betanettest.Nodes{Active: 5, Inactive: 5, Total: 10}.Doc(), betanettest.Nodes{Active: 1, Inactive: 1, Total: 2}.Doc()},
			0,
		},
		{
			"mixnodes fall",
			[]*betanet.Document{
				betanettest.Mixnodes{mixnode("a", 5, new(uint64(5))), mixnode("b", 5, nil)}.Doc(),
				betanettest.Mixnodes{mixnode("a", 4, new(uint64(4))), mixnode("b", 4, nil)}.Doc(),
			},
			1,
		},
		{
			"a mixnode leaves",
			[]*betanet.Document{betanettest.Mixnodes{mixnode("a", 5, nil)}.Doc(), betanettest.Mixnodes{}.Doc()},
			0,
		},
		{"drops of a mixnode fall", nodes(mixnode("a", 5, new(uint64(5))), mixnode("a", 5, new(uint64(4)))), 1},
		{"forwarded packets of a mixnode fall", nodes(forwards("a", 5, 5), forwards("a", 5, 4)), 1},
		{"a number that was sent is below the computed one", nodes(mixnode("a", 5, new(uint64(0))), forwards("a", 5, 4)), 0},
		{"the uptime of a mixnode falls", nodes(uptime("a", 60), uptime("a", 59)), 1},
		{"the uptime of a mixnode falls after it was missing", nodes(uptime("a", 60), mixnode("a", 5, nil), uptime("a", 59)), 1},
		{"the mean latency of a mixnode falls", nodes(delayed("a", 5, 9), delayed("a", 5, 1)), 0},
		{"every id is new", nodes(mixnode("a", 5, nil), mixnode("b", 5, nil)), 1},
		{
			"every id is new after an empty list",
			[]*betanet.Document{betanettest.Mixnodes{mixnode("a", 5, nil)}.Doc(), betanettest.Mixnodes{}.Doc(), betanettest.Mixnodes{mixnode("b", 0, nil)}.Doc()},
			1,
		},
		{
			"an id comes back after an empty list",
			[]*betanet.Document{betanettest.Mixnodes{mixnode("a", 5, nil)}.Doc(), betanettest.Mixnodes{}.Doc(), betanettest.Mixnodes{mixnode("a", 5, nil), mixnode("b", 0, nil)}.Doc()},
			0,
		},
		{
			"an id comes back that was not in the previous list",
			nodes(mixnode("a", 5, nil), mixnode("b", 5, nil), mixnode("a", 5, nil)),
			2,
		},
		{"empty lists", []*betanet.Document{betanettest.Mixnodes{}.Doc(), betanettest.Mixnodes{}.Doc(), betanettest.Mixnodes{mixnode("a", 5, nil)}.Doc()}, 0},
	} {
		var a Accumulator
		if got := fetchAll(&a, c.docs...); got != c.want {
			t.Errorf("%s: resets: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestLatencyIsObservedOncePerDocument(t *testing.T) {
	a := Accumulator{Histogram: true}
	fetchAll(&a, network(1, 1, 3), network(1, 1, 3), metrics(1, 1), betanettest.Nodes{}.Doc(), network(1, 1, 0))
	wantObservations(t, "Latency", a.Latency, 0.003, 0.003, 0)
}

func TestSumsAreUnknownUntilAMixnodeSendsTheCounter(t *testing.T) {
	var a Accumulator
	for _, c := range []struct {
		what               string
		docs               []betanettest.Mixnodes
		dropped, forwarded bool
	}{
		{"before any node", []betanettest.Mixnodes{{}}, true, true},
		{"a node that sends neither", []betanettest.Mixnodes{{mixnode("a", 1, nil)}, {}}, false, false},
		{"a node that sends forwarded packets", []betanettest.Mixnodes{{forwards("a", 1, 1)}}, false, true},
		{"a node that has sent dropped packets", []betanettest.Mixnodes{{mixnode("a", 1, new(uint64(0)))}, {mixnode("a", 1, nil)}}, true, true},
	} {
		for _, d := range c.docs {
			a.Fetched(nil, d.Doc())
		}
		if dropped, forwarded := a.Sums.Uint(betanet.PacketsDropped) != nil, a.Sums.Uint(betanet.PacketsForwarded) != nil; dropped != c.dropped || forwarded != c.forwarded {
			t.Errorf("%s: dropped, forwarded known: got %v, %v, want %v, %v", c.what, dropped, forwarded, c.dropped, c.forwarded)
		}
	}
}

func TestAThousandRetiredMixnodesAreRemembered(t *testing.T) {
	var a Accumulator
	many := func(n int) (d betanettest.Mixnodes) {
		for i := range n {
			d = append(d, mixnode(fmt.Sprint(i), 1, nil))
		}
		return d
	}
	oldest := betanettest.Mixnodes{mixnode("oldest", 1, nil)}
	// With the empty document 1001 nodes have left, so the oldest is forgotten.
	fetchAll(&a, oldest.Doc(), many(1000).Doc(), betanettest.Mixnodes{}.Doc(), many(1000).Doc())
	if got, want := sumOf(a.Sums, betanet.PacketsProcessed), uint64(1001); got != want {
		t.Errorf("messages after the others came back: got %d, want %d", got, want)
	}
	fetchAll(&a, oldest.Doc())
	if got, want := sumOf(a.Sums, betanet.PacketsProcessed), uint64(1002); got != want {
		t.Errorf("messages after the oldest came back: got %d, want %d", got, want)
	}
}

func TestLaterDocumentsDoNotChangePublishedTotals(t *testing.T) {
	a := Accumulator{Histogram: true}
	fetchAll(&a, network(1, 1, 3))
	published := a.Totals
	fetchAll(&a, network(1, 1, 3), betanettest.Mixnodes{mixnode("a", 5, nil)}.Doc())
	if published.Latency.GetSampleCount() != 1 || published.Sums != (betanet.Values{}) {
		t.Errorf("Totals published before: got %+v, want them unchanged", published)
	}
}
