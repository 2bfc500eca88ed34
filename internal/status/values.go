package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// valuesStatus are the values that /metrics shows at the same moment. This file is
// the only place of the package that knows how values are kept.
type valuesStatus struct {
	Peers            *uint64  `json:"connected_peers,omitempty"`
	Active           *uint64  `json:"mixnode_active,omitempty"`
	Inactive         *uint64  `json:"mixnode_inactive,omitempty"`
	Messages         *uint64  `json:"messages_total,omitempty"`
	Dropped          *uint64  `json:"packets_dropped_total,omitempty"`
	Forwarded        *uint64  `json:"packets_forwarded_total,omitempty"` // of API mixnodes
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
	Endpoint   string // whose document it is of
}

// named returns the values with their names, those that do not exist of an API left
// out.
func (s *valuesStatus) named(api string) []namedValue {
	peers, packets, bytes := betanet.Nodes.String(), betanet.Metrics.String(), betanet.Network.String()
	if api == betanet.MixnodesAPI.String() {
		all := betanet.Mixnodes.String()
		return []namedValue{
			{"Messages", number(s.Messages), all},
			{"Dropped", number(s.Dropped), all},
			{"Forwarded", number(s.Forwarded), all},
			{"Latency since deployment", seconds(s.LatencySeconds), all},
			{"Peers", number(s.Peers), all},
			{"Active mixnodes", number(s.Active), all},
			{"Inactive mixnodes", number(s.Inactive), all},
		}
	}
	return []namedValue{
		{"Messages", number(s.Messages), packets},
		{"Dropped", number(s.Dropped), packets},
		{"Sent", bytesOf(s.BytesTransmitted), bytes},
		{"Received", bytesOf(s.BytesReceived), bytes},
		{"Average latency", seconds(s.LatencySeconds), bytes},
		{"Peak throughput", number(s.PeakThroughput), bytes},
		{"Peers", number(s.Peers), peers},
		{"Active mixnodes", number(s.Active), peers},
		{"Inactive mixnodes", number(s.Inactive), peers},
	}
}
