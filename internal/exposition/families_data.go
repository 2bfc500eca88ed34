package exposition

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// subject is an upstream at the moment of rendering.
type subject struct {
	view   *fleet.View
	values fleet.Values
	now    time.Time
	late   bool     // the collection that was asked for is still running
	ids    []string // labels of the mixnodes with series of their own, once asked for
}

// mixnodeLabels are the labels of the mixnodes, made once for all families.
func (s *subject) mixnodeLabels() []string {
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
func (s *subject) omitted() int {
	return max(0, len(s.values.Mixnodes)-s.view.Upstream.Settings.Mixnodes)
}

// dataFamilies are what the documents of an upstream give.
var dataFamilies = []family{
	{
		name: "betanet_average_latency_seconds", kind: gauge,
		help: "Average message latency as the upstream last gave it, in seconds; of API mixnodes the mean over all packets since deployment", upstream: func(w *lines, s *subject) {
			if l := s.values.LatencySeconds; l != nil {
				w.float("", *l)
			}
		},
	},
	data("betanet_bytes_received_total", counter, "Total bytes received", func(v *fleet.Values) *uint64 { return v.BytesRecvd }),
	data("betanet_bytes_transmitted_total", counter, "Total bytes transmitted", func(v *fleet.Values) *uint64 { return v.BytesTransmitted }),
	data("betanet_connected_peers", gauge, "Number of connected peers", func(v *fleet.Values) *uint64 { return v.Peers }),
	{
		name: "betanet_message_latency_seconds", kind: histogram, memory: true,
		help: "Message latency in seconds", upstream: func(w *lines, s *subject) {
			if h := s.values.Latency; h != nil {
				w.histogram("", h)
			}
		},
	},
	summed("betanet_messages_total", "Total messages processed", func(v *fleet.Values) *uint64 { return v.Messages }),
	data("betanet_mixnode_active", gauge, "Number of active mixnodes", func(v *fleet.Values) *uint64 { return v.Active }),
	{
		name: "betanet_mixnode_average_latency_seconds", kind: gauge, labels: "mixnode",
		help: "Average latency of the packets of a mixnode since it was deployed, in seconds; absent without packets", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			if seconds, ok := m.LatencySeconds(); ok {
				w.float(label, seconds)
			}
		}),
	},
	data("betanet_mixnode_inactive", gauge, "Number of mixnodes that are not active", func(v *fleet.Values) *uint64 { return v.Inactive }),
	{
		name: "betanet_mixnode_packets_dropped_total", kind: counter, labels: "mixnode",
		help: "Packets dropped by a mixnode", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.known(label, m.PacketsDropped)
		}),
	},
	{
		name: "betanet_mixnode_packets_forwarded_total", kind: counter, labels: "mixnode",
		help: "Packets forwarded by a mixnode", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.known(label, m.PacketsForwarded)
		}),
	},
	{
		name: "betanet_mixnode_packets_processed_total", kind: counter, labels: "mixnode",
		help: "Packets processed by a mixnode, forwarded and dropped ones", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.uint(label, m.PacketsProcessed)
		}),
	},
	{
		name: "betanet_mixnode_up", kind: gauge, labels: "mixnode",
		help: "Whether a mixnode has status active", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.bool(label, m.Active())
		}),
	},
	{
		name: "betanet_mixnode_uptime_seconds", kind: gauge, labels: "mixnode",
		help: "How long a mixnode has been up, in seconds", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.known(label, m.UptimeSeconds)
		}),
	},
	{
		name: "betanet_mixnodes_omitted", kind: gauge,
		help: "Number of mixnodes beyond --metrics.mixnodes, which have no series of their own", upstream: func(w *lines, s *subject) {
			if n := s.omitted(); n > 0 {
				w.uint("", uint64(n))
			}
		},
	},
	{
		name: "betanet_packet_latency_seconds", kind: summary, sum: true,
		help: "Processing time of packets in each node, in seconds, of API mixnodes; a packet through three nodes counts three times", upstream: func(w *lines, s *subject) {
			if l := s.values.PacketLatency; l != nil {
				w.sumAndCount("", l.Seconds(), l.Packets)
			}
		},
	},
	summed("betanet_packets_dropped_total", "Total packets dropped", func(v *fleet.Values) *uint64 { return v.Dropped }),
	summed("betanet_packets_forwarded_total", "Total packets forwarded, of API mixnodes", func(v *fleet.Values) *uint64 { return v.Forwarded }),
	data("betanet_peak_throughput", gauge, "Peak throughput as the upstream gives it, in a unit that only the upstream knows", func(v *fleet.Values) *uint64 { return v.PeakThroughput }),
	{
		name: "betanet_up", kind: gauge, scope: perUpstream,
		help: "Whether the last collection of every endpoint of the upstream succeeded; 0 before the first", upstream: func(w *lines, s *subject) {
			w.bool("", s.view.Up() && !s.late)
		},
	},
}

// data is a family of one number that an upstream's documents hold. Unknown is
// absent, never zero.
func data(name string, k kind, help string, get func(*fleet.Values) *uint64) family {
	return family{name: name, kind: k, help: help, upstream: func(w *lines, s *subject) { w.known("", get(&s.values)) }}
}

// summed is a counter that is a sum over mixnodes for that API.
func summed(name, help string, get func(*fleet.Values) *uint64) family {
	f := data(name, counter, help, get)
	f.sum = true
	return f
}

// mixnodes writes samples for each mixnode of an upstream that has series of its
// own.
func mixnodes(write func(w *lines, label string, m *betanet.Mixnode)) func(*lines, *subject) {
	return func(w *lines, s *subject) {
		for i, label := range s.mixnodeLabels() {
			write(w, label, &s.values.Mixnodes[i])
		}
	}
}
