package betanet

import (
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// keys maps the keys of documents to fields, independently of the table in the code.
var keys = map[Endpoint]map[string]Field{
	Metrics: {"packets_processed": PacketsProcessed, "packets_dropped": PacketsDropped},
	Nodes:   {"active_nodes": ActiveNodes, "inactive_nodes": InactiveNodes, "total_nodes": TotalNodes},
	Network: {"bytes_transmitted": BytesTransmitted, "bytes_received": BytesReceived, "avg_latency_ms": AvgLatency, "peak_throughput": PeakThroughput},
	Mixnodes: {
		"packets_processed": PacketsProcessed, "packets_forwarded": PacketsForwarded, "packets_dropped": PacketsDropped,
		"uptime_seconds": Uptime, "avg_latency_ms": AvgLatency,
	},
}

// encode returns the JSON of a document.
func encode(t *testing.T, doc *Document) []byte {
	t.Helper()
	object := func(values *Values) map[string]any {
		m := make(map[string]any)
		for key, f := range keys[doc.Endpoint] {
			if x, ok := values.Float(f); f == AvgLatency && ok {
				m[key] = x
			} else if f == AvgLatency {
				m[key] = nil
			} else if n := values.Uint(f); n != nil {
				m[key] = n
			}
		}
		return m
	}
	var v any = object(&doc.Values)
	if doc.Endpoint == Mixnodes {
		nodes := []map[string]any{}
		for i := range doc.Mixnodes {
			m := object(&doc.Mixnodes[i].Values)
			m["id"], m["status"] = doc.Mixnodes[i].ID, doc.Mixnodes[i].Status
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
// document has one of three reasons.
func FuzzDecode(f *testing.F) {
	for _, e := range allEndpoints {
		for _, body := range []string{
			document(e, nil), complexDocument(e), complexDocument(e)[:20], document(e, nil) + "x", "", "null", "[]", "{}", "NaN",
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
			t.Fatalf("the body was changed to %q, want %q", body, before)
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
