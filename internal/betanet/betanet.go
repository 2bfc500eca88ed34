// Package betanet is a client for Betanet services. It defines the two HTTP APIs and
// their documents, fetches the documents, and classifies failures. Its only state is
// its connections; callers decide when to make a request.
package betanet

import (
	"fmt"
	"slices"
)

// Endpoint identifies a document of an upstream. The exporter requests no other paths,
// because two others deadlock a published Betanet server.
type Endpoint uint8

// The endpoints, in the order in which they are shown.
const (
	Metrics Endpoint = iota
	Nodes
	Network
	Mixnodes
	NumEndpoints
)

var endpoints = [NumEndpoints]struct {
	name, path string
	api        API
}{
	Metrics:  {"metrics", "/api/v1/metrics", V1},
	Nodes:    {"nodes", "/api/v1/nodes/status", V1},
	Network:  {"network", "/api/v1/network/stats", V1},
	Mixnodes: {"mixnodes", "/mixnodes", MixnodesAPI},
}

// String returns the name of the endpoint, which is the value of the label endpoint.
func (e Endpoint) String() string { return endpoints[e].name }

// Path returns the path of the document, relative to the base URL of an upstream.
func (e Endpoint) Path() string { return endpoints[e].path }

// API returns the API to which the endpoint belongs.
func (e Endpoint) API() API { return endpoints[e].api }

// API is one of the two HTTP APIs, or Auto.
type API uint8

// The APIs. Auto means that the API is detected: v1, or mixnodes if all endpoints of
// v1 return 404.
const (
	Auto API = iota
	V1
	MixnodesAPI
)

var apiNames = []string{Auto: "auto", V1: "v1", MixnodesAPI: "mixnodes"}

// ParseAPI parses the name of an API, as used in flags and configuration files.
func ParseAPI(s string) (API, error) {
	i := slices.Index(apiNames, s)
	if i < 0 {
		return 0, fmt.Errorf("%q is not a valid API, use auto, v1 or mixnodes", s)
	}
	return API(i), nil
}

func (a API) String() string { return apiNames[a] }

// Endpoints returns the endpoints of the API. Auto has the endpoints of v1.
func (a API) Endpoints() []Endpoint {
	if a == MixnodesAPI {
		return []Endpoint{Mixnodes}
	}
	return []Endpoint{Metrics, Nodes, Network}
}

// Document is a decoded document of an upstream. It is immutable.
type Document struct {
	Mixnodes []Mixnode // with unique ids; nil for API v1
	Values             // for API v1 only
	Endpoint Endpoint
}

// Mixnode is a node in the document of the endpoint Mixnodes. PacketsProcessed is always
// known and includes forwarded and dropped packets. AvgLatency is the mean over all
// packets since deployment.
type Mixnode struct {
	ID, Status string
	Values
}

const active = "active"

// Active reports whether the status of the node is active.
func (m *Mixnode) Active() bool { return m.Status == active }

// Forwarded returns the number of forwarded packets. If the document does not have it,
// Forwarded returns the number of processed packets that were not dropped; ok is false
// if the number of dropped packets is missing too.
func (m *Mixnode) Forwarded() (n uint64, ok bool) {
	if forwarded := m.Uint(PacketsForwarded); forwarded != nil {
		return *forwarded, true
	}
	dropped := m.Uint(PacketsDropped)
	if dropped == nil {
		return 0, false
	}
	return m.Get(PacketsProcessed) - min(m.Get(PacketsProcessed), *dropped), true
}

// Metric is like Values.Metric, but ok is also false if the node has processed no
// packets, because a server then sends 0.
func (m *Mixnode) Metric(f Field) (x float64, ok bool) {
	x, ok = m.Values.Metric(f)
	return x, ok && m.Get(PacketsProcessed) > 0
}

// MeanLatency returns the mean latency in milliseconds, weighted by the processed
// packets of each node. ok is false if no node has both a latency and packets.
func MeanLatency(nodes []Mixnode) (mean float64, ok bool) {
	sum, packets := 0.0, 0.0
	for i := range nodes {
		if ms, ok := nodes[i].Float(AvgLatency); ok {
			n := float64(nodes[i].Get(PacketsProcessed)) * 0x1p-128 // exact, and avoids overflow
			packets += n
			sum += ms * n
		}
	}
	return sum / packets, packets > 0
}
