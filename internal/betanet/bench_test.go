package betanet

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkDecode decodes the three documents of a v1 upstream, and lists of
// mixnodes of two sizes.
func BenchmarkDecode(b *testing.B) {
	mixnodes := func(n int) string {
		nodes := make([]string, n)
		for i := range nodes {
			nodes[i] = fmt.Sprintf(`{"id":"mixnode-%016x","status":"active","packets_processed":%d,"packets_forwarded":%d,"packets_dropped":%d,"uptime_seconds":86400,"avg_latency_ms":12.75}`,
				i, 1000000+i, 990000+i, 10000)
		}
		return "[" + strings.Join(nodes, ",") + "]"
	}
	v1 := map[Endpoint]string{
		Metrics: `{"packets_processed":5000,"packets_dropped":10}`,
		Nodes:   `{"active_nodes":5,"inactive_nodes":2,"total_nodes":7}`,
		Network: `{"bytes_transmitted":1000000,"bytes_received":500000,"avg_latency_ms":45.0,"peak_throughput":10000}`,
	}
	for name, docs := range map[string]map[Endpoint]string{
		"v1": v1, "mixnodes=3": {Mixnodes: mixnodes(3)}, "mixnodes=1000": {Mixnodes: mixnodes(1000)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for e, body := range docs {
					if _, err := Decode(e, []byte(body)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
