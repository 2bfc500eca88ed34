package betanet

import (
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// encode returns the JSON of a document.
func encode(t *testing.T, doc *Document) []byte {
	t.Helper()
	var v any
	switch doc.Endpoint {
	case Metrics:
		v = map[string]any{"packets_processed": doc.Uint(PacketsProcessed), "packets_dropped": doc.Uint(PacketsDropped)}
	case Nodes:
		v = map[string]any{"active_nodes": doc.Uint(ActiveNodes), "inactive_nodes": doc.Uint(InactiveNodes), "total_nodes": doc.Uint(TotalNodes)}
	case Network:
		v = map[string]any{
			"bytes_transmitted": doc.Uint(BytesTransmitted), "bytes_received": doc.Uint(BytesReceived),
			"avg_latency_ms": nil, "peak_throughput": doc.Uint(PeakThroughput),
		}
		if x, ok := doc.Float(AvgLatency); ok {
			v.(map[string]any)["avg_latency_ms"] = x
		}
	case Mixnodes:
		nodes := []map[string]any{}
		for i := range doc.Mixnodes {
			n := &doc.Mixnodes[i]
			m := map[string]any{"id": n.ID, "status": n.Status, "packets_processed": n.Uint(PacketsProcessed)}
			if x := n.Uint(PacketsForwarded); x != nil {
				m["packets_forwarded"] = x
			}
			if x := n.Uint(PacketsDropped); x != nil {
				m["packets_dropped"] = x
			}
			if x := n.Uint(Uptime); x != nil {
				m["uptime_seconds"] = x
			}
			if x, ok := n.Float(AvgLatency); ok {
				m["avg_latency_ms"] = x
			}
			nodes = append(nodes, m)
		}
		v = nodes
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode %v: %v", doc, err)
	}
	return b
}

// FuzzDecode checks that an accepted document survives a round trip, and that a refused
// one has one of three reasons.
func FuzzDecode(f *testing.F) {
	for _, e := range allEndpoints {
		for _, body := range []string{
			document(e, nil), rich(e), rich(e)[:20], document(e, nil) + "x", "", "null", "[]", "{}", "NaN",
			with(e, "unknown", nested(40, "[", "", "]")), with(e, "\xff", "1"), with(e, "unknown", `{"a":1,"a":2}`),
		} {
			f.Add(uint8(e), []byte(body))
		}
	}
	for _, field := range knownFields {
		for _, value := range []string{"null", "-1", "-0", "1e3", "1.5", "1e999", "-1e-400", "18446744073709551615", "18446744073709551616", `"5"`, `""`, "{}"} {
			f.Add(uint8(field.endpoint), []byte(with(field.endpoint, field.name, value)))
		}
	}
	f.Add(uint8(Mixnodes), []byte("["+node("a")+","+node("b")+"]"))
	f.Add(uint8(Mixnodes), []byte("["+node("a")+","+node(`\u0061`)+"]"))
	f.Fuzz(func(t *testing.T, endpoint uint8, body []byte) {
		e := Endpoint(endpoint % uint8(NumEndpoints))
		before := slices.Clone(body)
		doc, err := Decode(e, body)
		if !slices.Equal(body, before) {
			t.Fatalf("body: got %q, want %q as before", body, before)
		}
		if err != nil {
			if got := reasonOf(err); doc != nil || got != ReasonSyntax && got != ReasonSchema && got != ReasonValue {
				t.Fatalf("got %v, reason %q, want no document and json_syntax, schema or value", doc, got)
			}
			return
		}
		if !json.Valid(body) || !utf8.Valid(body) {
			t.Fatalf("got no error for %q, which is not JSON", body)
		}
		again, err := Decode(e, encode(t, doc))
		if diff := cmp.Diff(doc, again, cmp.AllowUnexported(Values{})); err != nil || diff != "" {
			t.Fatalf("decoded again: %v, differs (-first +again):\n%s", err, diff)
		}
	})
}
