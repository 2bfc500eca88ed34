package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
)

// histogramOf has one observation.
func histogramOf(seconds float64) *dto.Histogram {
	h := NewHistogram()
	h.Observe(seconds)
	return h.Snapshot()
}

// shown are the values of a view, by their names; nil is unknown.
type shown struct {
	Peers, Active, Inactive      *uint64
	Messages, Dropped, Forwarded *uint64
	BytesTransmitted, BytesRecvd *uint64
	PeakThroughput               *uint64
	LatencySeconds               *float64
	PacketLatency                *LatencySum
	Latency                      *dto.Histogram
	Mixnodes                     []betanet.Mixnode
}

func valuesOf(v *View, now time.Time) shown {
	val := v.Values(now)
	return shown{
		Peers: val.Uint(betanet.TotalNodes), Active: val.Uint(betanet.ActiveNodes), Inactive: val.Uint(betanet.InactiveNodes),
		Messages: val.Uint(betanet.PacketsProcessed), Dropped: val.Uint(betanet.PacketsDropped), Forwarded: val.Uint(betanet.PacketsForwarded),
		BytesTransmitted: val.Uint(betanet.BytesTransmitted), BytesRecvd: val.Uint(betanet.BytesReceived), PeakThroughput: val.Uint(betanet.PeakThroughput),
		LatencySeconds: val.LatencySeconds(), PacketLatency: val.PacketLatency, Latency: val.Latency, Mixnodes: val.Mixnodes,
	}
}

// wantValues compares all values, so that what is not named must be absent.
func wantValues(t *testing.T, v *View, now time.Time, want shown) {
	t.Helper()
	if diff := cmp.Diff(want, valuesOf(v, now), protocmp.Transform(), cmp.AllowUnexported(betanet.Values{})); diff != "" {
		t.Errorf("Values (-want +got):\n%s", diff)
	}
}

func TestEachDocumentGivesItsValues(t *testing.T) {
	nodes := betanettest.Nodes{Active: 3, Inactive: 1, Total: 4}.Doc()
	v := view(settings(), up(metrics(10, 2)), up(nodes), up(network(20, 30, 500)))
	v.Totals.Latency = histogramOf(0.5)
	wantValues(t, v, start, shown{
		Messages: ptr(uint64(10)), Dropped: ptr(uint64(2)),
		Peers: ptr(uint64(4)), Active: ptr(uint64(3)), Inactive: ptr(uint64(1)),
		BytesTransmitted: ptr(uint64(20)), BytesRecvd: ptr(uint64(30)), PeakThroughput: ptr(uint64(9)),
		LatencySeconds: ptr(0.5), Latency: v.Totals.Latency,
	})
}

// The numbers are the upstream's: a total is not made from its parts.
func TestPeersAreTheTotalThatWasSent(t *testing.T) {
	v := view(settings(), up(betanettest.Nodes{Active: 3, Inactive: 1, Total: 100}.Doc()))
	if got := valuesOf(v, start).Peers; got == nil || *got != 100 {
		t.Errorf("Peers: got %v, want 100", got)
	}
}

func TestZeroIsAValue(t *testing.T) {
	wantValues(t, view(settings(), up(metrics(0, 0))), start, shown{Messages: ptr(uint64(0)), Dropped: ptr(uint64(0))})
}

func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	for name, v := range map[string]*View{
		"not tried": view(settings(), pending(), pending(), pending()),
		"failed":    view(settings(), down(), down(), down()),
	} {
		v.Totals.Latency = histogramOf(1) // of documents that have gone
		if diff := cmp.Diff(shown{}, valuesOf(v, start), protocmp.Transform()); diff != "" {
			t.Errorf("%s: Values (-want +got):\n%s", name, diff)
		}
	}
}

func TestStaleValuesAreShownUntilTheyExpire(t *testing.T) {
	v := view(settings(), stale(metrics(10, 2)), down(), stale(network(20, 30, 500)))
	v.Totals.Latency = histogramOf(0.5)
	wantValues(t, v, start.Add(maxStale-1), shown{
		Messages: ptr(uint64(10)), Dropped: ptr(uint64(2)),
		BytesTransmitted: ptr(uint64(20)), BytesRecvd: ptr(uint64(30)), PeakThroughput: ptr(uint64(9)),
		LatencySeconds: ptr(0.5), Latency: v.Totals.Latency,
	})
	wantValues(t, v, start.Add(maxStale), shown{})
}

func TestAHistogramThatIsNotWantedIsAbsent(t *testing.T) {
	var a Accumulator
	take(&a, network(1, 1, 500), network(1, 1, 500))
	take(&a, nodes(delayed("a", 10, 20), delayed("a", 20, 20))...)
	if a.Latency != nil {
		t.Errorf("Latency: got %v, want nil", a.Latency)
	}
}

func TestAnEmptyHistogramIsAbsent(t *testing.T) {
	if got := view(settings(), up(betanettest.Mixnodes{}.Doc())).Values(start).Latency; got != nil {
		t.Errorf("Latency: got %v, want nil", got)
	}
}

func TestMixnodesGiveCountsAndSums(t *testing.T) {
	list := betanettest.Mixnodes{mixnode("a", 10, ptr(uint64(1))), mixnode("b", 20, nil), mixnode("c", 30, nil)}
	list[0].AvgLatencyMS = ptr(500.0)
	list[2].Status = "stopped"
	doc := list.Doc()
	a := Accumulator{Histogram: true}
	take(&a, betanettest.Mixnodes{mixnode("gone", 40, nil)}.Doc(), doc)
	v := view(settings(), up(doc))
	v.Totals = a.Totals
	wantValues(t, v, start, shown{
		Peers: ptr(uint64(3)), Active: ptr(uint64(2)), Inactive: ptr(uint64(1)),
		Messages: ptr(uint64(100)), Dropped: ptr(uint64(1)), Forwarded: ptr(uint64(9)),
		LatencySeconds: ptr(0.5), PacketLatency: &LatencySum{5_000_000, 10}, Latency: v.Totals.Latency,
		Mixnodes: doc.Mixnodes,
	})
}

func TestALatencyThatIsNotKnownIsAbsent(t *testing.T) {
	doc := betanettest.Network{BytesTransmitted: 20, BytesReceived: 30, PeakThroughput: 9}.Doc()
	wantValues(t, view(settings(), pending(), pending(), up(doc)), start, shown{
		BytesTransmitted: ptr(uint64(20)), BytesRecvd: ptr(uint64(30)), PeakThroughput: ptr(uint64(9)),
	})
}

func TestMixnodesThatSayLessGiveLess(t *testing.T) {
	doc := betanettest.Mixnodes{mixnode("a", 10, nil)}.Doc()
	var a Accumulator
	take(&a, doc)
	v := view(settings(), up(doc))
	v.Totals = a.Totals
	wantValues(t, v, start, shown{
		Peers: ptr(uint64(1)), Active: ptr(uint64(1)), Inactive: ptr(uint64(0)), Messages: ptr(uint64(10)),
		PacketLatency: &LatencySum{}, Mixnodes: doc.Mixnodes,
	})
}

func TestNoMixnodesAreZeroOfThem(t *testing.T) {
	var a Accumulator
	take(&a, betanettest.Mixnodes{}.Doc())
	v := view(settings(), up(betanettest.Mixnodes{}.Doc()))
	v.Totals = a.Totals
	wantValues(t, v, start, shown{
		Peers: ptr(uint64(0)), Active: ptr(uint64(0)), Inactive: ptr(uint64(0)), Messages: ptr(uint64(0)),
		Dropped: ptr(uint64(0)), Forwarded: ptr(uint64(0)), PacketLatency: &LatencySum{},
		Mixnodes: []betanet.Mixnode{},
	})
}

func TestAllMixnodesAreCounted(t *testing.T) {
	var doc betanettest.Mixnodes
	for i := range 1500 {
		doc = append(doc, mixnode(fmt.Sprint(i), 1, nil))
	}
	doc[1499].Status = "stopped"
	got := valuesOf(view(settings(), up(doc.Doc())), start)
	if len(got.Mixnodes) != 1500 || *got.Peers != 1500 || *got.Active != 1499 || *got.Inactive != 1 {
		t.Errorf("got %d, Peers, Active, Inactive: %d, %d, %d, want all of 1500", len(got.Mixnodes), *got.Peers, *got.Active, *got.Inactive)
	}
}
