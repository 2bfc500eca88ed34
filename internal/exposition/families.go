// Package exposition turns views into samples. All metric names are defined here. The
// lines of an upstream are rendered when its view changes; a scrape only concatenates
// them, family by family.
package exposition

import (
	"cmp"
	"slices"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// metricType is the type of a family.
type metricType string

const (
	counter   metricType = "counter"
	gauge     metricType = "gauge"
	histogram metricType = "histogram"
	summary   metricType = "summary" // without quantiles
)

// scope decides whether the samples of an upstream have the label replica.
type scope uint8

const (
	perReplica  scope = iota // samples of documents and endpoints
	perUpstream              // samples of the upstream as a whole
	numScopes
)

// family is a metric family: its description and a function that writes its samples.
// Exactly one of upstream, exporter and fleet is set.
type family struct {
	name        string
	metricType  metricType
	labels      string // in addition to the labels of the scope, for the documentation
	help        string // without a full stop at the end
	upstream    func(*lines, *renderContext)
	exporter    func(*ExporterMetrics, *lines)
	fleet       func(*fleetTotals, *lines)
	scope       scope
	accumulated bool // accumulates across documents; omitted from /probe
	mixnodeSum  bool // accumulates across documents with API mixnodes
}

// families lists the families in the order in which they are written. The families of
// the Go runtime, the process and the build, which come from client_golang, follow them.
var families = sortedFamilies(
	fieldFamilies(upstreamFields, "", upstreamField), fieldFamilies(mixnodeFields, "mixnode", mixnodeField), dataFamilies,
	endpointFamilies, exporterFamilies, fleetFamilies(),
)

func sortedFamilies(tables ...[]family) []family {
	all := slices.Concat(tables...)
	slices.SortFunc(all, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	return all
}

// fleetCounters are the increases of counters, summed over all upstreams.
var fleetCounters = []fieldMetric{
	{betanet.BytesReceived, "betanet_fleet_bytes_received_total", "Bytes received by all upstreams since the exporter started, counting increases only; the plain total is sum(betanet_bytes_received_total)"},
	{betanet.BytesTransmitted, "betanet_fleet_bytes_transmitted_total", "Bytes transmitted by all upstreams since the exporter started, counting increases only; the plain total is sum(betanet_bytes_transmitted_total)"},
	{betanet.PacketsProcessed, "betanet_fleet_messages_total", "Messages processed by all upstreams since the exporter started, counting increases only; the plain total is sum(betanet_messages_total)"},
	{betanet.PacketsDropped, "betanet_fleet_packets_dropped_total", "Packets dropped by all upstreams since the exporter started, counting increases only; the plain total is sum(betanet_packets_dropped_total)"},
	{betanet.PacketsForwarded, "betanet_fleet_packets_forwarded_total", "Packets forwarded by all upstreams since the exporter started, counting increases only; for API v1, packets processed; the plain total for API mixnodes is sum(betanet_packets_forwarded_total)"},
}

// fleetGauges are current values, summed over all upstreams.
var fleetGauges = []fieldMetric{
	{betanet.TotalNodes, "betanet_fleet_connected_peers", "Connected peers of all upstreams, including last good values; betanet_fleet_upstreams shows how many upstreams are missing"},
	{betanet.ActiveNodes, "betanet_fleet_mixnode_active", "Active mixnodes of all upstreams, including last good values; betanet_fleet_upstreams shows how many upstreams are missing"},
}

// fleetFamilies returns the families that aggregate all upstreams.
func fleetFamilies() []family {
	all := []family{{
		name: "betanet_fleet_upstreams", metricType: gauge, labels: "state", fleet: (*fleetTotals).writeStates,
		help: "Upstreams by state: up = the last collection of every endpoint succeeded, stale = one failed but unexpired data remains, down = no data, pending = not yet tried",
	}}
	for _, m := range fleetCounters {
		all = append(all, family{name: m.name, metricType: counter, help: m.help, fleet: func(t *fleetTotals, w *lines) { w.uint("", t.growth[m.field]) }})
	}
	for _, m := range fleetGauges {
		all = append(all, family{name: m.name, metricType: gauge, help: m.help, fleet: func(t *fleetTotals, w *lines) { w.known("", t.sums.Uint(m.field)) }})
	}
	return all
}
