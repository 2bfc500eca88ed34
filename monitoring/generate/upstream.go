package main

var upstreamDashboard = dashboard{
	uid: "betanet-upstream", title: "Betanet upstream", variables: upstreamVariables,
	description: "One upstream, or a few to compare: whether it is up, its traffic, loss and latency, and its mixnodes.",
	rows: []row{
		{"State", []panel{
			{
				panelType: timeline, title: "State", width: 12, height: 6, unit: "short", mappings: stateMappings,
				description: "up = the last collection fetched every document; stale or partial = it did not, but there are values; no values = there are none, or they have expired.",
				targets:     []target{{expr: state, legend: name}},
				alerts:      []string{"BetanetDown", "BetanetDataStale", "BetanetExporterDown"},
			},
			{
				panelType: timeline, title: "Endpoints", width: 12, height: 6, unit: "short",
				description: "up = the last collection succeeded; failing = it failed, and the last good values are shown until they expire.",
				targets:     []target{{expr: "betanet_exporter_endpoint_up{@upstreams}", legend: name + " {{endpoint}} {{replica}}"}},
				mappings:    []mapping{{1, "up", good}, {0, "failing", bad}},
				alerts:      []string{"BetanetDataStale"},
			},
			{
				panelType: timeline, title: "Circuit breakers", width: 12, height: 7, unit: "short",
				description: "closed = the endpoint gets requests; open = it gets none, after too many consecutive failures; half-open = it gets one probe.",
				targets:     []target{{expr: "betanet_exporter_circuit_breaker_state{@upstreams}", legend: name + " {{endpoint}} {{replica}}"}},
				mappings:    []mapping{{0, "closed", good}, {1, "half-open", poor}, {2, "open", bad}},
				alerts:      []string{"BetanetCircuitBreakerOpen"},
			},
			{
				panelType: timeline, title: "Failing endpoints, with the reason", width: 12, height: 7, unit: "short",
				description: "A line for each endpoint and reason, filled while the last collection failed for that reason. Empty while all succeed.",
				targets:     []target{{expr: "betanet_exporter_endpoint_failing{@upstreams}", legend: name + " {{endpoint}}: {{reason}}"}},
				mappings:    []mapping{{1, "failing", bad}},
				alerts:      []string{"BetanetDown"},
			},
			{
				panelType: timeseries, title: "Age of the last good document", width: 8, height: 7, unit: "s", min: ptr(0),
				description: "How long ago each document was last fetched. It grows during an outage; at cache.max-stale the values disappear.",
				targets:     []target{{expr: "time() - betanet_exporter_last_success_timestamp_seconds{@upstreams}", legend: name + " {{endpoint}}"}},
				alerts:      []string{"BetanetDataStale"},
			},
			{
				panelType: timeseries, title: "Collection duration", width: 8, height: 7, unit: "s", min: ptr(0),
				description: "How long the last collection took, with all its retries.",
				targets:     []target{{expr: "betanet_exporter_collection_duration_seconds{@upstreams}", legend: name}},
			},
			{
				panelType: timeline, title: "Replica in use", width: 8, height: 7, unit: "short",
				description: "The replica that gets the requests. Empty for an upstream with one URL.",
				targets:     []target{{expr: `min by (job, instance, upstream, replica) (betanet_exporter_endpoint_up{@upstreams, replica!=""})`, legend: name + " {{replica}}"}},
				mappings:    []mapping{{1, "in use", good}, {0, "in use, failing", bad}},
				alerts:      []string{"BetanetDown"},
			},
		}},
		{"Certificates", []panel{
			{
				panelType: timeseries, title: "Time to certificate expiry", width: 24, height: 6, unit: "s",
				description: "Time until the first of the certificates that an https upstream sent last expires. Below 0 it has expired. Empty for upstreams over plain HTTP.",
				targets:     []target{{expr: "betanet_exporter_tls_certificate_expiry_timestamp_seconds{@upstreams} - time()", legend: name}},
				thresholds:  []threshold{{0, bad}, {1, poor}, {14 * 86400, good}},
				alerts:      []string{"BetanetCertificateExpiring"},
			},
		}},
		{"Traffic", []panel{
			{
				panelType: timeseries, title: "Messages", width: 12, height: 8, unit: "ops", min: ptr(0),
				description: "Messages per second. There is a gap while they cannot be fetched, because the unchanged counter would look like an absence of traffic.",
				targets:     []target{{expr: fresh("metrics", rate(messages)), legend: inUse}},
				alerts:      []string{"BetanetNoTraffic"},
			},
			{
				panelType: timeseries, title: "Bytes", width: 12, height: 8, unit: "Bps", min: ptr(0),
				description: "Bytes per second. There is a gap while they cannot be fetched. API mixnodes does not report bytes.",
				targets: []target{
					{expr: fresh("network", rate(sent)), legend: inUse + " transmitted"},
					{expr: fresh("network", rate(received)), legend: inUse + " received", dashed: true},
				},
			},
			{
				panelType: timeseries, title: "Lost packets", width: 12, height: 8, unit: "percentunit", min: ptr(0),
				description: "Dropped packets as a share of dropped and forwarded ones. With API v1 the processed packets, which exclude the dropped ones, count as forwarded. There is no line while there is no traffic.",
				targets:     []target{{expr: fresh("metrics", packetLoss), legend: inUse}},
				thresholds:  lossThresholds,
				alerts:      []string{"BetanetPacketLossHigh"},
			},
			{
				panelType: timeseries, title: "Dropped and forwarded packets", width: 12, height: 8, unit: "pps", min: ptr(0),
				description: "Packets per second. API v1 does not report forwarded packets.",
				targets: []target{
					{expr: fresh("metrics", rate(dropped)), legend: inUse + " dropped"},
					{expr: fresh("metrics", rate(forwarded)), legend: inUse + " forwarded", dashed: true},
				},
				alerts: []string{"BetanetPacketLossHigh"},
			},
			{
				panelType: timeseries, title: "Restarts and switches", width: 12, height: 7, unit: "short", min: ptr(0),
				description: "Collections that showed a restart of the upstream, and switches to another replica.",
				targets: []target{
					{expr: "increase(betanet_exporter_upstream_resets_total{@upstreams}[$__rate_interval])", legend: name + " restarts"},
					{expr: "increase(betanet_exporter_replica_switches_total{@upstreams}[$__rate_interval])", legend: name + " switches", dashed: true},
				},
				alerts: []string{"BetanetCounterResets"},
			},
			{
				panelType: timeseries, title: "Peak throughput", width: 12, height: 7, unit: "short", min: ptr(0),
				description: "As reported by the upstream, in an unknown unit. Dashed while only the last good value is known.",
				targets:     freshAndLastGood("network", "betanet_peak_throughput{@upstreams}", inUse),
				alerts:      []string{"BetanetDataStale"},
			},
		}},
		{"Latency", []panel{
			{
				panelType: timeseries, title: "Average latency", width: 8, height: 8, unit: "s", min: ptr(0),
				description: "With API mixnodes the mean over current packets, with no line while there are none; with API v1 the average that the upstream reported last. Dashed while only the last good value is known.",
				targets:     freshAndLastGood("network", meanLatency, inUse),
				thresholds:  latencyThresholds,
				alerts:      []string{"BetanetLatencyHigh", "BetanetDataStale"},
			},
			{
				panelType: timeseries, title: "Latency quantiles", width: 8, height: 8, unit: "s", min: ptr(0),
				description: "Quantiles of averages, not of single messages: of the averages of all documents with --metrics.latency-histogram, otherwise of the average latency over five minutes.",
				targets: []target{
					{expr: latencyQuantile("0.5"), legend: name + " 50 %"},
					{expr: latencyQuantile("0.9"), legend: name + " 90 %"},
					{expr: latencyQuantile("0.99"), legend: name + " 99 %"},
				},
				thresholds: latencyThresholds,
				alerts:     []string{"BetanetLatencyHigh"},
			},
			{
				panelType: heatmap, title: "Latency distribution", width: 8, height: 8, unit: "s", calculate: true,
				description: "How often the average latency was in each range: a distribution of averages, not of single messages. It needs no histogram.",
				targets:     []target{{expr: latencyNow, legend: name}},
				alerts:      []string{"BetanetLatencyHigh"},
			},
		}},
		{"Network", []panel{
			{
				panelType: timeseries, title: "Peers", width: 12, height: 8, unit: "short", min: ptr(0),
				description: "Connected peers. Dashed while only the last good value is known.",
				targets:     freshAndLastGood("nodes", "betanet_connected_peers{@upstreams}", inUse),
				alerts:      []string{"BetanetTooFewPeers", "BetanetDataStale"},
			},
			{
				panelType: timeseries, title: "Mixnodes", width: 12, height: 8, unit: "short", min: ptr(0),
				description: "Active and inactive mixnodes. Dashed while only the last good values are known.",
				targets: append(
					freshAndLastGood("nodes", "betanet_mixnode_active{@upstreams}", inUse+" active"),
					freshAndLastGood("nodes", "betanet_mixnode_inactive{@upstreams}", inUse+" inactive")...,
				),
				alerts: []string{"BetanetMixnodesInactive", "BetanetDataStale"},
			},
		}},
		{"Individual mixnodes (only with API mixnodes)", []panel{
			{
				panelType: table, title: "Mixnodes", width: 16, height: 10, unit: "short", sortBy: "State",
				description: "The last values of each mixnode, inactive ones first. At most --metrics.mixnodes mixnodes of an upstream have series of their own. Packets and losses are shown only while they can be fetched.",
				targets: []target{
					{expr: byMixnode("betanet_mixnode_up{@upstreams}"), legend: "State", mappings: []mapping{{1, "active", good}, {0, "not active", bad}}},
					{expr: byMixnode("betanet_mixnode_uptime_seconds{@upstreams}"), legend: "Uptime", unit: "s"},
					{expr: byMixnode("betanet_mixnode_average_latency_seconds{@upstreams}"), legend: "Average latency", unit: "s"},
					{expr: byMixnode(fresh("mixnodes", rate(nodeProcessed))), legend: "Processed", unit: "pps"},
					{expr: byMixnode(fresh("mixnodes", nodeLoss)), legend: "Lost", unit: "percentunit"},
				},
				alerts: []string{"BetanetMixnodesInactive"},
			},
			{
				panelType: timeseries, title: "Omitted mixnodes", width: 8, height: 10, unit: "short", min: ptr(0),
				description: "Mixnodes beyond the limit --metrics.mixnodes, which have no series of their own. Empty if there are none.",
				targets:     []target{{expr: "betanet_mixnodes_omitted{@upstreams}", legend: inUse}},
			},
			{
				panelType: timeseries, title: "Packets processed", width: 8, height: 8, unit: "pps", min: ptr(0),
				description: "Packets per second of the ten mixnodes that process the most at each moment.",
				targets:     []target{{expr: "topk(10, " + fresh("mixnodes", rate(nodeProcessed)) + ")", legend: mixnode}},
				alerts:      []string{"BetanetNoTraffic"},
			},
			{
				panelType: timeseries, title: "Packets forwarded", width: 8, height: 8, unit: "pps", min: ptr(0),
				description: "Packets per second of the ten mixnodes that forward the most at each moment.",
				targets:     []target{{expr: "topk(10, " + fresh("mixnodes", rate("betanet_mixnode_packets_forwarded_total{@upstreams}")) + ")", legend: mixnode}},
			},
			{
				panelType: timeseries, title: "Packets lost", width: 8, height: 8, unit: "percentunit", min: ptr(0),
				description: "Dropped packets as a share of processed packets, which include them, of the ten mixnodes that lose the most at each moment. A mixnode without traffic has no line.",
				targets:     []target{{expr: "topk(10, " + fresh("mixnodes", nodeLoss) + ")", legend: mixnode}},
				thresholds:  lossThresholds,
				alerts:      []string{"BetanetPacketLossHigh"},
			},
		}},
	},
}

// Legends. The instance identifies an upstream without a name.
const (
	name    = "{{upstream}} {{instance}}"
	inUse   = name + " {{replica}}" // values come from one replica
	mixnode = "{{mixnode}} {{upstream}} {{instance}}"
)

const (
	nodeProcessed = "betanet_mixnode_packets_processed_total{@upstreams}"
	nodeDropped   = "betanet_mixnode_packets_dropped_total{@upstreams}"
)

var nodeLoss = share(rate(nodeDropped), rate(nodeProcessed))

// byMixnode keeps the labels that identify a row in the table of mixnodes.
func byMixnode(expr string) string { return "max by (" + upstreamLabels + ", mixnode) (" + expr + ")" }

// freshAndLastGood returns two lines for one value: one while it can be fetched, and one
// while only the last good value is known.
func freshAndLastGood(document, series, legend string) []target {
	return []target{
		{expr: fresh(document, series), legend: legend},
		{expr: lastGood(document, series), legend: legend + " (last good)", dashed: true},
	}
}
