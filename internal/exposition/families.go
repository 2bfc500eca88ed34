// Package exposition turns what is known into samples. It is the only place
// with metric names. The lines of an upstream are rendered when its view
// changes; a scrape only concatenates them, family by family.
package exposition

import (
	"cmp"
	"slices"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// kind is the type of a family.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
	summary   kind = "summary" // without quantiles
)

// scope tells whether the samples of an upstream carry the replica in use beside
// its name and the operator's labels.
type scope uint8

const (
	perReplica  scope = iota // of documents and endpoints
	perUpstream              // of the upstream as a whole
	numScopes
)

// family is one metric: its contract, and how to write its samples of one
// upstream, of the exporter itself, or of all upstreams together: one of the
// three functions.
type family struct {
	name     string
	kind     kind
	labels   string // beside those of the scope, for the documentation
	help     string // without a full stop at the end
	upstream func(*lines, *subject)
	exporter func(*ExporterMetrics, *lines)
	fleet    func(*together, *lines)
	scope    scope
	memory   bool // accumulates across documents; omitted from /probe
	sum      bool // does so for API mixnodes
}

// families is every metric except those about the Go runtime, the process and
// the build, in the order in which they are written.
var families = sortedFamilies(dataFamilies, endpointFamilies, exporterFamilies, fleetFamilies)

func sortedFamilies(tables ...[]family) []family {
	all := slices.Concat(tables...)
	slices.SortFunc(all, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	return all
}

// fleetFamilies are about all upstreams together.
var fleetFamilies = []family{
	{
		name: "betanet_fleet_bytes_received_total", kind: counter, fleet: growth(fleet.BytesReceived),
		help: "Bytes received by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_bytes_received_total)",
	},
	{
		name: "betanet_fleet_bytes_transmitted_total", kind: counter, fleet: growth(fleet.BytesTransmitted),
		help: "Bytes transmitted by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_bytes_transmitted_total)",
	},
	{
		name: "betanet_fleet_connected_peers", kind: gauge, fleet: (*together).writePeers,
		help: "Connected peers of all upstreams, last good values included; see betanet_fleet_upstreams for how many are missing",
	},
	{
		name: "betanet_fleet_messages_total", kind: counter, fleet: growth(fleet.Messages),
		help: "Messages processed by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_messages_total)",
	},
	{
		name: "betanet_fleet_mixnode_active", kind: gauge, fleet: (*together).writeActive,
		help: "Active mixnodes of all upstreams, last good values included; see betanet_fleet_upstreams for how many are missing",
	},
	{
		name: "betanet_fleet_packets_dropped_total", kind: counter, fleet: growth(fleet.Dropped),
		help: "Packets dropped by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_packets_dropped_total)",
	},
	{
		name: "betanet_fleet_packets_forwarded_total", kind: counter, fleet: growth(fleet.Forwarded),
		help: "Packets forwarded by all upstreams since the exporter started, by increases only; of API v1 those processed; the plain total of API mixnodes is sum(betanet_packets_forwarded_total)",
	},
	{
		name: "betanet_fleet_upstreams", kind: gauge, labels: "state", fleet: (*together).writeStates,
		help: "Upstreams by state: up = every endpoint's last collection good, stale = one failed but there are unexpired data, down = none, pending = not yet tried",
	},
}
