// Package betanet knows the upstream: the two HTTP APIs a Betanet service may
// speak, their documents, how to ask for them and what every failure means.
// It holds no state beyond connections and decides nothing about when to ask.
package betanet

import "fmt"

// Endpoint is one document of an upstream. The exporter never requests a path
// that is not the path of an Endpoint: two other paths dead-lock a published
// Betanet server for ever (design: upstream.md).
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
	AvgLatencyMS                    float64 // milliseconds, never negative
	PeakThroughput                  uint64  // in a unit that only the upstream knows
}

// MixnodesDoc lists the mixnodes of an upstream, ids are unique.
type MixnodesDoc []Mixnode

// Mixnode is one node; what the upstream did not say is nil.
type Mixnode struct {
	ID, Status                       string
	PacketsProcessed                 uint64
	PacketsForwarded, PacketsDropped *uint64
	UptimeSeconds                    uint64
	AvgLatencyMS                     *float64 // milliseconds, never negative
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

// LatencySeconds is the mean latency over the active nodes that give one;
// ok is false when none does.
func (d MixnodesDoc) LatencySeconds() (mean float64, ok bool) {
	n := 0.0
	for i := range d {
		if d[i].Active() && d[i].AvgLatencyMS != nil {
			n++
			mean += (*d[i].AvgLatencyMS/1000 - mean) / n // a sum could overflow
		}
	}
	return mean, n > 0
}
