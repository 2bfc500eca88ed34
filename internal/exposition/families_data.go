package exposition

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// renderContext is an upstream at the moment of rendering.
type renderContext struct {
	view   *fleet.View
	values *fleet.Values
	now    time.Time
	unfinished   bool     // the collection that was asked for is still running
	ids    []string // labels of the mixnodes with series of their own, once asked for
}

// mixnodeLabels are the labels of the mixnodes, made once for all families.
func (s *renderContext) mixnodeLabels() []string {
	if s.ids == nil {
		shown := s.values.Mixnodes[:len(s.values.Mixnodes)-s.omitted()]
		s.ids = make([]string, len(shown))
		for i := range shown {
			s.ids[i] = label("mixnode", shown[i].ID)
		}
	}
	return s.ids
}

// omitted is how many mixnodes have no series of their own.
func (s *renderContext) omitted() int {
	return max(0, len(s.values.Mixnodes)-s.view.Upstream.Settings.Mixnodes)
}

// fieldMetric is the metric of a field.
type fieldMetric struct {
	field      betanet.Field
	name, help string
}

// upstreamFields are the metrics of an upstream's fields.
var upstreamFields = []fieldMetric{
	{betanet.AvgLatency, "betanet_average_latency_seconds", "Average message latency as the upstream last gave it, in seconds; of API mixnodes the mean over all packets since deployment"},
	{betanet.BytesReceived, "betanet_bytes_received_total", "Total bytes received"},
	{betanet.BytesTransmitted, "betanet_bytes_transmitted_total", "Total bytes transmitted"},
	{betanet.TotalNodes, "betanet_connected_peers", "Number of connected peers"},
	{betanet.PacketsProcessed, "betanet_messages_total", "Total messages processed"},
	{betanet.ActiveNodes, "betanet_mixnode_active", "Number of active mixnodes"},
	{betanet.InactiveNodes, "betanet_mixnode_inactive", "Number of mixnodes that are not active"},
	{betanet.PacketsDropped, "betanet_packets_dropped_total", "Total packets dropped"},
	{betanet.PacketsForwarded, "betanet_packets_forwarded_total", "Total packets forwarded, of API mixnodes"},
	{betanet.PeakThroughput, "betanet_peak_throughput", "Peak throughput as the upstream gives it, in a unit that only the upstream knows"},
}

// mixnodeFields are the metrics of a mixnode's fields.
var mixnodeFields = []fieldMetric{
	{betanet.AvgLatency, "betanet_mixnode_average_latency_seconds", "Average latency of the packets of a mixnode since it was deployed, in seconds; absent without packets"},
	{betanet.PacketsDropped, "betanet_mixnode_packets_dropped_total", "Packets dropped by a mixnode"},
	{betanet.PacketsForwarded, "betanet_mixnode_packets_forwarded_total", "Packets forwarded by a mixnode"},
	{betanet.PacketsProcessed, "betanet_mixnode_packets_processed_total", "Packets processed by a mixnode, forwarded and dropped ones"},
	{betanet.Uptime, "betanet_mixnode_uptime_seconds", "How long a mixnode has been up, in seconds"},
}

// fieldFamilies makes the families of fields, with the given labels.
func fieldFamilies(metrics []fieldMetric, labels string, write func(betanet.Field) func(*lines, *renderContext)) (all []family) {
	for _, m := range metrics {
		f := family{name: m.name, kind: gauge, labels: labels, help: m.help, upstream: write(m.field)}
		if m.field.IsCounter() {
			f.kind, f.mixnodeSum = counter, labels == ""
		}
		all = append(all, f)
	}
	return all
}

// upstreamField writes a field of an upstream. Unknown is absent, never zero.
func upstreamField(f betanet.Field) func(*lines, *renderContext) {
	if f.IsMean() {
		return func(w *lines, s *renderContext) {
			if x, ok := s.values.Metric(f); ok {
				w.float("", x)
			}
		}
	}
	return func(w *lines, s *renderContext) { w.known("", s.values.Uint(f)) }
}

// mixnodeField writes a field of each mixnode.
func mixnodeField(f betanet.Field) func(*lines, *renderContext) {
	if f.IsMean() {
		return func(w *lines, s *renderContext) {
			for i, label := range s.mixnodeLabels() {
				if x, ok := s.values.Mixnodes[i].Metric(f); ok {
					w.float(label, x)
				}
			}
		}
	}
	return func(w *lines, s *renderContext) {
		for i, label := range s.mixnodeLabels() {
			w.known(label, s.values.Mixnodes[i].Uint(f))
		}
	}
}

// dataFamilies are what else the documents of an upstream give.
var dataFamilies = []family{
	{
		name: "betanet_message_latency_seconds", kind: histogram, accumulated: true,
		help: "Message latency in seconds", upstream: func(w *lines, s *renderContext) {
			if h := s.values.Latency; h != nil {
				w.histogram("", h)
			}
		},
	},
	{
		name: "betanet_mixnode_up", kind: gauge, labels: "mixnode",
		help: "Whether a mixnode has status active", upstream: func(w *lines, s *renderContext) {
			for i, label := range s.mixnodeLabels() {
				w.bool(label, s.values.Mixnodes[i].Active())
			}
		},
	},
	{
		name: "betanet_mixnodes_omitted", kind: gauge,
		help: "Number of mixnodes beyond --metrics.mixnodes, which have no series of their own", upstream: func(w *lines, s *renderContext) {
			if n := s.omitted(); n > 0 {
				w.uint("", uint64(n))
			}
		},
	},
	{
		name: "betanet_packet_latency_seconds", kind: summary, mixnodeSum: true,
		help: "Processing time of packets in each node, in seconds, of API mixnodes; a packet through three nodes counts three times", upstream: func(w *lines, s *renderContext) {
			if l := s.values.PacketLatency; l != nil {
				w.sumAndCount("", l.Seconds(), l.Packets)
			}
		},
	},
	{
		name: "betanet_up", kind: gauge, scope: perUpstream,
		help: "Whether the last collection of every endpoint of the upstream succeeded; 0 before the first", upstream: func(w *lines, s *renderContext) {
			w.bool("", s.view.Up() && !s.unfinished)
		},
	},
}
