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

// histogramOf returns a histogram with one observation.
func histogramOf(seconds float64) *dto.Histogram {
	h := NewHistogram()
	h.Observe(seconds)
	return h.Snapshot()
}

// shown contains the values of a view; nil is unknown.
type shown struct {
	Peers, Active, Inactive      *uint64
	Messages, Dropped, Forwarded *uint64
	BytesTransmitted             *uint64
	BytesReceived                *uint64
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
		BytesTransmitted: val.Uint(betanet.BytesTransmitted), BytesReceived: val.Uint(betanet.BytesReceived), PeakThroughput: val.Uint(betanet.PeakThroughput),
		LatencySeconds: val.LatencySeconds(), PacketLatency: val.PacketLatency, Latency: val.Latency, Mixnodes: val.Mixnodes,
	}
}

// mixnodesView returns a view of an upstream that sent documents of API mixnodes.
func mixnodesView(docs ...*betanet.Document) *View {
	a := Accumulator{Histogram: true}
	fetchAll(&a, docs...)
	v := view(settings(), up(docs[len(docs)-1]))
	v.Totals = a.Totals
	return v
}

// withLatency sets the latency histogram of a view.
func withLatency(v *View, h *dto.Histogram) *View {
	v.Totals.Latency = h
	return v
}

func TestValuesComeFromUnexpiredDocuments(t *testing.T) {
	nodes := betanettest.Nodes{Active: 3, Inactive: 1, Total: 4}.Doc()
	half := histogramOf(0.5)
	lastGood := withLatency(view(settings(), stale(metrics(10, 2)), down(), stale(network(20, 30, 500))), half)
	withoutLatency := betanettest.Network{BytesTransmitted: 20, BytesReceived: 30, PeakThroughput: 9}.Doc()
	list := betanettest.Mixnodes{mixnode("a", 10, new(uint64(1))), mixnode("b", 20, nil), mixnode("c", 30, nil)}
	list[0].AvgLatencyMS = new(500.0)
	list[2].Status = "stopped"
	three := mixnodesView(betanettest.Mixnodes{mixnode("gone", 40, nil)}.Doc(), list.Doc())
	sparse := betanettest.Mixnodes{mixnode("a", 10, nil)}.Doc()
	for _, c := range []struct {
		name string
		view *View
		age  time.Duration
		want shown
	}{
		{"each document adds its values", withLatency(view(settings(), up(metrics(10, 2)), up(nodes), up(network(20, 30, 500))), half), 0, shown{
			Messages: new(uint64(10)), Dropped: new(uint64(2)),
			Peers: new(uint64(4)), Active: new(uint64(3)), Inactive: new(uint64(1)),
			BytesTransmitted: new(uint64(20)), BytesReceived: new(uint64(30)), PeakThroughput: new(uint64(9)),
			LatencySeconds: new(0.5), Latency: half,
		}},
		{"a total that was sent is not computed", view(settings(), up(betanettest.Nodes{Active: 3, Inactive: 1, Total: 100}.Doc())), 0, shown{
			Peers: new(uint64(100)), Active: new(uint64(3)), Inactive: new(uint64(1)),
		}},
		{"zero is a value", view(settings(), up(metrics(0, 0))), 0, shown{Messages: new(uint64(0)), Dropped: new(uint64(0))}},
		{"an unknown latency is absent", view(settings(), pending(), pending(), up(withoutLatency)), 0, shown{
			BytesTransmitted: new(uint64(20)), BytesReceived: new(uint64(30)), PeakThroughput: new(uint64(9)),
		}},
		{"not tried", withLatency(view(settings(), pending(), pending(), pending()), half), 0, shown{}},
		{"failed, with a histogram of earlier documents", withLatency(view(settings(), down(), down(), down()), half), 0, shown{}},
		{"stale values are shown until they expire", lastGood, maxStale - 1, shown{
			Messages: new(uint64(10)), Dropped: new(uint64(2)),
			BytesTransmitted: new(uint64(20)), BytesReceived: new(uint64(30)), PeakThroughput: new(uint64(9)),
			LatencySeconds: new(0.5), Latency: half,
		}},
		{"expired", lastGood, maxStale, shown{}},
		{"mixnodes are counted and summed", three, 0, shown{
			Peers: new(uint64(3)), Active: new(uint64(2)), Inactive: new(uint64(1)),
			Messages: new(uint64(100)), Dropped: new(uint64(1)), Forwarded: new(uint64(9)),
			LatencySeconds: new(0.5), PacketLatency: &LatencySum{5_000_000, 10}, Latency: three.Totals.Latency,
			Mixnodes: list.Doc().Mixnodes,
		}},
		{"mixnodes without optional fields", mixnodesView(sparse), 0, shown{
			Peers: new(uint64(1)), Active: new(uint64(1)), Inactive: new(uint64(0)), Messages: new(uint64(10)),
			PacketLatency: &LatencySum{}, Mixnodes: sparse.Mixnodes,
		}},
		{"an empty list of mixnodes", mixnodesView(betanettest.Mixnodes{}.Doc()), 0, shown{
			Peers: new(uint64(0)), Active: new(uint64(0)), Inactive: new(uint64(0)), Messages: new(uint64(0)),
			Dropped: new(uint64(0)), Forwarded: new(uint64(0)), PacketLatency: &LatencySum{}, Mixnodes: []betanet.Mixnode{},
		}},
	} {
		// A value that is not listed must be absent.
		if diff := cmp.Diff(c.want, valuesOf(c.view, start.Add(c.age)), protocmp.Transform(), cmp.AllowUnexported(betanet.Values{})); diff != "" {
			t.Errorf("%s: Values (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestDisabledHistogramIsAbsent(t *testing.T) {
	var a Accumulator
	fetchAll(&a, network(1, 1, 500), network(1, 1, 500))
	fetchAll(&a, nodes(delayed("a", 10, 20), delayed("a", 20, 20))...)
	if a.Latency != nil {
		t.Errorf("Latency: got %v, want nil", a.Latency)
	}
}

func TestAllMixnodesAreCounted(t *testing.T) {
	var doc betanettest.Mixnodes
	for i := range 1500 {
		doc = append(doc, mixnode(fmt.Sprint(i), 1, nil))
	}
	doc[1499].Status = "stopped"
	got := valuesOf(view(settings(), up(doc.Doc())), start)
	if len(got.Mixnodes) != 1500 || *got.Peers != 1500 || *got.Active != 1499 || *got.Inactive != 1 {
		t.Errorf("got %d mixnodes, Peers, Active, Inactive: %d, %d, %d, want 1500 mixnodes, 1500, 1499, 1", len(got.Mixnodes), *got.Peers, *got.Active, *got.Inactive)
	}
}
