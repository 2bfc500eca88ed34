// Package betanettest creates documents for tests. It does not use betanet's table of
// fields, so that a mistake in the table fails a test.
package betanettest

import "github.com/betanet/betanet_exporter/internal/betanet"

// Metrics is a document of /api/v1/metrics.
type Metrics struct{ PacketsProcessed, PacketsDropped uint64 }

// Nodes is a document of /api/v1/nodes/status.
type Nodes struct{ Active, Inactive, Total uint64 }

// Network is a document of /api/v1/network/stats.
type Network struct {
	BytesTransmitted, BytesReceived uint64
	AvgLatencyMS                    *float64 // nil for null
	PeakThroughput                  uint64
}

// Mixnodes is a document of /mixnodes.
type Mixnodes []Mixnode

// Mixnode is a node in Mixnodes. Nil fields are absent.
type Mixnode struct {
	ID, Status                       string
	PacketsProcessed                 uint64
	PacketsForwarded, PacketsDropped *uint64
	UptimeSeconds                    *uint64
	AvgLatencyMS                     *float64
}

// numbers maps fields to whole numbers; nil is unknown.
type numbers map[betanet.Field]*uint64

func (n numbers) values(latency *float64) (v betanet.Values) {
	for f, x := range n {
		if x != nil {
			v.Set(f, *x)
		}
	}
	if latency != nil {
		v.SetFloat(betanet.AvgLatency, *latency)
	}
	return v
}

// Doc returns the decoded document.
func (d Metrics) Doc() *betanet.Document {
	n := numbers{betanet.PacketsProcessed: &d.PacketsProcessed, betanet.PacketsDropped: &d.PacketsDropped}
	return &betanet.Document{Endpoint: betanet.Metrics, Values: n.values(nil)}
}

// Doc returns the decoded document.
func (d Nodes) Doc() *betanet.Document {
	n := numbers{betanet.ActiveNodes: &d.Active, betanet.InactiveNodes: &d.Inactive, betanet.TotalNodes: &d.Total}
	return &betanet.Document{Endpoint: betanet.Nodes, Values: n.values(nil)}
}

// Doc returns the decoded document.
func (d Network) Doc() *betanet.Document {
	n := numbers{betanet.BytesTransmitted: &d.BytesTransmitted, betanet.BytesReceived: &d.BytesReceived, betanet.PeakThroughput: &d.PeakThroughput}
	return &betanet.Document{Endpoint: betanet.Network, Values: n.values(d.AvgLatencyMS)}
}

// Doc returns the decoded document.
func (d Mixnodes) Doc() *betanet.Document {
	doc := &betanet.Document{Endpoint: betanet.Mixnodes, Mixnodes: []betanet.Mixnode{}}
	for _, n := range d {
		doc.Mixnodes = append(doc.Mixnodes, n.Node())
	}
	return doc
}

// Node returns the decoded node.
func (m Mixnode) Node() betanet.Mixnode {
	n := numbers{
		betanet.PacketsProcessed: &m.PacketsProcessed, betanet.PacketsForwarded: m.PacketsForwarded,
		betanet.PacketsDropped: m.PacketsDropped, betanet.Uptime: m.UptimeSeconds,
	}
	return betanet.Mixnode{ID: m.ID, Status: m.Status, Values: n.values(m.AvgLatencyMS)}
}
