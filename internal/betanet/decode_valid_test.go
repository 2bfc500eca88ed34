package betanet

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func TestDecodeReadsEveryDocument(t *testing.T) {
	for _, c := range []struct {
		name string
		body string
		want Document
	}{
		{"metrics", `{"packets_processed":1,"packets_dropped":2}`, &MetricsDoc{1, 2}},
		{"nodes", `{"active_nodes":1,"inactive_nodes":2,"total_nodes":3}`, &NodesDoc{1, 2, 3}},
		{"network", `{"bytes_transmitted":1,"bytes_received":2,"avg_latency_ms":3.25,"peak_throughput":4}`, &NetworkDoc{1, 2, ptr(3.25), 4}},
		{"latency that is not known", `{"bytes_transmitted":1,"bytes_received":2,"avg_latency_ms":null,"peak_throughput":4}`, &NetworkDoc{1, 2, nil, 4}},
		{"zeros", `{"packets_processed":0,"packets_dropped":0}`, &MetricsDoc{}},
		{"other order", `{"packets_dropped":2,"packets_processed":1}`, &MetricsDoc{1, 2}},
		{"white space", " \r\n\t{ \"packets_processed\" : 1 ,\n\"packets_dropped\" : 2 } \r\n\t", &MetricsDoc{1, 2}},
		{"escaped spelling of a key", `{"packets_\u0070rocessed":1,"packets_dropped":2}`, &MetricsDoc{1, 2}},
		{
			"unknown fields", `{"a":null,"packets_processed":1,"b":{"packets_dropped":9,"c":[{},[],"x",1e999,-0,true]},"packets_dropped":2,"":0}`,
			&MetricsDoc{1, 2},
		},
		{
			"key of another case beside the right one", `{"Packets_Processed":9,"packets_processed":1,"packets_dropped":2,"PACKETS_DROPPED":"x"}`,
			&MetricsDoc{1, 2},
		},
		{"largest numbers", `{"packets_processed":18446744073709551615,"packets_dropped":9007199254740993}`, &MetricsDoc{math.MaxUint64, 1<<53 + 1}},
		{"no mixnodes", `[]`, MixnodesDoc{}},
		{"no mixnodes, white space", " [ ] ", MixnodesDoc{}},
		{
			"mixnode as published", `[{"id":"mixnode-18eae318a5b82695","status":"active","packets_processed":0,"packets_forwarded":0,"packets_dropped":0,"uptime_seconds":0,"avg_latency_ms":0.0}]`,
			MixnodesDoc{{ID: "mixnode-18eae318a5b82695", Status: "active", PacketsForwarded: ptr(uint64(0)), PacketsDropped: ptr(uint64(0)), UptimeSeconds: ptr(uint64(0)), AvgLatencyMS: ptr(0.0)}},
		},
		{
			"mixnodes of the sibling", `[{"id":"a","status":"deploying","packets_processed":1,"uptime_seconds":2,"region":"eu","created_at":"2026-01-01T00:00:00Z"},` +
				`{"id":"b","status":"stopped","packets_processed":3,"uptime_seconds":4,"avg_latency_ms":5}]`,
			MixnodesDoc{
				{ID: "a", Status: "deploying", PacketsProcessed: 1, UptimeSeconds: ptr(uint64(2))},
				{ID: "b", Status: "stopped", PacketsProcessed: 3, UptimeSeconds: ptr(uint64(4)), AvgLatencyMS: ptr(5.0)},
			},
		},
		{
			"mixnodes without uptime and latency", `[{"id":"a","status":"active","packets_processed":1,"avg_latency_ms":null}]`,
			MixnodesDoc{{ID: "a", Status: "active", PacketsProcessed: 1}},
		},
		{
			"text that is not ASCII", `[{"id":"\u00e9é\n😀\ud83d\ude00","status":"","packets_processed":1,"uptime_seconds":2}]`,
			MixnodesDoc{{ID: "éé\n😀😀", PacketsProcessed: 1, UptimeSeconds: ptr(uint64(2))}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wantAccepted(t, c.want.Endpoint(), c.body)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLatencyMayBeWrittenInAnyWay(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "0.0": 0, "7": 7, "1.5": 1.5, "1e3": 1000, "1E+3": 1000, "25e-1": 2.5,
		"1.7976931348623157e308": math.MaxFloat64, "1e-999": 0, "-0": 0, "-0.0": 0,
	} {
		network := wantAccepted(t, Network, with(Network, "avg_latency_ms", text)).(*NetworkDoc)
		node := wantAccepted(t, Mixnodes, with(Mixnodes, "avg_latency_ms", text)).(MixnodesDoc)[0]
		for _, got := range []float64{*network.AvgLatencyMS, *node.AvgLatencyMS} {
			if got != want || math.Signbit(got) {
				t.Errorf("avg_latency_ms %s: got %v, want %v", text, got, want)
			}
		}
	}
}

func TestWhatAMixnodeDoesNotSayIsNil(t *testing.T) {
	for _, f := range knownFields {
		if !f.optional {
			continue
		}
		n := wantAccepted(t, Mixnodes, with(Mixnodes, f.name, absent)).(MixnodesDoc)[0]
		for name, isNil := range map[string]bool{
			"packets_forwarded": n.PacketsForwarded == nil,
			"packets_dropped":   n.PacketsDropped == nil,
			"uptime_seconds":    n.UptimeSeconds == nil,
			"avg_latency_ms":    n.AvgLatencyMS == nil,
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
		} else if got := wantAccepted(t, Mixnodes, body).(MixnodesDoc)[0].ID; got != id {
			t.Errorf("id: got %q, want %q", got, id)
		}
	}
}

// Decoders are pooled and read the bytes in place: what they gave must not
// change when the bytes or the decoder are used again.
func TestADocumentOutlivesItsBytes(t *testing.T) {
	body := []byte(with(Mixnodes, "id", `"first"`))
	doc, err := Decode(Mixnodes, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = 'x'
	}
	wantAccepted(t, Mixnodes, with(Mixnodes, "id", `"other"`))
	if got := doc.(MixnodesDoc)[0].ID; got != "first" {
		t.Errorf("id: got %q, want %q", got, "first")
	}
}

func TestARefusedDocumentLeavesNothingForTheNext(t *testing.T) {
	for range 10 {
		wantRefused(t, Metrics, `{"packets_processed":[[[`, ReasonSyntax)
		wantRefused(t, Metrics, `{"a":1,"a":2}`, ReasonSchema)
		wantAccepted(t, Metrics, document(Metrics, nil))
	}
}

func TestLatencyIsTheMeanOverPackets(t *testing.T) {
	node := func(packets uint64, ms *float64) Mixnode {
		return Mixnode{Status: "active", PacketsProcessed: packets, AvgLatencyMS: ms}
	}
	stopped := node(1, ptr(5.0))
	stopped.Status = "stopped"
	for _, c := range []struct {
		name string
		doc  MixnodesDoc
		want *float64 // seconds
	}{
		{"no nodes", MixnodesDoc{}, nil},
		{"none has packets", MixnodesDoc{node(0, ptr(0.0)), node(0, ptr(5.0))}, nil},
		{"none gives it", MixnodesDoc{node(7, nil)}, nil},
		{"one", MixnodesDoc{node(3, ptr(500.0))}, ptr(0.5)},
		{"one that is stopped", MixnodesDoc{stopped}, ptr(0.005)},
		{"idle ones do not count", MixnodesDoc{node(0, ptr(0.0)), node(10, ptr(3000.0)), node(0, ptr(0.0))}, ptr(3.0)},
		{"each counts as often as it has packets", MixnodesDoc{node(3, ptr(1000.0)), node(1, ptr(5000.0))}, ptr(2.0)},
		{"zero is a value of a node with packets", MixnodesDoc{node(1, ptr(0.0)), node(1, ptr(1000.0))}, ptr(0.5)},
		{"packets without a latency do not count", MixnodesDoc{node(1, ptr(250.0)), node(1000, nil), node(1, ptr(750.0))}, ptr(0.5)},
		{"large numbers", MixnodesDoc{node(math.MaxUint64, ptr(math.MaxFloat64)), node(math.MaxUint64, ptr(math.MaxFloat64))}, ptr(math.MaxFloat64 / 1000)},
	} {
		switch got, ok := c.doc.LatencySeconds(); {
		case c.want == nil && ok:
			t.Errorf("%s: got %v, want none", c.name, got)
		case c.want != nil && (!ok || got != *c.want):
			t.Errorf("%s: got %v, %v, want %v", c.name, got, ok, *c.want)
		}
	}
}

func TestForwardedPacketsAreThoseSentOrThoseNotDropped(t *testing.T) {
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
		n := Mixnode{PacketsProcessed: 10, PacketsForwarded: c.forwarded, PacketsDropped: c.dropped}
		switch got, ok := n.Forwarded(); {
		case c.want == nil && ok:
			t.Errorf("%s: got %v, want none", c.name, got)
		case c.want != nil && (!ok || got != *c.want):
			t.Errorf("%s: got %v, %v, want %v", c.name, got, ok, *c.want)
		}
	}
}
