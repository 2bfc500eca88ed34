// Package betanet knows the upstream: the two HTTP APIs a Betanet service may
// speak, their documents, how to ask for them and what every failure means.
// It holds no state beyond connections and decides nothing about when to ask.
package betanet

import (
	"fmt"
	"slices"
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

var endpoints = [NumEndpoints]struct {
	name, path string
	api        API
}{
	Metrics:  {"metrics", "/api/v1/metrics", V1},
	Nodes:    {"nodes", "/api/v1/nodes/status", V1},
	Network:  {"network", "/api/v1/network/stats", V1},
	Mixnodes: {"mixnodes", "/mixnodes", MixnodesAPI},
}

// String returns the value of the label endpoint.
func (e Endpoint) String() string { return endpoints[e].name }

// Path returns what is appended to the base URL of an upstream.
func (e Endpoint) Path() string { return endpoints[e].path }

// API returns the API whose endpoint it is.
func (e Endpoint) API() API { return endpoints[e].api }

// API is one of the two HTTP APIs, or the wish to find out.
type API uint8

// Auto asks v1 first and mixnodes when all of v1 answers 404.
const (
	Auto API = iota
	V1
	MixnodesAPI
)

var apiNames = []string{Auto: "auto", V1: "v1", MixnodesAPI: "mixnodes"}

// ParseAPI reads the name of an API as flags and files have it.
func ParseAPI(s string) (API, error) {
	i := slices.Index(apiNames, s)
	if i < 0 {
		return 0, fmt.Errorf("%q is no API, use auto, v1 or mixnodes", s)
	}
	return API(i), nil
}

func (a API) String() string { return apiNames[a] }

// Endpoints are the documents of an API. Auto starts as v1 does.
func (a API) Endpoints() []Endpoint {
	if a == MixnodesAPI {
		return []Endpoint{Mixnodes}
	}
	return []Endpoint{Metrics, Nodes, Network}
}

// Document is one decoded answer. It is never changed after it was decoded.
type Document struct {
	Mixnodes []Mixnode // of Mixnodes, with unique ids; nil of API v1
	Values             // of API v1
	Endpoint Endpoint
}

// Mixnode is one node.
type Mixnode struct {
	ID, Status string
	Values     // PacketsProcessed is known, and includes forwarded and dropped ones; AvgLatency is over all packets since deployment
}

const active = "active"

// Active reports whether the node counts as active.
func (m *Mixnode) Active() bool { return m.Status == active }

// Forwarded returns how many packets the node passed on: what it sent, or else
// what it processed and did not drop. ok is false if it sent neither number.
func (m *Mixnode) Forwarded() (n uint64, ok bool) {
	if sent := m.Uint(PacketsForwarded); sent != nil {
		return *sent, true
	}
	dropped := m.Uint(PacketsDropped)
	if dropped == nil {
		return 0, false
	}
	return m.Get(PacketsProcessed) - min(m.Get(PacketsProcessed), *dropped), true
}

// Metric returns a mean as Values does. ok is false if it is not known, and if the
// node has no packets: a server writes 0 before the first.
func (m *Mixnode) Metric(f Field) (x float64, ok bool) {
	x, ok = m.Values.Metric(f)
	return x, ok && m.Get(PacketsProcessed) > 0
}

// MeanLatency returns the mean latency over the packets of all nodes, in
// milliseconds: each node counts as often as it has packets. ok is false if no
// node gives one.
func MeanLatency(nodes []Mixnode) (mean float64, ok bool) {
	sum, packets := 0.0, 0.0
	for i := range nodes {
		if ms, ok := nodes[i].Float(AvgLatency); ok {
			n := float64(nodes[i].Get(PacketsProcessed)) * 0x1p-128 // exact, and no sum overflows
			packets += n
			sum += ms * n
		}
	}
	return sum / packets, packets > 0
}
