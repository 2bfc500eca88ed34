package betanet

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func metricsDoc(processed, dropped uint64) *Document {
	return &Document{Endpoint: Metrics, Values: newValues(map[Field]uint64{PacketsProcessed: processed, PacketsDropped: dropped})}
}

func networkDoc(sent, received, peak uint64) *Document {
	return &Document{Endpoint: Network, Values: newValues(map[Field]uint64{BytesTransmitted: sent, BytesReceived: received, PeakThroughput: peak})}
}

func mixnodesDoc(nodes ...Mixnode) *Document {
	return &Document{Endpoint: Mixnodes, Mixnodes: append([]Mixnode{}, nodes...)}
}

func newValues(all map[Field]uint64) (v Values) {
	for f, n := range all {
		v.Set(f, n)
	}
	return v
}

// withLatency returns v with a latency.
func withLatency(v Values, ms float64) Values {
	v.SetFloat(AvgLatency, ms)
	return v
}

func TestDecodeAcceptsValidDocuments(t *testing.T) {
	for _, c := range []struct {
		name string
		body string
		want *Document
	}{
		{"metrics", `{"packets_processed":1,"packets_dropped":2}`, metricsDoc(1, 2)},
		{"nodes", `{"active_nodes":1,"inactive_nodes":2,"total_nodes":3}`, &Document{Endpoint: Nodes, Values: newValues(map[Field]uint64{ActiveNodes: 1, InactiveNodes: 2, TotalNodes: 3})}},
		{"network", `{"bytes_transmitted":1,"bytes_received":2,"avg_latency_ms":3.25,"peak_throughput":4}`, &Document{Endpoint: Network, Values: withLatency(networkDoc(1, 2, 4).Values, 3.25)}},
		{"unknown latency", `{"bytes_transmitted":1,"bytes_received":2,"avg_latency_ms":null,"peak_throughput":4}`, networkDoc(1, 2, 4)},
		{"zeros", `{"packets_processed":0,"packets_dropped":0}`, metricsDoc(0, 0)},
		{"other order", `{"packets_dropped":2,"packets_processed":1}`, metricsDoc(1, 2)},
		{"white space", " \r\n\t{ \"packets_processed\" : 1 ,\n\"packets_dropped\" : 2 } \r\n\t", metricsDoc(1, 2)},
		{"escaped spelling of a key", `{"packets_\u0070rocessed":1,"packets_dropped":2}`, metricsDoc(1, 2)},
		{
			"unknown fields", `{"a":null,"packets_processed":1,"b":{"packets_dropped":9,"c":[{},[],"x",1e999,-0,true]},"packets_dropped":2,"":0}`,
			metricsDoc(1, 2),
		},
		{
			"key of another case and the right one", `{"Packets_Processed":9,"packets_processed":1,"packets_dropped":2,"PACKETS_DROPPED":"x"}`,
			metricsDoc(1, 2),
		},
		{"largest numbers", `{"packets_processed":18446744073709551615,"packets_dropped":9007199254740993}`, metricsDoc(math.MaxUint64, 1<<53+1)},
		{"no mixnodes", `[]`, mixnodesDoc()},
		{"no mixnodes, white space", " [ ] ", mixnodesDoc()},
		{
			"mixnode as published", `[{"id":"mixnode-18eae318a5b82695","status":"active","packets_processed":0,"packets_forwarded":0,"packets_dropped":0,"uptime_seconds":0,"avg_latency_ms":0.0}]`,
			mixnodesDoc(Mixnode{"mixnode-18eae318a5b82695", "active", withLatency(newValues(map[Field]uint64{PacketsProcessed: 0, PacketsForwarded: 0, PacketsDropped: 0, Uptime: 0}), 0)}),
		},
		{
			"mixnodes with other fields", `[{"id":"a","status":"deploying","packets_processed":1,"uptime_seconds":2,"region":"eu","created_at":"2026-01-01T00:00:00Z"},` +
				`{"id":"b","status":"stopped","packets_processed":3,"uptime_seconds":4,"avg_latency_ms":5}]`,
			mixnodesDoc(
				Mixnode{"a", "deploying", newValues(map[Field]uint64{PacketsProcessed: 1, Uptime: 2})},
				Mixnode{"b", "stopped", withLatency(newValues(map[Field]uint64{PacketsProcessed: 3, Uptime: 4}), 5)},
			),
		},
		{
			"mixnodes without uptime and latency", `[{"id":"a","status":"active","packets_processed":1,"avg_latency_ms":null}]`,
			mixnodesDoc(Mixnode{"a", "active", newValues(map[Field]uint64{PacketsProcessed: 1})}),
		},
		{
			"text that is not ASCII", `[{"id":"\u00e9é\n😀\ud83d\ude00","status":"","packets_processed":1,"uptime_seconds":2}]`,
			mixnodesDoc(Mixnode{"éé\n😀😀", "", newValues(map[Field]uint64{PacketsProcessed: 1, Uptime: 2})}),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wantAccepted(t, c.want.Endpoint, c.body)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(Values{})); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALatencyMayHaveAnyNumberFormat(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "0.0": 0, "7": 7, "1.5": 1.5, "1e3": 1000, "1E+3": 1000, "25e-1": 2.5,
		"1.7976931348623157e308": math.MaxFloat64, "1e-999": 0, "-0": 0, "-0.0": 0,
	} {
		network := wantAccepted(t, Network, with(Network, "avg_latency_ms", text))
		node := wantAccepted(t, Mixnodes, with(Mixnodes, "avg_latency_ms", text)).Mixnodes[0]
		for _, values := range []Values{network.Values, node.Values} {
			if got, ok := values.Float(AvgLatency); !ok || got != want || math.Signbit(got) {
				t.Errorf("avg_latency_ms %s: got %v, want %v", text, got, want)
			}
		}
	}
}

func TestOptionalFieldsMayBeUnknown(t *testing.T) {
	for _, f := range knownFields {
		if !f.optional {
			continue
		}
		n := wantAccepted(t, Mixnodes, with(Mixnodes, f.name, absent)).Mixnodes[0]
		_, latencyKnown := n.Float(AvgLatency)
		for name, isNil := range map[string]bool{
			"packets_forwarded": n.Uint(PacketsForwarded) == nil,
			"packets_dropped":   n.Uint(PacketsDropped) == nil,
			"uptime_seconds":    n.Uint(Uptime) == nil,
			"avg_latency_ms":    !latencyKnown,
		} {
			if want := name == f.name; isNil != want {
				t.Errorf("without %s: %s is nil: got %v, want %v", f.name, name, isNil, want)
			}
		}
	}
}

func TestAMixnodesIDHasOneTo128Bytes(t *testing.T) {
	for id, accepted := range map[string]bool{
		"": false, "x": true,
		strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
		strings.Repeat("é", 64): true, strings.Repeat("é", 65): false, // two bytes each
	} {
		body := with(Mixnodes, "id", `"`+id+`"`)
		if !accepted {
			wantRefused(t, Mixnodes, body, ReasonSchema)
		} else if got := wantAccepted(t, Mixnodes, body).Mixnodes[0].ID; got != id {
			t.Errorf("id: got %q, want %q", got, id)
		}
	}
}

// Decoders are pooled and do not copy their input.
func TestADocumentDoesNotAliasItsInput(t *testing.T) {
	body := []byte(with(Mixnodes, "id", `"first"`))
	doc, err := Decode(Mixnodes, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = 'x'
	}
	wantAccepted(t, Mixnodes, with(Mixnodes, "id", `"other"`))
	if got := doc.Mixnodes[0].ID; got != "first" {
		t.Errorf("id: got %q, want %q", got, "first")
	}
}

func TestARefusedDocumentDoesNotAffectTheNext(t *testing.T) {
	for range 10 {
		wantRefused(t, Metrics, `{"packets_processed":[[[`, ReasonSyntax)
		wantRefused(t, Metrics, `{"a":1,"a":2}`, ReasonSchema)
		wantAccepted(t, Metrics, document(Metrics, nil))
	}
}

// wantOptional checks a value that must be unknown if want is nil.
func wantOptional[T comparable](t *testing.T, name string, got T, ok bool, want *T) {
	t.Helper()
	switch {
	case want == nil && ok:
		t.Errorf("%s: got %v, want none", name, got)
	case want != nil && (!ok || got != *want):
		t.Errorf("%s: got %v, %v, want %v", name, got, ok, *want)
	}
}

func TestMeanLatencyIsWeightedByPackets(t *testing.T) {
	node := func(packets uint64, ms *float64) Mixnode {
		n := Mixnode{Status: "active", Values: newValues(map[Field]uint64{PacketsProcessed: packets})}
		if ms != nil {
			n.SetFloat(AvgLatency, *ms)
		}
		return n
	}
	stopped := node(1, ptr(5.0))
	stopped.Status = "stopped"
	for _, c := range []struct {
		name string
		doc  []Mixnode
		want *float64 // seconds
	}{
		{"no nodes", []Mixnode{}, nil},
		{"no packets", []Mixnode{node(0, ptr(0.0)), node(0, ptr(5.0))}, nil},
		{"no latencies", []Mixnode{node(7, nil)}, nil},
		{"one", []Mixnode{node(3, ptr(500.0))}, ptr(0.5)},
		{"a stopped node", []Mixnode{stopped}, ptr(0.005)},
		{"idle nodes do not count", []Mixnode{node(0, ptr(0.0)), node(10, ptr(3000.0)), node(0, ptr(0.0))}, ptr(3.0)},
		{"packets are the weights", []Mixnode{node(3, ptr(1000.0)), node(1, ptr(5000.0))}, ptr(2.0)},
		{"zero counts for a node with packets", []Mixnode{node(1, ptr(0.0)), node(1, ptr(1000.0))}, ptr(0.5)},
		{"nodes without a latency do not count", []Mixnode{node(1, ptr(250.0)), node(1000, nil), node(1, ptr(750.0))}, ptr(0.5)},
		{"large numbers", []Mixnode{node(math.MaxUint64, ptr(math.MaxFloat64)), node(math.MaxUint64, ptr(math.MaxFloat64))}, ptr(math.MaxFloat64 / 1000)},
	} {
		got, ok := MeanLatency(c.doc)
		wantOptional(t, c.name, got/1000, ok, c.want)
	}
}

func TestForwardedPacketsAreSentOrComputed(t *testing.T) {
	for _, c := range []struct {
		name               string
		forwarded, dropped *uint64
		want               *uint64
	}{
		{"sent", ptr(uint64(7)), ptr(uint64(1)), ptr(uint64(7))},
		{"only forwarded sent", ptr(uint64(7)), nil, ptr(uint64(7))},
		{"only dropped sent", nil, ptr(uint64(4)), ptr(uint64(6))},
		{"more dropped than processed", nil, ptr(uint64(11)), ptr(uint64(0))},
		{"neither sent", nil, nil, nil},
	} {
		n := Mixnode{Values: newValues(map[Field]uint64{PacketsProcessed: 10})}
		if c.forwarded != nil {
			n.Set(PacketsForwarded, *c.forwarded)
		}
		if c.dropped != nil {
			n.Set(PacketsDropped, *c.dropped)
		}
		got, ok := n.Forwarded()
		wantOptional(t, c.name, got, ok, c.want)
	}
}
