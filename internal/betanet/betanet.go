// Package betanet knows the upstream: the two HTTP APIs a Betanet service may
// speak, their documents, how to ask for them and what every failure means.
// It holds no state beyond connections and decides nothing about when to ask.
package betanet

import (
	"fmt"
	"math"
)

// Endpoint is one document of an upstream. The exporter never requests a path
// that is not the path of an Endpoint: two other paths dead-lock a published
// Betanet server forever.
type Endpoint uint8

// The endpoints, in the order in which they are shown.
const (
	Metrics Endpoint = iota
	Nodes
	Network
	Mixnodes
	NumEndpoints // how many there are, for arrays indexed by Endpoint
)

var (
	endpointNames = [NumEndpoints]string{"metrics", "nodes", "network", "mixnodes"}
	endpointPaths = [NumEndpoints]string{"/api/v1/metrics", "/api/v1/nodes/status", "/api/v1/network/stats", "/mixnodes"}
)

// String is the value of the label endpoint.
func (e Endpoint) String() string { return endpointNames[e] }

// Path is what is appended to the base URL of an upstream.
func (e Endpoint) Path() string { return endpointPaths[e] }

// API returns the API whose endpoint it is.
func (e Endpoint) API() API {
	if e == Mixnodes {
		return MixnodesAPI
	}
	return V1
}

// API is one of the two HTTP APIs, or the wish to find out.
type API uint8

// Auto asks v1 first and mixnodes when all of v1 answers 404.
const (
	Auto API = iota
	V1
	MixnodesAPI
)

// ParseAPI reads the name of an API as it stands in flags and files.
func ParseAPI(s string) (API, error) {
	for _, a := range []API{Auto, V1, MixnodesAPI} {
		if a.String() == s {
			return a, nil
		}
	}
	return 0, fmt.Errorf("%q is no API, use auto, v1 or mixnodes", s)
}

func (a API) String() string {
	switch a {
	case V1:
		return "v1"
	case MixnodesAPI:
		return "mixnodes"
	default:
		return "auto"
	}
}

// Endpoints are the documents of an API. Auto starts as v1 does.
func (a API) Endpoints() []Endpoint {
	if a == MixnodesAPI {
		return []Endpoint{Mixnodes}
	}
	return []Endpoint{Metrics, Nodes, Network}
}

// Document is one decoded answer: *MetricsDoc, *NodesDoc, *NetworkDoc or
// MixnodesDoc. A Document is never changed after it was decoded.
type Document interface{ Endpoint() Endpoint }

// MetricsDoc holds the running packet totals of an upstream.
type MetricsDoc struct {
	PacketsProcessed, PacketsDropped uint64
}

// NodesDoc counts the nodes an upstream knows.
type NodesDoc struct {
	Active, Inactive, Total uint64
}

// NetworkDoc holds the running byte totals and the latency of an upstream.
type NetworkDoc struct {
	BytesTransmitted, BytesReceived uint64
	AvgLatencyMS                    *float64 // milliseconds, never negative; nil if the upstream sent null
	PeakThroughput                  uint64   // in a unit that only the upstream knows
}

// MixnodesDoc lists the mixnodes of an upstream, ids are unique.
type MixnodesDoc []Mixnode

// Mixnode is one node. A field that the upstream did not send is nil.
type Mixnode struct {
	ID, Status                       string
	PacketsProcessed                 uint64 // forwarded and dropped ones
	PacketsForwarded, PacketsDropped *uint64
	UptimeSeconds                    *uint64
	AvgLatencyMS                     *float64 // milliseconds, never negative; the mean over all packets since deployment
}

// Active reports whether the node counts as active.
func (m *Mixnode) Active() bool { return m.Status == "active" }

// Endpoint implements Document.
func (*MetricsDoc) Endpoint() Endpoint { return Metrics }

// Endpoint implements Document.
func (*NodesDoc) Endpoint() Endpoint { return Nodes }

// Endpoint implements Document.
func (*NetworkDoc) Endpoint() Endpoint { return Network }

// Endpoint implements Document.
func (MixnodesDoc) Endpoint() Endpoint { return Mixnodes }

// Forwarded returns how many packets the node passed on: what it sent, or else
// what it processed and did not drop. ok is false if it sent neither number.
func (m *Mixnode) Forwarded() (n uint64, ok bool) {
	switch {
	case m.PacketsForwarded != nil:
		return *m.PacketsForwarded, true
	case m.PacketsDropped != nil:
		return m.PacketsProcessed - min(m.PacketsProcessed, *m.PacketsDropped), true
	default:
		return 0, false
	}
}

// LatencySeconds returns the mean latency of the node's packets since it was
// deployed. ok is false if it has no packets or sent no latency: a server writes
// 0 before the first packet.
func (m *Mixnode) LatencySeconds() (mean float64, ok bool) {
	if m.AvgLatencyMS == nil || m.PacketsProcessed == 0 {
		return 0, false
	}
	return *m.AvgLatencyMS / 1000, true
}

// LatencySeconds returns the mean latency over the packets of all nodes: each
// node counts as often as it has packets. ok is false if no node gives one.
func (d MixnodesDoc) LatencySeconds() (mean float64, ok bool) {
	sum, packets := 0.0, 0.0
	for i := range d {
		if _, known := d[i].LatencySeconds(); known {
			n := math.Ldexp(float64(d[i].PacketsProcessed), -128) // exact, and no sum overflows
			packets += n
			sum += *d[i].AvgLatencyMS * n
		}
	}
	if packets == 0 {
		return 0, false
	}
	return sum / packets / 1000, true
}
