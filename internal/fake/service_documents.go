package fake

import (
	"encoding/json"
	"strconv"
	"strings"
)

const deployPath = "/deploy"

// The documents, with their fields in the published server's order.
type (
	metricsDocument struct {
		Processed uint64 `json:"packets_processed"` // without dropped packets, which API v1 counts separately
		Dropped   uint64 `json:"packets_dropped"`
	}
	nodesDocument struct {
		Active   int `json:"active_nodes"`
		Inactive int `json:"inactive_nodes"`
		Total    int `json:"total_nodes"`
	}
	networkDocument struct {
		Transmitted uint64      `json:"bytes_transmitted"`
		Received    uint64      `json:"bytes_received"`
		Latency     json.Number `json:"avg_latency_ms"`
		Peak        uint64      `json:"peak_throughput"`
	}
	nodeDocument struct {
		ID        string      `json:"id"`
		Status    string      `json:"status"`
		Processed uint64      `json:"packets_processed"`
		Forwarded uint64      `json:"packets_forwarded"`
		Dropped   uint64      `json:"packets_dropped"`
		Uptime    uint64      `json:"uptime_seconds"`
		Latency   json.Number `json:"avg_latency_ms"`
	}
)

// documentV1 returns the document at a path, or nil if there is none.
func (s *Service) documentV1(path string) []byte {
	var forwarded, dropped uint64
	active, nodes := 0, s.network.nodeCount()
	for i, nd := range s.network.nodes { // including nodes that left, because a total must not fall
		f, d := nd.counters(s.network.fraction)
		forwarded, dropped = forwarded+f, dropped+d
		if s.network.isActive(i) {
			active++
		}
	}
	switch path {
	case Metrics:
		return marshal(metricsDocument{forwarded, dropped})
	case Nodes:
		return marshal(nodesDocument{active, nodes - active, nodes})
	case Network:
		latency := strconv.FormatFloat(s.network.averageLatency(), 'f', 1, 64)
		return marshal(networkDocument{
			forwarded * packetBytes, (forwarded + dropped) * packetBytes, json.Number(latency), uint64(s.network.peak * packetBytes),
		})
	}
	return nil
}

func (s *Service) documentMixnodes() []byte {
	nodes := make([]nodeDocument, s.network.nodeCount())
	for i := range nodes {
		nodes[i] = s.documentNode(i)
	}
	return marshal(nodes)
}

func (s *Service) documentNode(i int) nodeDocument {
	nd, status := s.network.nodes[i], "stopped"
	if s.network.isActive(i) {
		status = "active"
	}
	forwarded, dropped := nd.counters(s.network.fraction)
	return nodeDocument{nd.id, status, forwarded + dropped, forwarded, dropped, nd.uptime, decimal(s.network.meanLatency(nd))}
}

// decimal formats a number with all its digits, and a whole number with .0, as serde_json does.
func decimal(f float64) json.Number {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return json.Number(text)
}

func marshal(v any) []byte { return must(json.Marshal(v)) }
