package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/google/go-cmp/cmp"
)

// wantValues compares all values, so that what is not named must be absent.
func wantValues(t *testing.T, v *View, now time.Time, want Values) {
	t.Helper()
	if diff := cmp.Diff(want, v.Values(now)); diff != "" {
		t.Errorf("Values (-want +got):\n%s", diff)
	}
}

func TestEachDocumentGivesItsValues(t *testing.T) {
	nodes := &betanet.NodesDoc{Active: 3, Inactive: 1, Total: 4}
	v := view(settings(), up(metrics(10, 2)), up(nodes), up(network(20, 30, 500)))
	v.Totals.Latency.Observe(0.5)
	wantValues(t, v, start, Values{
		Messages: ptr(uint64(10)), Dropped: ptr(uint64(2)),
		Peers: ptr(uint64(4)), Active: ptr(uint64(3)), Inactive: ptr(uint64(1)),
		BytesTransmitted: ptr(uint64(20)), BytesRecvd: ptr(uint64(30)), PeakThroughput: ptr(uint64(9)),
		LatencySeconds: ptr(0.5), Latency: &v.Totals.Latency,
	})
}

// The numbers are the upstream's: a total is not made from its parts.
func TestPeersAreTheTotalThatWasSent(t *testing.T) {
	v := view(settings(), up(&betanet.NodesDoc{Active: 3, Inactive: 1, Total: 100}))
	if got := v.Values(start).Peers; got == nil || *got != 100 {
		t.Errorf("Peers: got %v, want 100", got)
	}
}

func TestZeroIsAValue(t *testing.T) {
	wantValues(t, view(settings(), up(metrics(0, 0))), start, Values{Messages: ptr(uint64(0)), Dropped: ptr(uint64(0))})
}

func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	for name, v := range map[string]*View{
		"not tried": view(settings(), pending(), pending(), pending()),
		"failed":    view(settings(), down(), down(), down()),
	} {
		v.Totals.Latency.Observe(1) // of documents that have gone
		if diff := cmp.Diff(Values{}, v.Values(start)); diff != "" {
			t.Errorf("%s: Values (-want +got):\n%s", name, diff)
		}
	}
}

func TestStaleValuesAreShownUntilTheyExpire(t *testing.T) {
	v := view(settings(), stale(metrics(10, 2)), down(), stale(network(20, 30, 500)))
	v.Totals.Latency.Observe(0.5)
	wantValues(t, v, start.Add(maxStale-1), Values{
		Messages: ptr(uint64(10)), Dropped: ptr(uint64(2)),
		BytesTransmitted: ptr(uint64(20)), BytesRecvd: ptr(uint64(30)), PeakThroughput: ptr(uint64(9)),
		LatencySeconds: ptr(0.5), Latency: &v.Totals.Latency,
	})
	wantValues(t, v, start.Add(maxStale), Values{})
}

func TestAHistogramThatIsNotWantedIsAbsent(t *testing.T) {
	s := settings()
	s.Histogram = false
	for _, d := range []betanet.Document{network(1, 1, 500), betanet.MixnodesDoc{}} {
		v := view(s, up(d))
		v.Totals.Latency.Observe(0.5)
		if got := v.Values(start).Latency; got != nil {
			t.Errorf("%v: Latency: got %v, want nil", d.Endpoint(), got)
		}
	}
}

func TestAnEmptyHistogramIsAbsent(t *testing.T) {
	if got := view(settings(), up(betanet.MixnodesDoc{})).Values(start).Latency; got != nil {
		t.Errorf("Latency: got %v, want nil", got)
	}
}

func TestMixnodesGiveCountsAndSums(t *testing.T) {
	doc := betanet.MixnodesDoc{mixnode("a", 10, ptr(uint64(1))), mixnode("b", 20, nil), mixnode("c", 30, nil)}
	doc[0].AvgLatencyMS = ptr(500.0)
	doc[2].Status = "stopped"
	var a Accumulator
	take(&a, betanet.MixnodesDoc{mixnode("gone", 40, nil)}, doc)
	v := view(settings(), up(doc))
	v.Totals = a.Totals
	wantValues(t, v, start, Values{
		Peers: ptr(uint64(3)), Active: ptr(uint64(2)), Inactive: ptr(uint64(1)),
		Messages: ptr(uint64(100)), Dropped: ptr(uint64(1)),
		LatencySeconds: ptr(0.5), Latency: &v.Totals.Latency,
		Mixnodes: doc, Omitted: ptr(uint64(0)),
	})
}

func TestMixnodesThatSayLessGiveLess(t *testing.T) {
	doc := betanet.MixnodesDoc{mixnode("a", 10, nil)}
	var a Accumulator
	take(&a, doc)
	v := view(settings(), up(doc))
	v.Totals = a.Totals
	wantValues(t, v, start, Values{
		Peers: ptr(uint64(1)), Active: ptr(uint64(1)), Inactive: ptr(uint64(0)), Messages: ptr(uint64(10)),
		Mixnodes: doc, Omitted: ptr(uint64(0)),
	})
}

func TestNoMixnodesAreZeroOfThem(t *testing.T) {
	wantValues(t, view(settings(), up(betanet.MixnodesDoc{})), start, Values{
		Peers: ptr(uint64(0)), Active: ptr(uint64(0)), Inactive: ptr(uint64(0)), Messages: ptr(uint64(0)),
		Mixnodes: betanet.MixnodesDoc{}, Omitted: ptr(uint64(0)),
	})
}

func TestAtMostThousandMixnodesAreShownAndAllAreCounted(t *testing.T) {
	for n, omitted := range map[int]uint64{999: 0, 1000: 0, 1001: 1, 1500: 500} {
		var doc betanet.MixnodesDoc
		for i := range n {
			doc = append(doc, mixnode(fmt.Sprint(i), 1, nil))
		}
		doc[n-1].Status = "stopped"
		got := view(settings(), up(doc)).Values(start)
		if len(got.Mixnodes) != n-int(omitted) || *got.Omitted != omitted {
			t.Errorf("of %d: got %d shown and %d omitted, want %d omitted", n, len(got.Mixnodes), *got.Omitted, omitted)
		}
		if *got.Peers != uint64(n) || *got.Active != uint64(n-1) || *got.Inactive != 1 {
			t.Errorf("of %d: Peers, Active, Inactive: got %d, %d, %d, want all counted", n, *got.Peers, *got.Active, *got.Inactive)
		}
	}
}
