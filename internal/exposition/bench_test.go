package exposition

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// BenchmarkPublish publishes an upstream of each API, which renders it.
func BenchmarkPublish(b *testing.B) {
	decoded := func(e betanet.Endpoint, body string) *betanet.Document {
		doc, err := betanet.Decode(e, []byte(body))
		if err != nil {
			b.Fatal(err)
		}
		return doc
	}
	mixnodes := func(n int) *betanet.Document {
		nodes := make([]string, n)
		for i := range nodes {
			nodes[i] = fmt.Sprintf(`{"id":"mixnode-%016x","status":"active","packets_processed":%d,"packets_forwarded":%d,"packets_dropped":%d,"uptime_seconds":86400,"avg_latency_ms":12.75}`,
				i, 1000000+i, 990000+i, 10000)
		}
		return decoded(betanet.Mixnodes, "["+strings.Join(nodes, ",")+"]")
	}
	v1 := viewOf(newUpstream("edge-1"), time.Now(),
		decoded(betanet.Metrics, `{"packets_processed":5000,"packets_dropped":10}`),
		decoded(betanet.Nodes, `{"active_nodes":5,"inactive_nodes":2,"total_nodes":7}`),
		decoded(betanet.Network, `{"bytes_transmitted":1000000,"bytes_received":500000,"avg_latency_ms":45.0,"peak_throughput":10000}`))
	for _, c := range []struct {
		name string
		view *fleet.View
	}{
		{"v1", v1},
		{"mixnodes=3", viewOf(newUpstream("edge-2"), time.Now(), mixnodes(3))},
		{"mixnodes=1000", viewOf(newUpstream("edge-3"), time.Now(), mixnodes(1000))},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := NewRegistry()
			r.Publish(c.view)
			// Alternate between two views, because the same view is not rendered again.
			views := [2]fleet.View{*c.view, *c.view}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Publish(&views[i%2])
			}
		})
	}
}
