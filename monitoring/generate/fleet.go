package main

var fleetDashboard = dashboard{
	uid: "betanet-fleet", title: "Betanet fleet", variables: upstreamVariables,
	description: "All upstreams together: how many are up, their traffic, loss and latency. If two exporters poll the same upstreams, select one instance, or everything is counted twice.",
	rows: []row{
		{"At a glance", []panel{
			{
				panelType: stat, title: "Coverage", width: 4, height: 5, unit: "percentunit", min: ptr(0), max: ptr(1),
				description: "Share of the upstreams whose last collection fetched every document.",
				targets:     []target{{expr: sum(isUp) + " / count(" + isUp + ")"}},
				thresholds:  []threshold{{0, bad}, {0.8, poor}, {1, good}},
				alerts:      []string{"BetanetFleetCoverageLow", "BetanetDown"},
			},
			{
				panelType: stat, title: "Upstreams", width: 8, height: 5, unit: "short",
				description: "Upstreams by state: up = the last collection fetched every document; stale or partial = it did not, but there are values; no values = there are none, or they have expired.",
				targets:     upstreamsByState,
				alerts:      []string{"BetanetDown", "BetanetDataStale"},
			},
			{
				panelType: stat, title: "Messages", width: 4, height: 5, unit: "ops",
				description: "Messages per second of the upstreams that can be fetched. Others are left out, not counted as 0.",
				targets:     []target{{expr: sum(fresh("metrics", rate(messages)))}},
				alerts:      []string{"BetanetNoTraffic"},
			},
			{
				panelType: stat, title: "Lost packets", width: 4, height: 5, unit: "percentunit",
				description: "Dropped packets as a share of dropped and forwarded ones, across all upstreams that can be fetched. With API v1 the processed packets, which exclude the dropped ones, count as forwarded.",
				targets:     []target{{expr: fleetLoss}},
				thresholds:  lossThresholds,
				alerts:      []string{"BetanetPacketLossHigh"},
			},
			{
				panelType: stat, title: "Scrapes", width: 4, height: 5, unit: "short",
				description: "Targets whose last scrape succeeded, and targets whose last scrape failed.",
				targets: []target{
					{expr: `sum(up{job=~"$job"})`, legend: "succeeded", colour: good},
					{expr: `sum(1 - up{job=~"$job"})`, legend: "failed", colour: bad},
				},
				alerts: []string{"BetanetExporterDown"},
			},
		}},
		{"Upstreams", []panel{
			{
				panelType: timeseries, title: "Upstreams by state", width: 9, height: 9, unit: "short", min: ptr(0), stacked: true,
				description: "How many upstreams are up, stale or partial, and without values.",
				targets:     upstreamsByState,
				alerts:      []string{"BetanetDown", "BetanetDataStale", "BetanetFleetCoverageLow"},
			},
			{
				panelType: table, title: "Upstreams", width: 15, height: 9, unit: "short", sortBy: "State", drillDown: true,
				description: "Each upstream, the worst first: its state, the age of its oldest document, and the most frequent reason for its failures. An upstream without a name, the only one of its exporter, is shown as All. Click an upstream to open its dashboard.",
				targets: []target{
					{expr: named(state), legend: "State", mappings: stateMappings},
					{expr: named(age), legend: "Age of values", unit: "s"},
					{expr: named("topk by " + upstreamKey + " (1, count by (job, instance, upstream, reason) (betanet_exporter_endpoint_failing{@upstreams}))")},
				},
				alerts: []string{"BetanetDown", "BetanetDataStale"},
			},
			{
				panelType: timeseries, title: "Failing endpoints by reason", width: 12, height: 7, unit: "short", min: ptr(0), stacked: true,
				description: "Endpoints whose last collection failed, by reason. Empty while all succeed.",
				targets:     []target{{expr: "sum by (reason) (betanet_exporter_endpoint_failing{@upstreams})", legend: "{{reason}}"}},
				alerts:      []string{"BetanetDown"},
			},
			{
				panelType: timeseries, title: "Circuit breakers not closed", width: 12, height: 7, unit: "short", min: ptr(0), stacked: true,
				description: "Endpoints that get no requests (open) or one probe (half-open).",
				targets: []target{
					{expr: "sum(betanet_exporter_circuit_breaker_state{@upstreams} == bool 2)", legend: "open", colour: bad},
					{expr: "sum(betanet_exporter_circuit_breaker_state{@upstreams} == bool 1)", legend: "half-open", colour: poor},
				},
				alerts: []string{"BetanetCircuitBreakerOpen"},
			},
		}},
		{"Traffic", []panel{
			{
				panelType: timeseries, title: "Messages", width: 8, height: 8, unit: "ops", min: ptr(0),
				description: "Messages per second of the upstreams that can be fetched.",
				targets:     []target{{expr: sum(fresh("metrics", rate(messages))), legend: "messages"}},
				alerts:      []string{"BetanetNoTraffic"},
			},
			{
				panelType: timeseries, title: "Bytes", width: 8, height: 8, unit: "Bps", min: ptr(0),
				description: "Bytes per second of the upstreams that can be fetched. API mixnodes does not report bytes.",
				targets: []target{
					{expr: sum(fresh("network", rate(sent))), legend: "transmitted"},
					{expr: sum(fresh("network", rate(received))), legend: "received"},
				},
			},
			{
				panelType: timeseries, title: "Lost packets", width: 8, height: 8, unit: "percentunit", min: ptr(0),
				description: "Dropped packets as a share of dropped and forwarded ones, across all upstreams that can be fetched. There is no line while there is no traffic.",
				targets:     []target{{expr: fleetLoss, legend: "lost"}},
				thresholds:  lossThresholds,
				alerts:      []string{"BetanetPacketLossHigh"},
			},
			{
				panelType: table, title: "Upstreams with the highest loss", width: 12, height: 8, unit: "percentunit", sortBy: "Lost packets", descending: true, drillDown: true,
				description: "The ten upstreams with the largest share of dropped packets now.",
				targets:     []target{{expr: named("topk(10, " + fresh("metrics", packetLoss) + ")"), legend: "Lost packets"}},
				thresholds:  lossThresholds,
				alerts:      []string{"BetanetPacketLossHigh"},
			},
			{
				panelType: table, title: "Slowest upstreams", width: 12, height: 8, unit: "s", sortBy: "Average latency", descending: true, drillDown: true,
				description: "The ten upstreams with the highest average latency now, among those that can be fetched.",
				targets:     []target{{expr: named("topk(10, " + fresh("network", meanLatency) + ")"), legend: "Average latency"}},
				thresholds:  latencyThresholds,
				alerts:      []string{"BetanetLatencyHigh"},
			},
		}},
		{"Latency", []panel{
			{
				panelType: timeseries, title: "Upstreams by latency", width: 12, height: 9, unit: "short", min: ptr(0), stacked: true,
				description: "How many upstreams have an average latency within each range now, among those that can be fetched.",
				targets: []target{
					{expr: "sum(" + latencyNow + " < bool 0.1)", legend: "below 0.1 s", colour: good},
					{expr: "sum(" + latencyNow + " >= bool 0.1) - sum(" + latencyNow + " >= bool 0.5)", legend: "0.1 s to 0.5 s", colour: neutral},
					{expr: "sum(" + latencyNow + " >= bool 0.5) - sum(" + latencyNow + " > bool 1)", legend: "0.5 s to 1 s", colour: poor},
					{expr: "sum(" + latencyNow + " > bool 1)", legend: "above 1 s", colour: bad},
				},
				alerts: []string{"BetanetLatencyHigh"},
			},
			{
				panelType: timeseries, title: "Latency quantiles", width: 12, height: 9, unit: "s", min: ptr(0),
				description: "Quantiles of the current average latencies of the selected upstreams that can be fetched: half of the upstreams are faster than the first line.",
				targets: []target{
					{expr: "quantile(0.5, " + latencyNow + ")", legend: "50 %"},
					{expr: "quantile(0.9, " + latencyNow + ")", legend: "90 %"},
					{expr: "quantile(0.99, " + latencyNow + ")", legend: "99 %"},
				},
				thresholds: latencyThresholds,
				alerts:     []string{"BetanetLatencyHigh"},
			},
		}},
		{"Network", []panel{
			{
				panelType: timeseries, title: "Mixnodes", width: 8, height: 8, unit: "short", min: ptr(0), stacked: true,
				description: "Active and inactive mixnodes of all upstreams, last good values included.",
				targets: []target{
					{expr: sum("betanet_mixnode_active{@upstreams}"), legend: "active", colour: good},
					{expr: sum("betanet_mixnode_inactive{@upstreams}"), legend: "inactive", colour: bad},
				},
				alerts: []string{"BetanetMixnodesInactive"},
			},
			{
				panelType: timeseries, title: "Peers", width: 8, height: 8, unit: "short", min: ptr(0),
				description: "The sum of connected peers, and how many of them are last good values of upstreams that cannot be fetched.",
				targets: []target{
					{expr: sum("betanet_connected_peers{@upstreams}"), legend: "all"},
					{expr: sum(lastGood("nodes", "betanet_connected_peers{@upstreams}")), legend: "last good values only", dashed: true},
				},
				alerts: []string{"BetanetTooFewPeers", "BetanetDataStale"},
			},
			{
				panelType: table, title: "Upstreams with the fewest peers", width: 8, height: 8, unit: "short", sortBy: "Peers", drillDown: true,
				description: "The ten upstreams with the fewest connected peers now.",
				targets:     []target{{expr: named("bottomk(10, betanet_connected_peers{@upstreams})"), legend: "Peers"}},
				thresholds:  peerThresholds,
				alerts:      []string{"BetanetTooFewPeers"},
			},
		}},
	},
}

// fleetLoss is the ratio of the sums over the upstreams that report both numbers: with
// API mixnodes not every upstream counts dropped packets.
var fleetLoss = share(sum(fresh("metrics", rate(dropped))), sum(fresh("metrics", allPackets)))

var upstreamsByState = []target{
	{expr: sum(isUp), legend: "up", colour: good},
	{expr: sum(hasValues + " - " + isUp), legend: "stale or partial", colour: poor},
	{expr: sum("1 - " + hasValues), legend: "no values", colour: bad},
}

// named sets the label upstream to All for an upstream without a name, so that the links
// in tables select it.
func named(expr string) string {
	return `label_replace(` + expr + `, "upstream", "All", "upstream", "")`
}
