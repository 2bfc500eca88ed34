// Package betanettest makes documents for tests. It repeats the fields, so that a
// mistake in betanet's table of fields fails a test.
package betanettest

import "github.com/betanet/betanet_exporter/internal/betanet"

// Metrics is a document of /api/v1/metrics.
type Metrics struct{ PacketsProcessed, PacketsDropped uint64 }

// Nodes is a document of /api/v1/nodes/status.
type Nodes struct{ Active, Inactive, Total uint64 }

// Network is a document of /api/v1/network/stats.
type Network struct {
	BytesTransmitted, BytesReceived uint64
	AvgLatencyMS                    *float64 // nil is null
	PeakThroughput                  uint64
}

// Mixnodes is a document of /mixnodes.
type Mixnodes []Mixnode

// Mixnode is a node. Nil fields are absent.
type Mixnode struct {
	ID, Status                       string
	PacketsProcessed                 uint64
	PacketsForwarded, PacketsDropped *uint64
	UptimeSeconds                    *uint64
	AvgLatencyMS                     *float64
}

// Doc makes the document.
func (d Metrics) Doc() *betanet.Document {
	doc := &betanet.Document{Endpoint: betanet.Metrics}
	doc.Set(betanet.PacketsProcessed, d.PacketsProcessed)
	doc.Set(betanet.PacketsDropped, d.PacketsDropped)
	return doc
}

// Doc makes the document.
func (d Nodes) Doc() *betanet.Document {
	doc := &betanet.Document{Endpoint: betanet.Nodes}
	doc.Set(betanet.ActiveNodes, d.Active)
	doc.Set(betanet.InactiveNodes, d.Inactive)
	doc.Set(betanet.TotalNodes, d.Total)
	return doc
}

// Doc makes the document.
func (d Network) Doc() *betanet.Document {
	doc := &betanet.Document{Endpoint: betanet.Network}
	doc.Set(betanet.BytesTransmitted, d.BytesTransmitted)
	doc.Set(betanet.BytesReceived, d.BytesReceived)
	if d.AvgLatencyMS != nil {
		doc.SetFloat(betanet.AvgLatency, *d.AvgLatencyMS)
	}
	doc.Set(betanet.PeakThroughput, d.PeakThroughput)
	return doc
}

// Doc makes the document.
func (d Mixnodes) Doc() *betanet.Document {
	doc := &betanet.Document{Endpoint: betanet.Mixnodes, Mixnodes: []betanet.Mixnode{}}
	for _, n := range d {
		doc.Mixnodes = append(doc.Mixnodes, n.Node())
	}
	return doc
}

// Node makes the node.
func (m Mixnode) Node() betanet.Mixnode {
	n := betanet.Mixnode{ID: m.ID, Status: m.Status}
	n.Set(betanet.PacketsProcessed, m.PacketsProcessed)
	for f, sent := range map[betanet.Field]*uint64{
		betanet.PacketsForwarded: m.PacketsForwarded, betanet.PacketsDropped: m.PacketsDropped, betanet.Uptime: m.UptimeSeconds,
	} {
		if sent != nil {
			n.Set(f, *sent)
		}
	}
	if m.AvgLatencyMS != nil {
		n.SetFloat(betanet.AvgLatency, *m.AvgLatencyMS)
	}
	return n
}
