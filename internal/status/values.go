package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// valuesStatus has the same values as /metrics; nil is unknown.
type valuesStatus struct {
	Peers            *uint64  `json:"connected_peers,omitempty"`
	Active           *uint64  `json:"mixnode_active,omitempty"`
	Inactive         *uint64  `json:"mixnode_inactive,omitempty"`
	Messages         *uint64  `json:"messages_total,omitempty"`
	Dropped          *uint64  `json:"packets_dropped_total,omitempty"`
	Forwarded        *uint64  `json:"packets_forwarded_total,omitempty"` // API mixnodes only
	BytesTransmitted *uint64  `json:"bytes_transmitted_total,omitempty"`
	BytesReceived    *uint64  `json:"bytes_received_total,omitempty"`
	PeakThroughput   *uint64  `json:"peak_throughput,omitempty"`
	LatencySeconds   *float64 `json:"average_latency_seconds,omitempty"`
}

func newValues(v *fleet.View, now time.Time) valuesStatus {
	val := v.Values(now)
	return valuesStatus{
		val.Uint(betanet.TotalNodes), val.Uint(betanet.ActiveNodes), val.Uint(betanet.InactiveNodes),
		val.Uint(betanet.PacketsProcessed), val.Uint(betanet.PacketsDropped), val.Uint(betanet.PacketsForwarded),
		val.Uint(betanet.BytesTransmitted), val.Uint(betanet.BytesReceived), val.Uint(betanet.PeakThroughput), val.LatencySeconds(),
	}
}

// namedValue is a value on the page of an upstream.
type namedValue struct {
	Name, Text string
	Endpoint   string // whose document has it
}

// named returns the values that an API has, with their names.
func (s *valuesStatus) named(api string) []namedValue {
	nodes, metrics, network := betanet.Nodes.String(), betanet.Metrics.String(), betanet.Network.String()
	specific := []namedValue{ // to the API
		{"Sent", bytesOf(s.BytesTransmitted), network},
		{"Received", bytesOf(s.BytesReceived), network},
		{"Average latency", seconds(s.LatencySeconds), network},
		{"Peak throughput", number(s.PeakThroughput), network},
	}
	if api == betanet.MixnodesAPI.String() {
		nodes, metrics = betanet.Mixnodes.String(), betanet.Mixnodes.String()
		specific = []namedValue{
			{"Forwarded", number(s.Forwarded), metrics},
			{"Latency since deployment", seconds(s.LatencySeconds), metrics},
		}
	}
	all := append([]namedValue{{"Messages", number(s.Messages), metrics}, {"Dropped", number(s.Dropped), metrics}}, specific...)
	return append(all, namedValue{"Peers", number(s.Peers), nodes}, namedValue{"Active mixnodes", number(s.Active), nodes}, namedValue{"Inactive mixnodes", number(s.Inactive), nodes})
}
