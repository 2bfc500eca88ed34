package exposition

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// renderContext is the input of the functions that write the families of an upstream.
type renderContext struct {
	view       *fleet.View
	values     *fleet.Values
	now        time.Time
	unfinished bool     // the collection that the client waited for is still running
	nodeLabels []string // see mixnodeLabels; nil until needed
}

// mixnodeLabels returns the labels of the mixnodes with series of their own. They are
// rendered once for all families.
func (c *renderContext) mixnodeLabels() []string {
	if c.nodeLabels == nil {
		shown := c.values.Mixnodes[:len(c.values.Mixnodes)-c.omitted()]
		c.nodeLabels = make([]string, len(shown))
		for i := range shown {
			c.nodeLabels[i] = label("mixnode", shown[i].ID)
		}
	}
	return c.nodeLabels
}

// omitted returns the number of mixnodes without series of their own.
func (c *renderContext) omitted() int {
	return max(0, len(c.values.Mixnodes)-c.view.Upstream.Settings.Mixnodes)
}

// fieldMetric is a metric that exposes a field of the documents.
type fieldMetric struct {
	field      betanet.Field
	name, help string
}

// upstreamFields are the fields exposed per upstream.
var upstreamFields = []fieldMetric{
	{betanet.AvgLatency, "betanet_average_latency_seconds", "Average message latency as last reported by the upstream, in seconds; for API mixnodes the mean over all packets since deployment"},
	{betanet.BytesReceived, "betanet_bytes_received_total", "Total bytes received"},
	{betanet.BytesTransmitted, "betanet_bytes_transmitted_total", "Total bytes transmitted"},
	{betanet.TotalNodes, "betanet_connected_peers", "Number of connected peers"},
	{betanet.PacketsProcessed, "betanet_messages_total", "Total messages processed"},
	{betanet.ActiveNodes, "betanet_mixnode_active", "Number of active mixnodes"},
	{betanet.InactiveNodes, "betanet_mixnode_inactive", "Number of mixnodes that are not active"},
	{betanet.PacketsDropped, "betanet_packets_dropped_total", "Total packets dropped"},
	{betanet.PacketsForwarded, "betanet_packets_forwarded_total", "Total packets forwarded, for API mixnodes"},
	{betanet.PeakThroughput, "betanet_peak_throughput", "Peak throughput as reported by the upstream, in an unspecified unit"},
}

// mixnodeFields are the fields exposed per mixnode.
var mixnodeFields = []fieldMetric{
	{betanet.AvgLatency, "betanet_mixnode_average_latency_seconds", "Average latency of the packets of a mixnode since its deployment, in seconds; absent before the first packet"},
	{betanet.PacketsDropped, "betanet_mixnode_packets_dropped_total", "Packets dropped by a mixnode"},
	{betanet.PacketsForwarded, "betanet_mixnode_packets_forwarded_total", "Packets forwarded by a mixnode"},
	{betanet.PacketsProcessed, "betanet_mixnode_packets_processed_total", "Packets processed by a mixnode, both forwarded and dropped"},
	{betanet.Uptime, "betanet_mixnode_uptime_seconds", "How long a mixnode has been up, in seconds"},
}

// fieldFamilies returns a family for each field.
func fieldFamilies(metrics []fieldMetric, labels string, write func(betanet.Field) func(*lines, *renderContext)) (all []family) {
	for _, m := range metrics {
		f := family{name: m.name, metricType: gauge, labels: labels, help: m.help, upstream: write(m.field)}
		if m.field.IsCounter() {
			f.metricType, f.mixnodeSum = counter, labels == ""
		}
		all = append(all, f)
	}
	return all
}

// upstreamField returns a function that writes a field of an upstream. An unknown
// value is absent, never zero.
func upstreamField(f betanet.Field) func(*lines, *renderContext) {
	if f.IsMean() {
		return func(w *lines, c *renderContext) {
			if x, ok := c.values.Metric(f); ok {
				w.float("", x)
			}
		}
	}
	return func(w *lines, c *renderContext) { w.known("", c.values.Uint(f)) }
}

// mixnodeField returns a function that writes a field of each mixnode.
func mixnodeField(f betanet.Field) func(*lines, *renderContext) {
	if f.IsMean() {
		return func(w *lines, c *renderContext) {
			for i, label := range c.mixnodeLabels() {
				if x, ok := c.values.Mixnodes[i].Metric(f); ok {
					w.float(label, x)
				}
			}
		}
	}
	return func(w *lines, c *renderContext) {
		for i, label := range c.mixnodeLabels() {
			w.known(label, c.values.Mixnodes[i].Uint(f))
		}
	}
}

// dataFamilies are computed from the documents of an upstream, not copied from a field.
var dataFamilies = []family{
	{
		name: "betanet_message_latency_seconds", metricType: histogram, accumulated: true,
		help: "Message latency in seconds", upstream: func(w *lines, c *renderContext) {
			if h := c.values.Latency; h != nil {
				w.histogram("", h)
			}
		},
	},
	{
		name: "betanet_mixnode_up", metricType: gauge, labels: "mixnode",
		help: "Whether a mixnode has status active", upstream: func(w *lines, c *renderContext) {
			for i, label := range c.mixnodeLabels() {
				w.bool(label, c.values.Mixnodes[i].Active())
			}
		},
	},
	{
		name: "betanet_mixnodes_omitted", metricType: gauge,
		help: "Number of mixnodes beyond --metrics.mixnodes, which have no series of their own", upstream: func(w *lines, c *renderContext) {
			if n := c.omitted(); n > 0 {
				w.uint("", uint64(n))
			}
		},
	},
	{
		name: "betanet_packet_latency_seconds", metricType: summary, mixnodeSum: true,
		help: "Processing time of packets in each node, in seconds, for API mixnodes; a packet through three nodes counts three times", upstream: func(w *lines, c *renderContext) {
			if l := c.values.PacketLatency; l != nil {
				w.sumAndCount("", l.Seconds(), l.Packets)
			}
		},
	},
	{
		name: "betanet_up", metricType: gauge, scope: perUpstream, upstream: func(w *lines, c *renderContext) { w.bool("", c.view.Up() && !c.unfinished) },
		help: "Whether the last collection of every endpoint of the upstream succeeded; 0 before the first",
	},
}
